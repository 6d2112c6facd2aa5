"""Records that are odd, broken or hostile: every one is a row, is quarantined with a reason, or is counted as left out."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from gristmill.pipelines.sources.forms.form import Dropped
from gristmill.pipelines.sources.forms.registry import FORMS, form, forms_of
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.source import RecordForm, Source
from gristmill.schemas.rows.kind import RowError
from gristmill.schemas.rows.registry import ROW_KINDS, row_kind
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.pipelines.sources.forms import test_conversations, test_pairs, test_prompts
from tests.pipelines.sources.forms.made_records import assistant, read, rows_of, user

KINDS = [kind for kind in ROW_KINDS if kind != "document"]
NAMES = [
    "messages",
    "conversations",
    "conversation",
    "prompt",
    "question",
    "instruction",
    "input",
    "output",
    "response",
    "completion",
    "answer",
    "chosen",
    "rejected",
    "text",
    "role",
    "replies",
    "rank",
    "parent_id",
    "message_id",
    "completions",
    "responses",
    "generations",
    "scores",
    "score",
    "rating",
    "is_correct",
    "label",
    "winner",
    "output_1",
    "output_2",
    "response_a",
    "response_b",
    "winner_swapped",
    "g1_winner",
    "g2_winner",
    "instruction_id_list",
    "kwargs",
    "choices",
    "options",
    "endings",
    "answerKey",
    "A",
    "B",
    "target",
    "test",
    "test_list",
    "canonical_solution",
    "entry_point",
    "task_id",
    "solution",
    "system",
    "history",
    "instances",
    "tools",
    "reward_model",
    "turns",
    "checker",
    "gpt4_score",
    "labels",
]
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "a",
        "user",
        "assistant",
        "tie",
        "1",
        "B",
        "#### 3",
        r"\boxed{2}",
        "\n\nHuman: a\n\nAssistant: b",
        "[",
        "\0",
        "(A) x\n(B) y",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-2, 3) | st.just(float("nan")) | TEXTS
MESSAGE = st.dictionaries(
    st.sampled_from(["role", "content", "from", "value", "tool_calls", "type"]), SCALARS, max_size=3
)
VALUES = st.recursive(
    SCALARS | MESSAGE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(400))
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_no_record_raises(record: dict[str, Any]) -> None:
    """Whatever a record holds, each form says whether it is one, and makes rows of it or says why there are none."""
    for kind in KINDS:
        source = Source(name="made", path="made", rows=kind)
        for one in forms_of(kind):
            matched = one.matches(record)
            assert isinstance(matched, bool), one.name
            reasons = refusals(lambda one=one, kind=kind, source=source: one.rows(record, kind, source), kind)
            assert all(reason and detail for reason, detail in reasons), one.name


SOUND = [record for cases in (test_conversations.CASES, test_pairs.CASES, test_prompts.CASES) for _, record, _ in cases]


@settings(max_examples=examples(600))
@given(st.sampled_from(SOUND), st.integers(0, 40), VALUES)
def test_no_record_with_one_broken_value_raises(record: dict[str, Any], place: int, value: Any) -> None:
    broken = json.loads(json.dumps(record))
    holders = list(places_in(broken))
    holder, key = holders[place % len(holders)]
    holder[key] = value
    for kind in KINDS:
        source = Source(name="made", path="made", rows=kind)
        for one in forms_of(kind):
            one.matches(broken)
            refusals(lambda one=one, kind=kind, source=source: one.rows(broken, kind, source), kind)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: the list or object that holds it, and its key there."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(entries):
        yield value, key
        yield from places_in(item)


def refusals(rows: Callable[[], Sequence[Any]], kind: str) -> list[tuple[str, str]]:
    """Why a record is no row, and why rows of it are none."""
    found = []
    try:
        for row in rows():
            if not isinstance(row, Dropped):
                found += encode_refusals(row, kind)
    except RowError as error:
        found.append((error.reason, error.detail))
    return found


def encode_refusals(row: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    try:
        row_kind(kind).encode(row)
    except RowError as error:
        return [(error.reason, error.detail)]
    return []


def test_nothing_is_lost(tmp_path: Path) -> None:
    """One file of all sorts: each record is a row or in the quarantine, and the reasons say what is wrong."""
    good = {"messages": [user("a"), assistant("b")]}
    records: list[Any] = [
        good,
        {"messages": [user("a"), {"content": "b"}]},
        {"messages": [user("a"), {"role": None, "content": "b"}]},
        {"messages": [user("a"), None]},
        {"messages": [user("a"), {"role": "assistant", "content": 5}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"function": None}]}]},
        {"messages": [user("a"), assistant("b")], "tools": "no json"},
        {"conversations": [{"from": "human", "value": None}, {"from": "gpt"}]},
        {"conversations": [{"from": "function_call", "value": "no json"}]},
        {"instruction": "a", "output": "b"},
        {"messages": []},
        {"messages": None, "prompt": None},
        {},
    ]
    found = rows_of(tmp_path, "conversation", records)
    assert [reason for reason, _ in found.quarantined] == [
        *3 * ["message_without_role"],
        "content_not_string",
        "content_not_text",
        "no_text",
        "tools_not_json",
        "no_text",
        "invalid_tool_call",
        "messages_not_messages",
        "unknown_form",
        "unknown_form",
    ]
    assert [row["messages"][1]["content"] for row in found.records] == ["b", "b"]
    assert found.tally.records_framed == len(records)
    assert "columns messages, prompt; forms of rows that are a conversation: " in found.quarantined[-2][1]


def test_long_conversations_and_long_turns(tmp_path: Path) -> None:
    turns = [user(f"question {number}") if number % 2 == 0 else assistant(f"answer {number}") for number in range(1000)]
    long = "word " * (2 << 20)
    records = [{"messages": turns}, {"messages": [user("a"), assistant(long)]}]
    found = rows_of(tmp_path, "conversation", records)
    assert found.records == records
    assert len(found.stored[0]["pieces"]) == 1000
    limited = rows_of(tmp_path, "conversation", records, max_document_bytes=1 << 20)
    assert limited.records == records[:1]
    assert [reason for reason, _ in limited.quarantined] == ["too_large"]


def test_characters_that_are_none(tmp_path: Path) -> None:
    """Lone surrogates are replaced and noted, in fields too; NUL is kept and noted; what is mostly NUL is quarantined."""
    path = tmp_path / "made.jsonl"
    path.write_text(
        '{"messages": [{"role": "user", "content": "a\\ud800"}], "note": "\\udc00"}\n'
        '{"messages": [{"role": "user", "content": "long enough\\u0000 to be text"}]}\n'
        '{"messages": [{"role": "user", "content": "\\u0000\\u0000\\u0001"}]}\n',
        encoding="utf-8",
    )
    found = read(path, "conversation")
    assert found.records == [
        {"messages": [user("a\ufffd")], "note": "\ufffd"},
        {"messages": [user("long enough\0 to be text")]},
    ]
    notes = [json.loads(row["metadata"]) for row in found.stored]
    assert (notes[0]["replaced_surrogates"], notes[1]["nul_characters"]) == (2, 1)
    assert [reason for reason, _ in found.quarantined] == ["binary_content"]


def test_values_nested_too_deep(tmp_path: Path) -> None:
    """At every depth a record is a row or quarantined; nothing ends the build."""
    path = tmp_path / "made.jsonl"
    depths = (10, 100, 190, 300, 600, 900, 5000)
    path.write_text(
        "".join(f'{{"messages": [{{"role": "user", "content": "a"}}], "x": {"[" * d}{"]" * d}}}\n' for d in depths),
        encoding="utf-8",
    )
    found = read(path, "conversation")
    assert found.tally.records_framed == len(depths)
    assert len(found.records) + len(found.quarantined) == len(depths)
    assert {reason for reason, _ in found.quarantined} <= {"nested_too_deep", "invalid_json"}
    assert len(found.records) >= 2


def test_a_form_that_cannot_become_the_rows_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match="format 'alpaca' with rows 'pair'; its records become conversation or prompt"
    ):
        rows_of(tmp_path, "pair", [{}], format="alpaca")


def test_every_form_is_registered_under_its_name() -> None:
    assert set(get_args(RecordForm)) == set(FORMS)
    assert [form(name).name for name in FORMS] == list(FORMS)
    assert all(set(form(name).kinds) <= set(KINDS) for name in FORMS)
