"""The served order: which plan position the k-th served sequence has, when some positions are skipped."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np

FOREVER = 1 << 62  # more sequences than any run serves
Ranges = Sequence[tuple[int, int]]


class Stretch(NamedTuple):
    """Served sequences from `served` on have the plan positions start .. end - 1; late: served again after a skip."""

    served: int
    start: int
    end: int
    late: bool = False


class ServedOrder:
    """Runs of plan positions in the order in which they are served; the last run never ends. Immutable.

    >>> ServedOrder().skip(3, [(4, 6)]).positions(np.arange(6)).tolist()
    [0, 1, 2, 3, 6, 7]
    """

    def __init__(self, runs: Sequence[Stretch] = (Stretch(0, 0, FOREVER),), skipped: Ranges = ()) -> None:
        self.runs = tuple(runs)
        self.skipped = tuple(skipped)  # plan positions that are skipped now, disjoint
        self._served = np.array([run.served for run in runs], np.int64)
        self._shift = np.array([run.start - run.served for run in runs], np.int64)

    def positions(self, served: np.ndarray) -> np.ndarray:
        """Plan positions of served sequences: a search among the runs for each."""
        return served + self._shift[np.searchsorted(self._served, served, side="right") - 1]

    def served_of(self, position: int) -> list[int]:
        return [run.served + position - run.start for run in self.runs if run.start <= position < run.end]

    def reach(self, served: int) -> int:
        """One more than the highest plan position among the first `served` sequences."""
        ends = [min(run.end, run.start + served - run.served) for run in self.runs if run.served < served]
        return max(ends, default=0)

    def frontier(self, served: int) -> int:
        """The first plan position that is still to come in its turn at a served sequence."""
        return next(run.start for run in self._rest(served) if not run.late)

    def lowest_to_come(self, served: int) -> int:
        """The lowest plan position that is still to come at a served sequence, in its turn or late."""
        return min(run.start for run in self._rest(served))

    def to_come(self, ranges: Ranges, served: int, last: int = FOREVER) -> list[tuple[int, int]]:
        """What of these positions (disjoint ranges in order) is served from `served` on, and before `last`."""
        rest = [(run.start, min(run.end, run.start + last - run.served)) for run in self._rest(served)]
        return _union(_common([(a, b) for a, b in rest if a < b], ranges))

    def skip(self, served: int, ranges: Ranges) -> "ServedOrder":
        """Without these plan positions from a served sequence on."""
        rest, ranges = self._rest(served), _union(ranges)
        removed = [piece for run in rest for piece in _common([(run.start, run.end)], ranges)]
        left = [Stretch(0, a, b, run.late) for run in rest for a, b in _minus([(run.start, run.end)], ranges)]
        return self._joined(served, left, _union([*self.skipped, *removed]))

    def unskip(self, served: int, ranges: Ranges) -> "ServedOrder":
        """With these skipped positions again: those already passed at once, the others where they stood."""
        ranges = _union(ranges)
        back = _common(self.skipped, ranges)
        frontier = self.frontier(served)
        rest = self._rest(served)
        passed = [Stretch(0, a, min(b, frontier), True) for a, b in back if a < frontier]
        late = [run for run in rest if run.late]
        to_come = sorted([(run.start, run.end) for run in rest if not run.late] + _minus(back, [(0, frontier)]))
        return self._joined(
            served, [*late, *passed, *(Stretch(0, a, b) for a, b in to_come)], _minus(self.skipped, ranges)
        )

    def _rest(self, served: int) -> list[Stretch]:
        """The runs from a served sequence on."""
        at = bisect_right([run.served for run in self.runs], served) - 1
        run = self.runs[at]
        return [Stretch(served, run.start + served - run.served, run.end, run.late), *self.runs[at + 1 :]]

    def _joined(self, served: int, rest: Sequence[Stretch], skipped: Ranges) -> "ServedOrder":
        """What was served before `served`, then `rest`, whose served numbers are set here."""
        runs = [
            run._replace(end=min(run.end, run.start + served - run.served)) for run in self.runs if run.served < served
        ]
        for run in rest:
            runs.append(run._replace(served=served))
            served += run.end - run.start
        return ServedOrder(runs, skipped)


def _union(ranges: Ranges) -> list[tuple[int, int]]:
    """The same positions as disjoint ranges in order."""
    joined: list[tuple[int, int]] = []
    for a, b in sorted(ranges):
        if not 0 <= a < b:
            raise ValueError(f"range [{a}, {b}); expected plan positions, the end after the start")
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return joined


def _minus(ranges: Ranges, removed: Ranges) -> list[tuple[int, int]]:
    """What of `ranges` lies in none of `removed` (disjoint, in order)."""
    left = []
    for start, end in ranges:
        for a, b in overlapping(start, end, removed):
            if start < a:
                left.append((start, a))
            start = max(start, b)
        if start < end:
            left.append((start, end))
    return left


def _common(ranges: Ranges, others: Ranges) -> list[tuple[int, int]]:
    """What of `ranges` lies in one of `others` (disjoint, in order)."""
    return [(max(start, a), min(end, b)) for start, end in ranges for a, b in overlapping(start, end, others)]


def overlapping(start: int, end: int, ranges: Ranges) -> Iterator[tuple[int, int]]:
    """Those of disjoint ranges in order that have a position of [start, end): found by bisection, so that all pieces of many
    ranges together cost no more than the pieces and a search for each range."""
    at = bisect_right(ranges, start, key=itemgetter(1))
    while at < len(ranges) and ranges[at][0] < end:
        yield ranges[at]
        at += 1
