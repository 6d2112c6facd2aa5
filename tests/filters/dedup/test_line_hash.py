"""Line and paragraph hashes against their plain-Python definition."""

import pyarrow as pa
import pytest
import xxhash
from gristmill.filters.dedup.line_hash import line_hashes, line_hashes_plainly
from gristmill.schemas.errors import RecipeError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples

CHARACTERS = st.one_of(
    st.sampled_from("\n\n\n \r\t\u2028\u3000\x85aA1é.,漢한\U0001f600"), st.characters(exclude_categories=("Cs",))
)


@settings(max_examples=examples(150))
@example(["", "\n", "a\n", "\na", "a\n\nb", "a\nb\n \u3000\nc", "\r\n\r\na", "...\n!!"], "paragraph", 0)
@given(
    st.lists(st.text(CHARACTERS, max_size=30), max_size=4), st.sampled_from(["line", "paragraph"]), st.integers(0, 4)
)
def test_kernel_equals_definition(texts: list[str], unit: str, min_characters: int) -> None:
    found = line_hashes(pa.array(texts, pa.large_string()), unit, min_characters).to_arrow().to_pylist()
    expected = [line_hashes_plainly(text, unit, min_characters) for text in texts]
    assert [[tuple(line.values()) for line in lines] for lines in found] == expected


def test_spans_cut_the_lines_out() -> None:
    text = "Ça va?\n\nÄhnliche Zeilen\r\nkurz"
    found = line_hashes(pa.array([text]), "line", 1)
    raw = text.encode()
    pieces = [raw[a:b].decode() for a, b in zip(found.starts, found.ends, strict=True)]
    assert pieces == ["Ça va?", "Ähnliche Zeilen\r", "kurz"]
    assert found.hashes.tolist() == [xxhash.xxh64_intdigest(s) for s in ("ca va", "ahnliche zeilen", "kurz")]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("Copyright 2019, all rights reserved.", "copyright 2024 ALL rights reserved", True),
        ("Élève", "eleve", True),
        ("a  b", "a b", True),
        ("Read more", "Read less", False),
        ("ten 10", "ten 100", False),
    ],
)
def test_what_counts_as_the_same_line(one: str, other: str, equal: bool) -> None:
    hashes = line_hashes(pa.array([one, other]), "line", 1).hashes
    assert (hashes[0] == hashes[1]) == equal


@pytest.mark.parametrize(("length", "count"), [(29, 0), (30, 1), (31, 1)])
def test_short_lines_are_left_out(length: int, count: int) -> None:
    assert len(line_hashes(pa.array(["é" * length])).hashes) == count


def test_paragraphs_are_runs_of_lines_with_text() -> None:
    text = "one\ntwo\n \n\nthree\n"
    found = line_hashes(pa.array([text]), "paragraph", 1)
    assert [text[a:b] for a, b in zip(found.starts, found.ends, strict=True)] == ["one\ntwo", "three"]


def test_many_short_lines_fit() -> None:
    assert len(line_hashes(pa.array(["ab\n" * 5000]), "line", 1).hashes) == 5000


def test_unknown_unit_is_an_error() -> None:
    with pytest.raises(RecipeError, match="line or paragraph"):
        line_hashes(pa.array(["a"]), "sentence")  # type: ignore[arg-type]
