"""The served order: which plan position the k-th served sequence has, when some positions are skipped."""

from bisect import bisect_right
from collections.abc import Sequence
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

    def skip(self, served: int, ranges: Ranges) -> "ServedOrder":
        """Without these plan positions from a served sequence on."""
        rest, ranges = self._rest(served), _union(ranges)
        removed = [piece for run in rest for piece in _common([(run.start, run.end)], ranges)]
        left = [Stretch(0, a, b, run.late) for run in rest for a, b in _minus([(run.start, run.end)], ranges)]
        return self._joined(served, left, sorted({*self.skipped, *removed}))

    def unskip(self, served: int, ranges: Ranges) -> "ServedOrder":
        """With these skipped positions again: those already passed at once, the others where they stood."""
        back = _common(self.skipped, _union(ranges))
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
    """What of `ranges` lies in none of `removed`."""
    left = list(ranges)
    for a, b in removed:
        left = [piece for x, y in left for piece in ((x, min(y, a)), (max(x, b), y)) if piece[0] < piece[1]]
    return left


def _common(ranges: Ranges, others: Ranges) -> list[tuple[int, int]]:
    """What of `ranges` lies in one of `others` (disjoint)."""
    pairs = [(max(a, c), min(b, d)) for a, b in ranges for c, d in others]
    return sorted((a, b) for a, b in pairs if a < b)
