"""What a record is stored as, and that it comes back as it was."""

from typing import Any

import pytest
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.rows.kind import SEPARATOR, RowError, RowKind, View
from gristmill.schemas.rows.registry import ROW_KINDS, row_kind
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
BESIDE = st.dictionaries(st.sampled_from(["name", "tool_calls", "weight"]), st.integers() | TEXT, max_size=2)


def messages() -> st.SearchStrategy[list[dict[str, Any]]]:
    role = st.sampled_from(["system", "user", "assistant", "tool", "a.b"])
    message = st.tuples(role, TEXT | st.none(), BESIDE).map(lambda m: {"role": m[0], "content": m[1], **m[2]})
    return st.lists(message, min_size=1, max_size=4)


def records(kind: RowKind) -> st.SearchStrategy[dict[str, Any]]:
    lists = {key: messages() for key in kind.message_lists}
    texts = dict.fromkeys(kind.texts, TEXT)
    needed = {key: (lists if key in lists else texts).pop(key) for key in kind.required}
    more = st.dictionaries(st.sampled_from(["score", "tools"]), st.integers() | TEXT, max_size=2)
    return st.builds(lambda a, b: {**a, **b}, st.fixed_dictionaries(needed, optional={**lists, **texts}), more)


@pytest.mark.parametrize("name", [name for name in ROW_KINDS if name != "document"])
@given(data=st.data())
def test_a_record_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    kind = row_kind(name)
    record = data.draw(records(kind))
    if all(m["content"] is None for key in kind.message_lists for m in record.get(key, [])) and not any(
        key in record for key in kind.texts
    ):
        with pytest.raises(RowError) as caught:
            kind.encode(record)
        assert caught.value.reason == "no_text"
        return
    row = kind.encode(record)
    assert kind.decode(row.text.decode(), row.piece_rows, row.fields) == record
    assert row.text.decode() == SEPARATOR.join(row.text[start:end].decode() for _, start, end in row.pieces)


def test_labels_name_the_list_where_there_are_several() -> None:
    pair = {key: [{"role": role, "content": key}] for key, role in
            (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant"))}  # fmt: skip
    assert [label for label, *_ in row_kind("pair").encode(pair).pieces] == [
        "prompt.user",
        "chosen.assistant",
        "rejected.assistant",
    ]
    talk = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    assert row_kind("conversation").encode(talk).pieces == [("user", 0, 2), ("assistant", 4, 9)]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "missing_messages"),
        ({"messages": []}, "messages_not_messages"),
        ({"messages": "Hello"}, "messages_not_messages"),
        ({"messages": [{"content": "Hello"}]}, "message_without_role"),
        ({"messages": [{"role": "user", "content": ["Hello"]}]}, "content_not_string"),
        ({"messages": [{"role": "assistant", "content": None}]}, "no_text"),
    ],
)
def test_what_is_no_conversation_is_named(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowError) as caught:
        row_kind("conversation").encode(record)
    assert caught.value.reason == reason


def test_views_mean_labels() -> None:
    has = [(View((one,)).has(label)) for one in ("chosen.", "user") for label in ("chosen.user", "chosen", "user")]
    assert has == [True, False, False, False, False, True]
    assert View().has("anything")


def test_an_unknown_kind_gets_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match="did you mean 'conversation'"):
        row_kind("conversations")
