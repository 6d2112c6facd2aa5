"""The history of rows: besides what happens to any plan, rows that were forgotten.

- forget {"doc_ids": [...], "ranges": [[a, b), ...]}: these rows are not served from here on. ranges: the plan positions, as far
  as the run goes, of the sequences that hold nothing but forgotten rows, which are left out; in sequences that other rows share
  they are blank, without a target. What an earlier event says is not said again: an event may hold no ids, for a run that was
  made longer.
"""

from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
from gristmill.schemas.errors import RunError
from gristmill.training.data.history import Event, History, has_begun, read_events
from gristmill.training.data.row_index import RowIndex, named_shortly
from gristmill.training.data.rows import RowPlan

FORGET = "forget"


class RowHistory(History):
    """The chain of a plan over rows: the served order, and which rows are forgotten from where on."""

    kinds = (*History.kinds, FORGET)

    def __init__(self, *arguments: Any) -> None:
        self._forgotten_from: dict[str, int] = {}
        super().__init__(*arguments)

    def forgotten_from(self, doc_id: str) -> int | None:
        """The served sequence from which on a row is not served; None for one that was not forgotten."""
        return self._forgotten_from.get(doc_id)

    def forgotten(self, served: int) -> set[str]:
        """The ids that are not served at a served sequence any more."""
        return {doc_id for doc_id, first in self._forgotten_from.items() if first <= served}

    def _take_effect(self, event: Event) -> None:
        super()._take_effect(event)
        if event.event != FORGET:
            return
        for doc_id in event.data["doc_ids"]:
            self._forgotten_from[doc_id] = min(event.position, self._forgotten_from.get(doc_id, event.position))
        if event.data["ranges"]:
            self._skip(event)


def recorded_forgotten(path: Path) -> set[str]:
    """The ids that the history in a file says are forgotten; none where there is no history. RunError for a damaged one."""
    events = read_events(path) if has_begun(path) else []
    return {doc_id for event in events if event.event == FORGET for doc_id in event.data["doc_ids"]}


def record_forgotten(
    history: RowHistory, plan: RowPlan, index: RowIndex, doc_ids: Set[str], served: int, last: int
) -> bool:
    """From `served` on, serve none of these rows; to be called at every start and rollback, which may bring some back.

    last: the end of what the run will be served. An event names what no earlier one says: new ids, and positions that would
    still be served. Returns whether there was anything to record. RunError where no row is left.
    """
    alone = index.sequences_of_nothing_but(set(doc_ids))
    if len(alone) == plan.rows:
        raise RunError(f"every row is forgotten, {named_shortly(sorted(doc_ids))}", expected="at least one that is not")
    new = sorted(set(doc_ids) - history.forgotten(served))
    last = max(last, served + 1)
    if not new and not history.to_come(_hidden(history, plan, alone, served, last), served, last):
        return False
    another_epoch = plan.rows - len(alone)  # so that a run that is made a little longer needs no other event
    ranges = history.to_come(_hidden(history, plan, alone, served, last + another_epoch), served)
    history.append(FORGET, served, {"doc_ids": new, "ranges": [list(one) for one in ranges]})
    return True


def _hidden(history: RowHistory, plan: RowPlan, alone: np.ndarray, served: int, last: int) -> list[tuple[int, int]]:
    """The positions of these sequences, as ranges, as far as serving up to `last` without them reaches.

    An epoch serves as many as are not hidden, and no more than are skipped for other reasons are missing besides. The cost, and
    the number of ranges, is in what is served: where most sequences are hidden, the others are looked for.
    """
    kept = plan.rows - len(alone)
    skipped = sum(b - a for event in history.events if event.event == "skip" for a, b in event.data["ranges"])
    first = history.lowest_to_come(served) // plan.rows
    end = history.frontier(served) // plan.rows + 2 - (served - last - skipped) // kept
    if len(alone) <= kept:
        return _ranges_of(plan.positions_of(alone, first, end))
    others = plan.positions_of(np.setdiff1d(np.arange(plan.rows), alone), first, end)
    edges = np.concatenate([[first * plan.rows - 1], others, [end * plan.rows]])
    return [(a + 1, b) for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True) if a + 1 < b]


def _ranges_of(positions: np.ndarray) -> list[tuple[int, int]]:
    """Ascending positions as ranges [a, b)."""
    if not len(positions):
        return []
    gaps = np.flatnonzero(np.diff(positions) > 1)
    firsts, lasts = positions[np.append(0, gaps + 1)], positions[np.append(gaps, len(positions) - 1)] + 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
