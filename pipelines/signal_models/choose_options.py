"""Choosing what a classifier learns with, on a part of the texts to learn from that is apart from tuning and testing.

Where there are several labelled files, each of them in turn is kept out, because what is wanted are options that do well on
texts of a source that nothing was learnt from. Otherwise an eighth of the texts is kept out, and other eighths too while
those are few. A model for each candidate is learnt from the others without near copies of what is kept out, and the
greatest area under the curve on what was kept out (the mean of the times) decides. First which n-grams are features, then
learning rate and epochs. A candidate that costs more has to be better by MIN_GAIN. Options that are given stay.

Cost: nine models at most for each time, of MAX_TEXTS texts and MAX_CHARACTERS characters; a minute for tweets, two or three
for documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from gristmill.console import Console
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.model_signals.classifier import raw_probability
from gristmill.pipelines.signal_models.fasttext_options import FasttextOptions, LabelledText, train
from gristmill.pipelines.signal_models.figures import area_under_curve
from gristmill.pipelines.signal_models.sample import NO_SOURCE, TRAIN, TextSample, diluted
from gristmill.schemas.errors import InputError

FEATURES = ((1, (0, 0)), (2, (0, 0)), (1, (4, 6)), (2, (3, 6)))  # longest run of words, runs of letters
LEARNING_RATES = (0.5, 0.1, 1.0)
EPOCHS, MIN_LINES_LEARNT = (1, 4), 20_000  # times the fewest epochs: five, or as many as see so many lines
MAX_TEXTS, MAX_CHARACTERS, MAX_CHARACTERS_OF_TEXT = 20_000, 10_000_000, 2_000
MIN_GAIN = 0.02  # share of what is wrong (1 - area) that a costlier candidate has to put right
EIGHTHS, MIN_ASKED = 8, 100  # one after the other is kept out until so many texts of each label were
MIN_OF_SOURCE = 20  # texts of each label in a source that is kept out, and in what is left
Fold = tuple[np.ndarray, np.ndarray]  # masks of the texts to learn from, and of those kept out and asked about


@dataclass(frozen=True)
class Choice:
    """options: without None. tried: (what, area under the curve) of each candidate; empty when nothing was open.

    area: that of the options, None when nothing was open. sources: how many were kept out in turn; 0: parts of all texts
    were.
    """

    options: FasttextOptions
    tried: tuple[tuple[dict[str, Any], float], ...]
    area: float | None
    sources: int

    def __str__(self) -> str:
        chosen = self.options
        letters = f", runs of {'-'.join(map(str, chosen.character_ngrams))} letters" if chosen.character_ngrams else ""
        said = (
            f"n-grams of {chosen.word_ngrams} words{letters if chosen.character_ngrams != (0, 0) else ''}, "
            f"learning rate {chosen.learning_rate}, {chosen.epochs} epochs"
        )
        if self.area is None:
            return said
        where = f"each of {self.sources} sources kept out in turn" if self.sources else "texts kept out of learning"
        return f"{said}; the best of {len(self.tried)} on {where} (AUC {self.area:.3f})"


def choose_options(sample: TextSample, options: FasttextOptions, work: Path, console: Console) -> Choice:
    """The options with those that are None chosen."""
    places = _some(sample, options.seed)
    texts = [(sample.texts[place][0][:MAX_CHARACTERS_OF_TEXT], sample.texts[place][1]) for place in places]
    truths = np.array([truth for _, truth in texts], bool)
    clusters = sample.cluster[places]
    by_source = source_folds(sample.source[places], clusters, truths)
    fewest = max(5, -(-MIN_LINES_LEARNT // max(len(texts), 1)))
    trial = _Trial(texts, by_source or part_folds(clusters, truths, options.seed), work)
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
    best = trial.best_of([[candidate] for candidate in features])
    paces = [
        [
            replace(best, learning_rate=options.learning_rate or rate, epochs=options.epochs or fewest * times)
            for rate in LEARNING_RATES
        ]
        for times in EPOCHS
    ]
    best = trial.best_of(paces)
    _, area = trial.tried.get(best, (None, None))
    choice = Choice(best, tuple(trial.tried.values()), area, len(by_source))
    console.log(f"options: {choice}")
    return choice


def _some(sample: TextSample, seed: int) -> np.ndarray:
    """Places of texts to learn from, in order, drawn until there are as many or as long as is enough for a choice."""
    places = np.flatnonzero(sample.part == TRAIN)
    drawn = np.random.default_rng(seed).permutation(places)[:MAX_TEXTS]
    lengths = np.cumsum([min(len(sample.texts[place][0]), MAX_CHARACTERS_OF_TEXT) for place in drawn])
    return np.sort(drawn[lengths <= MAX_CHARACTERS])


class _Trial:
    """Candidates tried so far, each once on every fold."""

    def __init__(self, texts: Sequence[LabelledText], folds: Sequence[Fold], work: Path) -> None:
        self.texts, self.folds, self.work = texts, folds, work
        self.tried: dict[FasttextOptions, tuple[dict[str, Any], float]] = {}

    def best_of(self, by_cost: Sequence[Sequence[FasttextOptions]]) -> FasttextOptions:
        """The best of candidates in groups of rising cost; a group's first one where there is nothing to choose by."""
        distinct = {candidate for group in by_cost for candidate in group}
        best = by_cost[0][0]
        if len(distinct) == 1 or not self.folds:
            return best
        for number, group in enumerate(by_cost):
            candidate = max(group, key=self._area)  # the first of equals
            least_gain = MIN_GAIN if number else 0.0
            if 1 - self._area(candidate) < (1 - self._area(best)) * (1 - least_gain):
                best = candidate
        return best

    def _area(self, options: FasttextOptions) -> float:
        if options not in self.tried:
            area = float(np.mean([self._area_of(fold, options) for fold in self.folds]))
            names = ("word_ngrams", "character_ngrams", "learning_rate", "epochs")
            self.tried[options] = ({name: getattr(options, name) for name in names}, round(area, 4))
        return self.tried[options][1]

    def _area_of(self, fold: Fold, options: FasttextOptions) -> float:
        learn, asked = ([self.texts[place] for place in np.flatnonzero(mask).tolist()] for mask in fold)
        model = self.work / "trial.bin"
        try:
            train(diluted(learn, options.diluted, options.seed), model, self.work, options)
        except InputError:  # weights that ran out of numbers at this learning rate, or of memory with these n-grams
            return 0.0
        probability = raw_probability(model, options.normalisation)
        scores = np.array([probability(line) or 0.0 for line, _ in asked])
        fasttext_classifier.cache_clear()
        model.unlink()
        return area_under_curve(scores, np.array([truth for _, truth in asked], bool))


def source_folds(sources: np.ndarray, clusters: np.ndarray, truths: np.ndarray) -> list[Fold]:
    """A fold for each labelled source that can be kept out: both labels are in it, and in what is left. None below two.

    What is left has no near copy of what is kept out.
    """
    folds = []
    for source in np.unique(sources[sources != NO_SOURCE]):
        asked = sources == source
        learn = ~np.isin(clusters, clusters[asked])
        if _has_both(learn, truths, MIN_OF_SOURCE) and _has_both(asked, truths, MIN_OF_SOURCE):
            folds.append((learn, asked))
    return folds if len(folds) > 1 else []


def part_folds(clusters: np.ndarray, truths: np.ndarray, seed: int) -> list[Fold]:
    """Eighths of the texts kept out, as many as hold MIN_ASKED texts of each label, with even shares of both.

    Near copies stay together; a cluster counts as its first text does. None where near copies leave a side without a label.
    """
    names, first = np.unique(clusters, return_index=True)
    order = np.random.default_rng([seed, EIGHTHS]).permutation(len(names))
    order = order[np.argsort(truths[first][order], kind="stable")]
    eighth = np.empty(len(names), np.int64)
    eighth[order] = np.arange(len(names)) % EIGHTHS
    of_text = eighth[np.searchsorted(names, clusters)]
    rarer = max(1, min(int(truths.sum()), int((~truths).sum())))
    count = min(EIGHTHS, -(-MIN_ASKED * EIGHTHS // rarer))
    folds = [(of_text != number, of_text == number) for number in range(count)]
    return [fold for fold in folds if all(_has_both(mask, truths, 1) for mask in fold)]


def _has_both(mask: np.ndarray, truths: np.ndarray, count: int) -> bool:
    """Whether a mask takes in so many texts of each label."""
    return min(int((mask & truths).sum()), int((mask & ~truths).sum())) >= count
