"""Rows by position: each once an epoch, in an order that the rows and the seed alone decide, skips left out."""

from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.training.data.history import History
from gristmill.training.data.rows import RowPlan, Rows, RowStream, ServedRows
from hypothesis import given
from hypothesis import strategies as st


def rows(count: int) -> Rows:
    return Rows([{"x": number} for number in range(count)], [f"row-{number}" for number in range(count)], "rows.jsonl")


@given(st.integers(1, 50), st.integers(0, 5))
def test_each_epoch_serves_each_row_once_in_another_order(count: int, seed: int) -> None:
    plan = RowPlan.of(rows(count), seed)
    epochs = plan.row(np.arange(3 * count)).reshape(3, count)
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs.tolist())
    assert plan.row(np.array([2 * count, 0])).tolist() == [epochs[2, 0], epochs[0, 0]]  # of position alone
    if count > 20:
        assert epochs[0].tolist() != epochs[1].tolist()


def test_the_plan_is_of_the_rows_their_ids_and_the_seed() -> None:
    plan = RowPlan.of(rows(9), 0)
    assert plan == RowPlan.of(rows(9), 0)
    others = [RowPlan.of(rows(9), 1), RowPlan.of(rows(8), 0), RowPlan.of(Rows(rows(9).records, list("abcdefghi")), 0)]
    assert len({plan.plan_id, *(other.plan_id for other in others)}) == 4


def test_skipped_rows_are_not_served(tmp_path: Path) -> None:
    plan = RowPlan.of(rows(10), 3)
    history = History.open(tmp_path / "history.jsonl", plan)
    history.append("skip", 4, {"ranges": [[5, 7]]})
    order = plan.row(np.arange(20)).tolist()
    served = ServedRows([f"prepared {number}" for number in range(10)], RowStream(plan, history), 12)
    expected = [*order[:5], *order[7:14]]
    assert [served[index] for index in range(len(served))] == [f"prepared {number}" for number in expected]
    assert served.__getitems__([11, 0]) == [served[11], served[0]]
    history.append("unskip", 8, {"ranges": [[5, 7]]})
    assert RowStream(plan, history).rows(range(8, 11)) == [order[5], order[6], order[10]]


def test_a_plan_is_read_again(tmp_path: Path) -> None:
    plan = RowPlan.of(rows(4), 0)
    plan.save(tmp_path)
    assert RowPlan.load(tmp_path) == plan
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(RunError, match=r"plan\.json cannot be read"):
        RowPlan.load(tmp_path)


def test_rows_that_cannot_be_trained_on() -> None:
    with pytest.raises(RecipeError, match="no rows"):
        Rows([], [])
    with pytest.raises(RecipeError, match="1 ids"):
        Rows([{}, {}], ["a"])
    assert RowPlan.of(rows(1), 0).row(np.arange(3)).tolist() == [0, 0, 0]
