"""The history of rows: besides what happens to any plan, rows that were forgotten.

- forget {"doc_ids": [...], "ranges": [[a, b), ...]}: these rows are not served from here on. ranges: the plan positions of the
  sequences that hold nothing else, which are left out; in sequences that other rows share they are blank, without a target.
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

    last: the end of what the run will be served. Returns whether there was anything to record. RunError where no row is left.
    """
    alone = index.sequences_of_nothing_but(set(doc_ids))
    if len(alone) == plan.rows:
        raise RunError(f"every row is forgotten, {named_shortly(sorted(doc_ids))}", expected="at least one that is not")
    is_recorded = set(doc_ids) <= history.forgotten(served)
    to_come = np.arange(served, max(last, served + 1))
    shown = np.isin(plan.row(history.served_positions(to_come)), alone) if len(alone) else np.zeros(1, bool)
    if is_recorded and not shown.any():
        return False
    reach = history.reach(max(last, 1)) + plan.rows
    left = 1 - len(alone) / plan.rows
    positions = np.arange(int(reach / left) + 2 * plan.rows)
    hidden = positions[np.isin(plan.row(positions), alone)]
    edges = np.flatnonzero(np.diff(hidden) > 1) + 1
    ranges = [[int(run[0]), int(run[-1]) + 1] for run in np.split(hidden, edges) if len(run)]
    history.append(FORGET, served, {"doc_ids": sorted(doc_ids), "ranges": ranges})
    return True
