"""The texts a classifier learns from, each once, and what each is for: to learn from, to tune on, to be tested on.

A hash of the text decides: 8 of 10 are learnt from, 1 of 10 calibrates and sets thresholds, 1 of 10 is measured on. Near
copies go together, with the one of the lowest hash, so nothing is measured on a text that was learnt with a word changed.
Texts are sorted by that hash, so that a model depends on the texts alone.
"""

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from gristmill.console import Console
from gristmill.filters.model_signals.line_text import one_line
from gristmill.pipelines.signal_models.fasttext_options import WHERE, FasttextOptions, LabelledText
from gristmill.pipelines.signal_models.near_copies import near_copy_clusters
from gristmill.pipelines.signal_models.texts import Text, read_texts
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.recipe.source import Columns

MIN_TEXTS = 50  # of each label
TRAIN, TUNE, TEST = "train", "tune", "test"
NO_SOURCE = -1
MAX_LABELS_SHOWN = 5  # in an error
_SPECIFICATION = re.compile(r"(?P<path>.+):(?P<text>[^:=/]+):(?P<label>[^:=/]+)=(?P<values>.+)", re.DOTALL)


@dataclass(frozen=True)
class Labelled:
    """Files whose rows carry their label: in which column, and which of its values are the positive ones."""

    paths: tuple[str, ...]
    text_column: str
    label_column: str
    positive: tuple[str, ...]


def parse_labelled(given: str, text_column: str, label_column: str, positive: Sequence[str]) -> Labelled:
    """`PATH:TEXT:LABEL=VALUE,VALUE`, or a path alone whose columns and positive values are those named apart.

    >>> parse_labelled("s3://x/tweets.csv:tweet:class=0,1", "text", "label", ())
    Labelled(paths=('s3://x/tweets.csv',), text_column='tweet', label_column='class', positive=('0', '1'))
    """
    match = _SPECIFICATION.fullmatch(given)
    if match:
        return Labelled((match["path"],), match["text"], match["label"], tuple(match["values"].split(",")))
    if not positive:
        raise RecipeError(
            f"no positive label for {given}",
            where=WHERE,
            expected="--positive-label, or PATH:TEXT COLUMN:LABEL COLUMN=VALUE,VALUE",
        )
    return Labelled((given,), text_column, label_column, tuple(positive))


@dataclass
class TextSample:
    """Texts with their labels in the order of their hashes. part: what each is for. cluster: of near copies, by number.

    source: which of the labelled files each came from, by number; -1: texts of one label, or a text of several sources.
    similarity: from which texts count as near copies. contradicted: how many texts stood under both labels and were left
    out.
    """

    texts: list[LabelledText]
    part: np.ndarray
    cluster: np.ndarray
    source: np.ndarray
    similarity: float
    contradicted: int = 0

    def of(self, purpose: str) -> list[LabelledText]:
        return [self.texts[place] for place in np.flatnonzero(self.part == purpose)]

    @property
    def near_copies(self) -> int:
        """Texts that are near copies of one before them."""
        return len(self.texts) - len(np.unique(self.cluster))

    def counts(self) -> dict[str, dict[str, int]]:
        truths = np.array([truth for _, truth in self.texts], bool)
        return {
            purpose: {
                "positive": int((truths & (self.part == purpose)).sum()),
                "negative": int((~truths & (self.part == purpose)).sum()),
            }
            for purpose in (TRAIN, TUNE, TEST)
        }


def read_groups(
    positives: Sequence[str],
    negatives: Sequence[str],
    labelled: Sequence[Labelled],
    options: FasttextOptions,
    columns: Columns | None,
    work: Path,
    console: Console,
) -> dict[bool, list[tuple[Text, int]]]:
    """The texts of each label with their source, at most `max_texts` of the lowest hashes."""
    groups = {True: _Lowest(options.max_texts), False: _Lowest(options.max_texts)}
    for truth, paths, name in ((True, positives, "positives"), (False, negatives, "negatives")):
        if paths:
            for text in read_texts(paths, work / name, console, columns):
                groups[truth].add(text, NO_SOURCE)
    for number, rows in enumerate(labelled):
        for text, truth in read_labelled(rows, work / f"labelled-{number}", console):
            groups[truth].add(text, number)
    return {truth: lowest.texts() for truth, lowest in groups.items()}


def read_labelled(given: Labelled, work: Path, console: Console) -> Iterator[tuple[Text, bool]]:
    """Texts with whether their label is a positive one; InputError, at the end, for a positive value that no row has."""
    columns = Columns(text=given.text_column, metadata=(given.label_column,))
    seen: dict[str, None] = {}
    for text in read_texts(given.paths, work, console, columns):
        label = str(text.metadata.get(given.label_column))
        if len(seen) < MAX_LABELS_SHOWN or label in given.positive:
            seen[label] = None
        yield text, label in given.positive
    strange = [value for value in given.positive if value not in seen]
    if strange:
        raise InputError(
            f"no row has the label {', '.join(map(repr, strange))}",
            where=f"{', '.join(given.paths)}, column {given.label_column}",
            expected=f"values that are there, such as {', '.join(map(repr, list(seen)[:MAX_LABELS_SHOWN]))}",
        )


class _Lowest:
    """The texts of the lowest hashes among those added, `count` at most; twice as many are held."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: list[tuple[Text, int]] = []

    def add(self, text: Text, source: int) -> None:
        self._held.append((text, source))
        if len(self._held) >= 2 * self._count:
            self._held = self.texts()

    def texts(self) -> list[tuple[Text, int]]:
        return heapq.nsmallest(self._count, self._held, key=lambda pair: pair[0].order)


def make_sample(groups: Mapping[bool, Sequence[tuple[Text, int]]], options: FasttextOptions) -> TextSample:
    """Distinct texts with their purpose; InputError when there are too few of them."""
    found: dict[bytes, tuple[str, set[bool], set[int]]] = {}
    for label, texts in groups.items():
        for text, source in texts:
            line = one_line(text.text, options.normalisation)
            if line:
                key = blake2b(line.encode(), digest_size=16, key=str(options.seed).encode()[:64]).digest()
                entry = found.setdefault(key, (line, set(), set()))
                entry[1].add(label)
                entry[2].add(source)
    keys = [key for key in sorted(found) if len(found[key][1]) == 1]
    lines = [(found[key][0], True in found[key][1]) for key in keys]
    sources = [next(iter(found[key][2])) if len(found[key][2]) == 1 else NO_SOURCE for key in keys]
    clusters, similarity = near_copy_clusters([line for line, _ in lines])
    purposes = [{0: TUNE, 1: TEST}.get(keys[first][-1] % 10, TRAIN) for first in clusters.tolist()]
    purpose_of = np.array(purposes, dtype=object)
    sample = TextSample(lines, purpose_of, clusters, np.array(sources, np.int64), similarity, len(found) - len(keys))
    for purpose, least in ((TRAIN, MIN_TEXTS), (TUNE, 3), (TEST, 3)):
        for name, count in sample.counts()[purpose].items():
            if count < least:
                raise InputError(
                    f"{count} distinct {name} texts to {purpose} on",
                    where=WHERE,
                    expected=f"{least} at least",
                    next_step="give more texts (8 of 10 are trained on, 1 tuned on, 1 tested on; near copies go together)",
                )
    return sample


def diluted(texts: Sequence[LabelledText], share: float, seed: int) -> list[LabelledText]:
    """The texts, and `share` times as many made of two: half of a positive and a negative one, half of two negatives."""
    positives = [line for line, truth in texts if truth]
    negatives = [line for line, truth in texts if not truth]
    draws = np.random.default_rng([seed, len(texts)])
    made: list[LabelledText] = []
    for _ in range(round(share * len(texts) / 2)):
        pair = [positives[draws.integers(len(positives))], negatives[draws.integers(len(negatives))]]
        made.append((" ".join(pair if draws.integers(2) else pair[::-1]), True))
        made.append((" ".join(negatives[draws.integers(len(negatives))] for _ in range(2)), False))
    return _alternating(list(texts), made)


def _alternating(texts: list[LabelledText], made: list[LabelledText]) -> list[LabelledText]:
    """Both lists spread evenly over one another: fastText learns in the order of its lines."""
    places = np.concatenate([(np.arange(len(one)) + 0.5) / max(len(one), 1) for one in (texts, made)])
    together = texts + made
    return [together[place] for place in np.argsort(places, kind="stable")]
