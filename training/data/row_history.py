"""The history of rows: besides what happens to any plan, rows that were forgotten.

- forget {"doc_ids": [...], "ranges": [[a, b), ...]}: these rows are not served from here on. ranges: the plan positions of the
  sequences that hold nothing else, which are left out; in sequences that other rows share they are blank, without a target.
"""

from collections.abc import Set

import numpy as np
from gristmill.schemas.errors import RunError
from gristmill.training.data.history import Event, History
from gristmill.training.data.row_index import RowIndex, named_shortly
from gristmill.training.data.rows import RowPlan

FORGET = "forget"


class RowHistory(History):
    """The chain of a plan over rows: the served order, and which rows are forgotten from where on."""

    kinds = (*History.kinds, FORGET)

    def forgotten(self, served: int) -> set[str]:
        """The ids that are not served at a served sequence any more."""
        events = [event for event in self.events if event.event == FORGET and event.position <= served]
        return {doc_id for event in events for doc_id in event.data["doc_ids"]}

    def _take_effect(self, event: Event) -> None:
        super()._take_effect(event)
        if event.event == FORGET and event.data["ranges"]:
            self._skip(event)


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
