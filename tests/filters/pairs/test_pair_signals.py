"""Signals of preference pairs: tables of pairs, and similarity against a plain reference."""

import json
from typing import Any

import pyarrow as pa
import pytest
from gristmill.filters.pairs import formats, judgement, lengths, likeness
from gristmill.filters.pairs.sides import sides_of
from gristmill.schemas.rows.kind import PIECES, stored_batch
from gristmill.schemas.rows.registry import row_kind
from hypothesis import given
from hypothesis import strategies as st


def labelled(prompt: str, chosen: str, rejected: str) -> list[tuple[str, str]]:
    return [("prompt.user", prompt), ("chosen.assistant", chosen), ("rejected.assistant", rejected)]


def measured(family: Any, name: str, *pairs: tuple[str, str]) -> list[Any]:
    """One signal of (chosen, rejected) answers."""
    batch = stored_batch([labelled("Why?", chosen, rejected) for chosen, rejected in pairs])
    return family.measure(batch, {}).column(name).to_pylist()


@pytest.mark.parametrize(
    ("chosen", "rejected", "equal", "similarity"),
    [
        ("The mill turns.", "The mill turns.", True, 1.0),
        ("The  mill\nturns.", "the mill turns. ", True, 1.0),
        ("The mill turns.", "The mill turned.", False, 9 / 14),
        ("abcdef", "ghijkl", False, 0.0),
        ("Paris", "Paris", True, 1.0),
        ("yes", "no", False, None),
        ("", "", True, None),
        ("水車は川が高いときに回る", "水車は川が低いときに回る", False, 3 / 13),
    ],
)
def test_likeness(chosen: str, rejected: str, equal: bool, similarity: float | None) -> None:
    assert measured(likeness, "chosen_equals_rejected", (chosen, rejected)) == [equal]
    assert measured(likeness, "chosen_rejected_similarity", (chosen, rejected)) == [pytest.approx(similarity)]


@given(st.text("abc \u00e4\U0001f33e", max_size=40), st.text("abc \u00e4\U0001f33e", max_size=40))
def test_similarity_is_that_of_the_sets(one: str, other: str) -> None:
    sets = []
    for text in (one, other):
        plain = likeness.normalised(text)
        sets.append({plain[n : n + likeness.WINDOW] for n in range(len(plain) - likeness.WINDOW + 1)})
    wanted = len(sets[0] & sets[1]) / len(sets[0] | sets[1]) if all(sets) else None
    assert measured(likeness, "chosen_rejected_similarity", (one, other)) == [wanted]


def test_lengths() -> None:
    pairs = [("four", "ab"), ("ä", ""), ("", "abc")]
    assert measured(lengths, "chosen_characters", *pairs) == [4, 1, 0]
    assert measured(lengths, "rejected_characters", *pairs) == [2, 0, 3]
    assert measured(lengths, "chosen_to_rejected_length_ratio", *pairs) == [2.0, None, 0.0]


MARKDOWN = "# Rye\n\n- one\n- two\n1. three\n\n**bold** and **bolder**\n```py\nx\n```\n| a | b |\n|---|---|\n"


def test_formats() -> None:
    pairs = [(MARKDOWN, "plain"), ("a - b, 3.5 * 2, #1, a|b", "10.\n-5\n**\n"), (MARKDOWN, MARKDOWN)]
    assert measured(formats, "list_line_difference", *pairs) == [3, 0, 0]
    assert measured(formats, "heading_difference", *pairs) == [1, 0, 0]
    assert measured(formats, "bold_difference", *pairs) == [2, 0, 0]
    assert measured(formats, "code_fence_difference", *pairs) == [2, 0, 0]
    assert measured(formats, "table_line_difference", *pairs) == [2, 0, 0]
    assert measured(formats, "chosen_has_markup", *pairs) == [True, False, True]
    assert measured(formats, "rejected_has_markup", *pairs) == [False, False, True]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, None, None, False)),
        ({"score_chosen": 5, "score_rejected": "2.5", "chosen_position": 2}, (5.0, 2.5, 2.5, 2, False)),
        ({"score_chosen": "N/A", "score_rejected": 1, "chosen_position": 7}, (None, 1.0, None, None, False)),
        ({"score_chosen": True, "source_prompt": "Who?"}, (None, None, None, None, True)),
        ({"score_chosen": "nan", "score_rejected": "inf"}, (None, None, None, None, False)),
    ],
)
def test_what_the_source_says(fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    batch = stored_batch([labelled("Why?", "a", "b")], [json.dumps(fields)])
    (row,) = judgement.measure(batch, {}).to_pylist()
    assert tuple(row.values()) == expected


def test_sides_of_several_messages_and_of_none() -> None:
    record = {
        "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "chosen": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}],
        "rejected": [{"role": "assistant", "content": None, "tool_calls": []}],
    }
    row = row_kind("pair").encode(record)
    batch = pa.record_batch(
        {
            "text": pa.array([row.text.decode(), None], pa.large_string()),
            "pieces": pa.array([row.piece_rows, None], PIECES),
        }
    )
    assert list(sides_of(batch)) == [("s\n\nu", "a\n\nb", None), (None, None, None)]
    assert likeness.measure(batch, {}).to_pylist() == 2 * [
        {"chosen_equals_rejected": None, "chosen_rejected_similarity": None}
    ]
