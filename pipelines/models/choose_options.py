"""Choosing what a classifier learns with, on a part of the texts to learn from that is apart from tuning and testing.

Where there are several labelled files, each of them in turn is kept out, because what is wanted are options that do well on
texts of a source that nothing was learnt from. Otherwise an eighth of the texts, whole clusters of near copies, is kept
out. A model for each candidate is learnt from the others, and the greatest area under the curve on what was kept out (the
mean of the sources) decides. First which n-grams are features, then learning rate and epochs. A later candidate, which
costs more, has to be better by MIN_GAIN. Options that are given stay as given.

Cost: for each source nine models at most of MAX_TEXTS texts of up to MAX_CHARACTERS characters; seconds for tweets, a
minute or two for documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from gristmill.filters.models.classifier import fasttext_model, raw_probability
from gristmill.console import Console
from gristmill.pipelines.models.fasttext_options import FasttextOptions, LabelledText, train
from gristmill.pipelines.models.figures import area_under_curve
from gristmill.pipelines.models.sample import NO_SOURCE, TRAIN, Sample, diluted

FEATURES = ((1, (0, 0)), (2, (0, 0)), (1, (4, 6)), (2, (3, 6)))  # longest run of words, runs of letters
LEARNING_RATES = (0.5, 0.1, 1.0)
EPOCHS, MIN_LINES_LEARNT = (1, 4), 20_000  # times the fewest epochs: five, or as many as see so many lines
MAX_TEXTS, MAX_CHARACTERS = 20_000, 2_000
MIN_GAIN = 0.05  # share of what is wrong (1 - area) that a costlier candidate has to put right
INNER, MIN_KEPT_OUT = 8, 20  # one of so many texts is kept out; texts of each label of a source that is


@dataclass(frozen=True)
class Choice:
    """options: without None. tried: (what, area under the curve) of each candidate; empty when nothing was open.

    folds: how many sources were kept out in turn; 1: an eighth of the texts was.
    """

    options: FasttextOptions
    tried: tuple[tuple[dict[str, Any], float], ...]
    folds: int

    def __str__(self) -> str:
        chosen = self.options
        letters = (
            "no letters"
            if chosen.character_ngrams == (0, 0)
            else "letters {}-{}".format(*chosen.character_ngrams or ())
        )
        said = f"n-grams of {chosen.word_ngrams} words, {letters}, learning rate {chosen.learning_rate}, {chosen.epochs} epochs"
        if not self.tried:
            return said
        areas = [area for _, area in self.tried]
        where = (
            f"each of {self.folds} sources kept out in turn"
            if self.folds > 1
            else "an eighth of the texts to learn from"
        )
        told = f"the best of {len(areas)} on {where}"
        return f"{said}: {told}, AUC {min(areas):.3f} to {max(areas):.3f}"


def choose_options(sample: Sample, options: FasttextOptions, work: Path, console: Console) -> Choice:
    """The options with those that are None chosen."""
    places = np.flatnonzero(sample.part == TRAIN)
    if len(places) > MAX_TEXTS:
        places = places[np.sort(np.random.default_rng(options.seed).permutation(len(places))[:MAX_TEXTS])]
    texts = [(sample.texts[place][0][:MAX_CHARACTERS], sample.texts[place][1]) for place in places]
    truths = np.array([truth for _, truth in texts], bool)
    folds = by_source(sample.source[places], truths) or [_an_eighth(sample.cluster[places], options.seed)]
    fewest = max(5, -(-MIN_LINES_LEARNT // max(len(texts), 1)))
    trial = _Trial(texts, folds, work)
    features = [
        replace(
            options,
            word_ngrams=options.word_ngrams or words,
            character_ngrams=options.character_ngrams if options.character_ngrams is not None else letters,
            learning_rate=options.learning_rate or LEARNING_RATES[0],
            epochs=options.epochs or fewest,
        )
        for words, letters in FEATURES
    ]
    best = trial.best_of(features)
    paces = [
        replace(best, learning_rate=options.learning_rate or rate, epochs=options.epochs or fewest * times)
        for times, rate in product(EPOCHS, LEARNING_RATES)
    ]
    choice = Choice(trial.best_of([best, *paces]), tuple(trial.tried.values()), len(folds))
    console.log(f"options: {choice}")
    return choice


class _Trial:
    """Candidates tried so far, each once. folds: a mask of what is kept out, for each time a candidate is tried."""

    def __init__(self, texts: Sequence[LabelledText], folds: Sequence[np.ndarray], work: Path) -> None:
        self.texts, self.folds, self.work = texts, folds, work
        self.tried: dict[FasttextOptions, tuple[dict[str, Any], float]] = {}

    def best_of(self, candidates: Sequence[FasttextOptions]) -> FasttextOptions:
        candidates = list(dict.fromkeys(candidates))
        if len(candidates) == 1:
            return candidates[0]
        best = candidates[0]
        for candidate in candidates:
            if 1 - self._area(candidate) < (1 - self._area(best)) * (1 - MIN_GAIN):
                best = candidate
        return best

    def _area(self, options: FasttextOptions) -> float:
        if options not in self.tried:
            area = float(np.mean([self._area_of(fold, options) for fold in self.folds]))
            names = ("word_ngrams", "character_ngrams", "learning_rate", "epochs")
            self.tried[options] = ({name: getattr(options, name) for name in names}, round(area, 4))
        return self.tried[options][1]

    def _area_of(self, kept_out: np.ndarray, options: FasttextOptions) -> float:
        learn = [text for text, out in zip(self.texts, kept_out, strict=True) if not out]
        asked = [text for text, out in zip(self.texts, kept_out, strict=True) if out]
        model = self.work / "trial.bin"
        train(diluted(learn, options.diluted, options.seed), model, self.work, options)
        probability = raw_probability(model, options.normalisation)
        scores = np.array([probability(line) or 0.0 for line, _ in asked])
        fasttext_model.cache_clear()
        model.unlink()
        return area_under_curve(scores, np.array([truth for _, truth in asked], bool))


def by_source(sources: np.ndarray, truths: np.ndarray) -> list[np.ndarray]:
    """A mask of each labelled source that can be kept out: both labels are in it, and in what is left. Empty below two."""

    def both(mask: np.ndarray) -> bool:
        return min((truths & mask).sum(), (~truths & mask).sum()) >= MIN_KEPT_OUT

    masks = [sources == source for source in np.unique(sources[sources != NO_SOURCE])]
    found = [mask for mask in masks if both(mask) and both(~mask)]
    return found if len(found) > 1 else []


def _an_eighth(clusters: np.ndarray, seed: int) -> np.ndarray:
    """A mask of an eighth of the texts; near copies stay together."""
    names = np.unique(clusters)
    chosen = np.random.default_rng([seed, INNER]).permutation(names)[: -(-len(names) // INNER)]
    return np.isin(clusters, chosen)
