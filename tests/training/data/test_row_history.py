"""The history of rows that are forgotten: none is served from there on, whatever else happens; events and work are linear."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gristmill.schemas.errors import RunError
from gristmill.training.data import order
from gristmill.training.data.permutation import Permutation
from gristmill.training.data.row_history import RowHistory, record_forgotten
from gristmill.training.data.row_index import IndexedRow, RowIndex
from gristmill.training.data.rows import RowPlan
from gristmill.training.run.ledger import describe
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


def opened(rows: int) -> tuple[RowHistory, RowPlan, RowIndex]:
    plan = RowPlan("x" * 32, rows)
    index = RowIndex.of(IndexedRow(n, n, f"row-{n}", "s", None, None, None, "") for n in range(rows))
    return RowHistory.open(None, plan), plan, index


def named(rows: Any) -> set[str]:
    return {f"row-{number}" for number in rows}


def test_forgetting_goes_on_after_a_rollback_and_in_every_epoch() -> None:
    """The events alone: whatever is skipped, taken back and forgotten, no forgotten sequence is served from there on."""
    history, plan, index = opened(10)
    assert record_forgotten(history, plan, index, {"row-2"}, 30, 200)
    assert not record_forgotten(history, plan, index, {"row-2"}, 30, 200)
    history.append("skip", 12, {"ranges": [[12, 20]], "rolled_back_to": 6, "step": 20})
    assert record_forgotten(history, plan, index, {"row-2", "row-5"}, 12, 200)
    history.append("unskip", 40, {"ranges": [[12, 20]]})
    record_forgotten(history, plan, index, {"row-2", "row-5"}, 40, 200)
    served = plan.row(history.positions(12, 400))
    assert not np.isin(served[:188], [2, 5]).any()
    assert set(served[:188].tolist()) == {0, 1, 3, 4, 6, 7, 8, 9}
    with pytest.raises(RunError, match="every row is forgotten"):
        record_forgotten(history, plan, index, named(range(10)), 50, 200)


def test_rows_stand_where_their_places_say() -> None:
    plan = RowPlan("y" * 32, 7)
    positions = np.array([50, 3, 22, 3, 0, 41])
    assert plan.row(positions).tolist() == [int(plan.row(np.array([one]))[0]) for one in positions]
    found = plan.positions_of(np.array([5, 1]), 2, 9)
    assert found.tolist() == [p for p in range(14, 63) if plan.row(np.array([p]))[0] in (1, 5)]
    assert len(plan.row(np.zeros(0, np.int64))) == len(plan.positions_of(np.array([5]), 3, 3)) == 0


HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(["forget", "skip", "unskip"]), st.integers(0, 60), st.integers(0, 70), st.integers(1, 9)),
    min_size=1,
    max_size=7,
)


@given(st.integers(2, 12), HAPPENINGS)
@settings(max_examples=examples(60))
def test_no_forgotten_row_is_served(rows: int, happenings: list[tuple[str, int, int, int]]) -> None:
    history, plan, index = opened(rows)
    forgotten: set[int] = set()
    for what, served, number, length in happenings:
        if what == "forget":
            forgotten |= {number % rows} if len(forgotten | {number % rows}) < rows else set()
        else:
            history.append(what, served, {"ranges": [[number, number + length]]})
        record_forgotten(history, plan, index, named(forgotten), served, 100)
        shown = plan.row(history.positions(served, 100))
        assert not np.isin(shown, sorted(forgotten)).any()
        assert not record_forgotten(history, plan, index, named(forgotten), served, 100)
        assert history.forgotten(served) == named(forgotten)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many values were permuted, and how many ranges were looked at."""
    counted = {"permuted": 0, "ranges": 0}
    inverse, overlapping = Permutation.inverse, order.overlapping

    def permuted(self: Permutation, values: np.ndarray) -> np.ndarray:
        counted["permuted"] += len(values)
        return inverse(self, values)

    def looked_at(start: int, end: int, ranges: Any) -> Iterator[tuple[int, int]]:
        counted["ranges"] += 1
        for one in overlapping(start, end, ranges):
            counted["ranges"] += 1
            yield one

    monkeypatch.setattr(Permutation, "inverse", permuted)
    monkeypatch.setattr(order, "overlapping", looked_at)
    return counted


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_work_and_ranges_grow_with_what_is_served(work: dict[str, int], share: float) -> None:
    """Ten times the rows, as many of them forgotten, in a run of as many epochs: ten times the work, no more."""
    found = []
    for rows in (100, 1000):
        history, plan, index = opened(rows)
        before = dict(work)
        forgotten = range(int(rows * share))
        assert record_forgotten(history, plan, index, named(forgotten), 3 * rows, 9 * rows)
        ranges = len(history.events[-1].data["ranges"])
        assert ranges < 3 * 9 * rows
        found.append([work[name] - before[name] for name in work] + [ranges])
    assert all(large <= 15 * small for small, large in zip(*found, strict=True)), found


def test_rows_that_are_forgotten_one_by_one_are_named_once() -> None:
    """A start after each: the chain holds every id and every position once, not again with each that comes to them."""
    history, plan, index = opened(60)
    for count in range(1, 41):
        assert record_forgotten(history, plan, index, named(range(count)), count, 240)
    events = [event.data for event in history.events[1:]]
    assert [event["doc_ids"] for event in events] == [[f"row-{number}"] for number in range(40)]
    positions = [p for event in events for a, b in event["ranges"] for p in range(a, b)]
    assert len(positions) == len(set(positions))
    assert not np.isin(plan.row(history.positions(40, 240)), range(40)).any()
    assert record_forgotten(history, plan, index, named(range(40)), 100, 900)  # the run was made longer
    longer = history.events[-1]
    assert longer.data["doc_ids"] == []
    assert describe(vars(longer))[0] == "rows forgotten before are left out further on"
    assert not np.isin(plan.row(history.positions(40, 900)), range(40)).any()
