"""Turns of conversations: a table of shapes, and the kernel against its reference."""

import json

import pyarrow as pa
import pytest
from gristmill.filters.dialogue.structure import COLUMNS, FAMILY, measure, structure_plainly, structures
from gristmill.filters.dialogue.turns import turns_of
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.schemas.rows.kind import stored_batch
from gristmill.schemas.rows.registry import row_kind
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import zeros

from tests.generated import examples

TABLE = [
    ("whole", [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")], {}),
    ("no user first", [("assistant", "b")], {"out_of_turn_count": 1, "user_turn_count": 0}),
    ("two users", [("user", "a"), ("user", "a"), ("assistant", "b")], {"out_of_turn_count": 1}),
    ("two answers", [("user", "a"), ("assistant", "b"), ("assistant", "c")], {"out_of_turn_count": 1}),
    ("ends with user", [("user", "a")], {"ends_with_assistant": False, "assistant_turn_count": 0}),
    ("late system", [("user", "a"), ("system", "s"), ("assistant", "b")], {"late_system_count": 1}),
    ("two systems first", [("system", "s"), ("system", "s"), ("user", "a"), ("assistant", "b")], {}),
    ("blank", [("user", " \n\u3000"), ("assistant", "b")], {"empty_turn_count": 1}),
    ("unknown role", [("user", "a"), ("critic", "x"), ("assistant", "b")], {"unknown_role_count": 1}),
    ("tools", [("user", "a"), ("assistant", "call"), ("tool", "1"), ("tool", "2"), ("assistant", "b")], {}),
    ("orphan", [("user", "a"), ("tool", "1"), ("assistant", "b")], {"orphan_tool_result_count": 1}),
]
GOOD = {
    "ends_with_assistant": True,
    **dict.fromkeys(("empty_turn_count", "out_of_turn_count", "late_system_count", "unknown_role_count"), 0),
    **dict.fromkeys(("unanswered_tool_call_count", "orphan_tool_result_count"), 0),
}


@pytest.mark.parametrize(("name", "turns", "found"), TABLE, ids=[row[0] for row in TABLE])
def test_shapes(name: str, turns: list[tuple[str, str]], found: dict) -> None:
    (row,) = measure(stored_batch([turns]), {}).to_pylist()
    expected = GOOD | found
    if name == "orphan":
        expected["out_of_turn_count"] = 1
    assert {key: row[key] for key in expected} == expected
    assert row["message_count"] == len(turns)


def stored(record: dict) -> pa.RecordBatch:
    """A record as documents/ holds it."""
    text, pieces, fields = row_kind("conversation").encode(record)
    places = [{"label": label, "start": start, "end": end} for label, start, end in pieces]
    batch = stored_batch([[("user", "x")], [("user", "x")]], ["{}", json.dumps(fields)])
    column = pa.array([[], places], batch.column("pieces").type)
    texts = pa.array(["", text.decode()], pa.large_string())
    return pa.record_batch([texts, column, batch.column("fields")], names=["text", "pieces", "fields"])


CALL = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("messages", "unanswered", "empty"),
    [
        ([{"tool_calls": [CALL]}, {"role": "tool", "content": "4", "tool_call_id": "c1"}], 0, 0),
        ([{"tool_calls": [CALL]}, {"role": "tool", "content": "4", "tool_call_id": "c2"}], 1, 0),
        ([{"tool_calls": [CALL, CALL]}, {"role": "tool", "content": "4"}], 1, 0),
        ([{"tool_calls": [CALL]}, {"role": "user", "content": "and?"}], 1, 0),
        ([{"tool_calls": [CALL]}], 0, 0),
        ([{}], 0, 1),
    ],
)
def test_tool_calls_without_text_are_messages(messages: list[dict], unanswered: int, empty: int) -> None:
    first = {"role": "assistant", "content": None, **messages[0]}
    record = {
        "messages": [{"role": "user", "content": "é?"}, first, *messages[1:], {"role": "assistant", "content": "4"}]
    }
    if len(messages) == 1:
        record["messages"].pop()
    _, row = measure(stored(record), {}).to_pylist()
    assert row["message_count"] == len(record["messages"])
    assert row["unanswered_tool_call_count"] == unanswered
    assert row["empty_turn_count"] == empty
    assert row["ends_with_assistant"]


@pytest.mark.parametrize(("reason", "cut"), [("length", True), ("stop", False), (None, None)])
def test_a_row_says_that_it_was_cut(reason: str | None, cut: bool | None) -> None:
    record = {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        "finish_reason": reason,
    }
    assert measure(stored(record), {}).column("truncated_by_length").to_pylist() == [None, cut]


TURN = st.tuples(st.sampled_from(["system", "user", "assistant", "tool", "critic"]), st.text("aé中 \n", max_size=4))


@settings(max_examples=examples(50))
@given(st.lists(st.lists(TURN, max_size=6), min_size=1, max_size=4))
def test_the_kernel_is_its_reference(conversations: list[list[tuple[str, str]]]) -> None:
    turns = turns_of(stored_batch(conversations))
    counts = zeros((len(conversations), COLUMNS), "int64")
    structures(turns.data, turns.edges, turns.roles, turns.starts, turns.ends, CLASS, counts)
    plain = [structure_plainly([{"role": r, "content": c} for r, c in turns]) for turns in conversations]
    assert counts.tolist() == plain


def test_a_slice_and_rows_without_pieces_are_measured() -> None:
    batch = stored_batch([[("user", "a")], [("user", "b"), ("assistant", "c")], [("user", "é"), ("assistant", "c")]])
    assert measure(batch.slice(1), {}).to_pylist() == measure(batch, {}).slice(1).to_pylist()
    nothing = batch.set_column(1, "pieces", pa.nulls(3, batch.column("pieces").type))
    assert measure(nothing, {}).column("message_count").to_pylist() == [0, 0, 0]
    assert measure(nothing.slice(0, 0), {}).schema == FAMILY.schema
