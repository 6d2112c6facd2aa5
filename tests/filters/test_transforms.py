"""Edits apply and compose at the byte level; each transform changes what it says and nothing on a second pass."""

import pyarrow as pa
import pytest
from gristmill.filters.transforms.apply import apply_edits, compose, edit_statistics, versioned_text
from gristmill.schemas.edits import EDITS
from gristmill.schemas.errors import RecipeError
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(st.sampled_from("ab \n\r\t\x00\x0b\x85\u2028é漢😀\u0301"), max_size=30)


def edit(start: int, end: int, replacement: str, reason: str = "r") -> dict:
    return {"start": start, "end": end, "replacement": replacement, "reason": reason}


def applied(text: str, edits: list[dict]) -> str:
    """Reference: splice on bytes."""
    data, out, position = text.encode(), b"", 0
    for e in edits:
        out += data[position : e["start"]] + e["replacement"].encode()
        position = e["end"]
    return (out + data[position:]).decode()


@st.composite
def edits_of(draw: st.DrawFn, text: str, reasons: str) -> list[dict]:
    boundaries = [len(text[:n].encode()) for n in range(len(text) + 1)]
    cuts = sorted(draw(st.lists(st.sampled_from(boundaries), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return [edit(a, b, draw(TEXT.map(lambda t: t[:6])), draw(st.sampled_from(reasons))) for a, b in pairs]


@st.composite
def two_rounds(draw: st.DrawFn) -> tuple[list[str], list[list[dict]], list[list[dict]]]:
    texts, first, second = [], [], []
    for text in draw(st.lists(TEXT, min_size=1, max_size=4)):
        a = draw(edits_of(text, "xy"))
        texts.append(text)
        first.append(a)
        second.append(draw(edits_of(applied(text, a), "yz")))
    return texts, first, second


@settings(max_examples=300, deadline=None)
@given(two_rounds())
def test_compose_is_one_edit_for_two(case: tuple) -> None:
    texts, first, second = case
    a, b = pa.array(first, EDITS), pa.array(second, EDITS)
    originals = pa.array(texts, pa.large_string())
    middle = apply_edits(originals, a)
    assert middle.to_pylist() == [applied(t, e) for t, e in zip(texts, first, strict=True)]
    both = compose(a, b)
    assert both.type == EDITS
    assert apply_edits(originals, both).to_pylist() == apply_edits(middle, b).to_pylist()
    for row, one, two in zip(both.to_pylist(), first, second, strict=True):
        assert len(row) <= len(one) + len(two)
        found = {atom for e in row for atom in e["reason"].split("+")}
        assert found == {e["reason"] for e in one + two}


@settings(max_examples=50, deadline=None)
@given(two_rounds())
def test_slices_and_narrow_strings(case: tuple) -> None:
    texts, first, second = case
    both = compose(pa.array([[], *first], EDITS)[1:], pa.array([[], *second], EDITS)[1:])
    expected = [applied(applied(t, a), b) for t, a, b in zip(texts, first, second, strict=True)]
    assert apply_edits(pa.array(["é", *texts], pa.string())[1:], both).to_pylist() == expected


def test_edits_that_touch_stay_apart_and_edits_that_overlap_join() -> None:
    first = pa.array([[edit(2, 4, "XYZ", "one"), edit(6, 8, "", "one")]], EDITS)
    touching = pa.array([[edit(0, 2, "", "two"), edit(5, 7, "q", "two")]], EDITS)
    assert compose(first, touching).to_pylist()[0] == [
        edit(0, 2, "", "two"),
        edit(2, 4, "XYZ", "one"),
        edit(4, 6, "q", "two"),
        edit(6, 8, "", "one"),
    ]
    across = pa.array([[edit(4, 8, "q", "two")]], EDITS)
    assert compose(first, across).to_pylist()[0] == [edit(2, 9, "XYq", "one+two")]


def test_null_text_stays_null_and_null_edits_edit_nothing() -> None:
    texts = pa.array([None, "abc", "abc"], pa.string())
    edits = pa.array([None, None, [edit(1, 1, "-")]], EDITS)
    assert apply_edits(texts, edits).to_pylist() == [None, "abc", "a-bc"]
    assert compose(edits, edits).to_pylist()[:2] == [[], []]


@pytest.mark.parametrize(
    "edits",
    [
        [edit(0, 5, "")],  # past the end
        [edit(1, 2, ""), edit(1, 2, "")],  # overlap
        [edit(3, 2, "")],  # ends before it starts
        [edit(0, 3, "")],  # inside the two bytes of é
    ],
)
def test_invalid_edits_are_refused(edits: list[dict]) -> None:
    with pytest.raises(ValueError, match="row 1"):
        apply_edits(pa.array(["ok", "abé"]), pa.array([[], edits], EDITS))


def test_edit_statistics_count_bytes_and_reasons() -> None:
    edits = pa.array([[edit(0, 2, "é", "one"), edit(3, 4, "", "one+two")], [], [edit(0, 0, "x", "two")]], EDITS)
    assert edit_statistics(edits) == {
        "edits": 3,
        "removed_bytes": 3,
        "added_bytes": 3,
        "spans_by_reason": {"one": 2, "two": 2},
    }


def test_unknown_text_version_is_an_error() -> None:
    with pytest.raises(RecipeError, match="original"):
        versioned_text(pa.array(["a"]), "no_such")
    texts, edits = versioned_text(pa.array(["a"]), "original")
    assert texts.to_pylist() == ["a"]
    assert edits.to_pylist() == [[]]
