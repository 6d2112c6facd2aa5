"""A spike that skipping updates did not clear: is it the data, the weights, or only other data?

The provenance of every sequence answers it. The weights are judged on the batches just before the spike: is their loss
now what it was? The data is judged source by source, against sequences of the same source that went before: a plan
permutes the windows of a source, so a source does not change by itself, and sequences far above their own source are
bad. A source that was never seen before, or one that is no worse than it always was, is a change of data: accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from gristmill.training.stability.blame import Losses
from gristmill.training.stability.detect import Spike, robust_centre

SEQUENCES_OF_A_SOURCE = 32
FEWEST_OF_A_SOURCE = 8
SEARCHED = 4096
SEQUENCE_SIGMA = 6.0
LEAST_RISE = 0.15
CLEAN_BATCHES = 3
SUSPECTED_BEFORE = 4


@dataclass
class Episode:
    """Spikes in a row. expected: loss the trend saw coming at the first one; limit: what it would have let pass."""

    steps: list[int] = field(default_factory=list)
    findings: list[Spike] = field(default_factory=list)
    expected: float = float("nan")
    limit: float = float("inf")

    @property
    def first(self) -> int:
        return self.steps[0]

    @property
    def last(self) -> int:
        return self.steps[-1]


@dataclass(frozen=True)
class RollbackVerdict:
    """kind: `bad_data`, `damaged_weights` or `change`; guilty: served sequences not to be served again."""

    kind: str
    guilty: tuple[int, ...] = ()
    clean: tuple[int, ...] = ()


def served_by(steps: Sequence[int], batch: int) -> list[int]:
    """The served sequences that steps (1-based) consumed.

    >>> served_by([2], 3)
    [3, 4, 5]
    """
    return [index for step in steps for index in range((step - 1) * batch, step * batch)]


def reference(first: int, batch: int) -> list[int]:
    """Sequences of the clean batches before step `first`: at least a batch, or as many as a source is judged by."""
    end = (first - 1) * batch
    return list(range(max(0, end - max(batch, SEQUENCES_OF_A_SOURCE)), end))


def weights_are_damaged(losses: Losses, episode: Episode, batch: int) -> bool:
    """Whether the batches before the spike are now as bad as the spike itself."""
    before = reference(episode.first, batch)
    if not before:
        return False
    now = losses.batch(before)
    return now is not None and (not np.isfinite(now) or now > episode.limit)


class Sources:
    """How bad a sequence of each source may be, from those served before `end`."""

    def __init__(self, losses: Losses, end: int) -> None:
        self.losses, self.end = losses, end
        self.limits: dict[str, float] = {}
        self.examples: dict[str, list[int]] = {}
        self._reached = end

    def is_guilty(self, index: int, loss: float | None) -> bool:
        """Whether a sequence of this loss is bad; one that nothing is learned from (None) is not."""
        return loss is not None and (not np.isfinite(loss) or loss > self.limit(self.losses.source(index)))

    def limit(self, source: str) -> float:
        """The loss above which a sequence of the source is bad; infinite for a source not seen before."""
        if source not in self.limits:
            self._look_back(source)
            examples = self.examples.get(source, [])
            found = [loss for loss in self.losses.sequences(examples) if loss is not None and np.isfinite(loss)]
            if len(found) < FEWEST_OF_A_SOURCE:
                self.limits[source] = float("inf")
            else:
                centre, sigma = robust_centre(found)
                self.limits[source] = centre + max(SEQUENCE_SIGMA * sigma, LEAST_RISE * abs(centre))
        return self.limits[source]

    def _look_back(self, source: str) -> None:
        lowest = max(0, self.end - SEARCHED)
        while self._reached > lowest and len(self.examples.get(source, [])) < SEQUENCES_OF_A_SOURCE:
            self._reached -= 1
            mine = self.examples.setdefault(self.losses.source(self._reached), [])
            if len(mine) < SEQUENCES_OF_A_SOURCE:
                mine.append(self._reached)


def examine(losses: Losses, episode: Episode, batch: int, look_ahead: int, total: int) -> RollbackVerdict:
    """What the spikes are, with weights that are sound. total: sequences of the whole run."""
    start = (episode.first - 1) * batch
    sources = Sources(losses, start)
    guilty = _guilty(losses, sources, served_by(episode.steps, batch))
    if not guilty:
        return RollbackVerdict("change")
    clean = 0
    for ahead in range(episode.last, min(episode.last + look_ahead, total // batch)):
        more = _guilty(losses, sources, range(ahead * batch, (ahead + 1) * batch))
        guilty += more
        clean = 0 if more else clean + 1
        if clean == CLEAN_BATCHES:
            break
    return RollbackVerdict("bad_data", tuple(guilty), tuple(_of_sources(sources, guilty)))


def suspects(losses: Losses, episode: Episode, batch: int, look_ahead: int, total: int, start: int) -> RollbackVerdict:
    """The sequences that damaged the weights, judged with the sound weights of a checkpoint that `start` sequences
    made: those out of line near the first spike, or all of them when none is."""
    earliest = max(start, (episode.first - 1 - SUSPECTED_BEFORE) * batch)
    earlier = Episode(list(range(earliest // batch + 1, episode.last + 1)), episode.findings)
    verdict = examine(losses, earlier, batch, look_ahead, total)
    if verdict.guilty:
        return RollbackVerdict("damaged_weights", verdict.guilty, verdict.clean)
    everything = served_by(earlier.steps, batch)
    return RollbackVerdict("damaged_weights", tuple(everything), tuple(reference(earlier.first, batch)))


def _guilty(losses: Losses, sources: Sources, indices: Sequence[int]) -> list[int]:
    measured = losses.sequences(indices)
    return [index for index, loss in zip(indices, measured, strict=True) if sources.is_guilty(index, loss)]


def _of_sources(sources: Sources, guilty: Sequence[int]) -> list[int]:
    """Clean sequences of the same sources, what documents are compared with."""
    for source in {sources.losses.source(index) for index in guilty}:
        sources.limit(source)
    return sorted(
        index for source in {sources.losses.source(i) for i in guilty} for index in sources.examples.get(source, [])
    )
