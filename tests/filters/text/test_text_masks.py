"""The masks of a text, its words, lines and pieces, against plain Python."""

import re
from typing import Any

import numpy as np
import pytest
from gristmill.filters.text.segments import drop_blank, newline_lines, newline_run_pieces
from gristmill.filters.text.text_masks import (
    characters_of,
    is_set,
    rank,
    read_text,
    split_words,
    stripped,
    text_masks,
)
from gristmill.filters.text.unicode_tables import CLASS, SPACE
from gristmill.kernels.compile import kernel
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.gopher_texts import nasty_texts
from tests.generated import examples

SPACES = [cp for cp in range(0x110000) if chr(cp).isspace()]
# white space at and over the borders of the 64 bytes that a mask covers
borders = st.builds(
    lambda before, space, after: "x" * before + space * 3 + after,
    st.integers(55, 70),
    st.sampled_from("\u3000\xa0\u2028\x85 \x1c\n"),
    st.sampled_from(["", "y", " é", "\u3000"]),
)
texts = nasty_texts | borders | st.tuples(borders, borders).map("".join)


@kernel
def _spaces(data, classes, reading, spaces):
    n = read_text(data, 0, len(data), classes, reading)
    for i in range(n):
        spaces[i] = is_set(reading.spaces, i)


@kernel
def _words(data, classes, reading, starts, ends, edges):
    n = read_text(data, 0, len(data), classes, reading)
    words = split_words(reading, n, starts, ends, edges)
    return words, rank(reading.word_starts, reading.words, n), characters_of(reading, 0, n)


@kernel
def _pieces(data, classes, reading, run, starts, ends):
    n = read_text(data, 0, len(data), classes, reading)
    first, last = stripped(reading.spaces, 0, n)
    if run == 0:
        return newline_lines(reading.newlines, n, starts, ends), False
    return newline_run_pieces(reading.newlines, first, last, run, starts, ends), False


@kernel
def _visible_lines(data, classes, reading, starts, ends):
    n = read_text(data, 0, len(data), classes, reading)
    return drop_blank(reading.spaces, starts, ends, newline_lines(reading.newlines, n, starts, ends))


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _spans(text: str, starts: np.ndarray, ends: np.ndarray, count: int) -> list[str]:
    data = text.encode()
    return [data[a:b].decode() for a, b in zip(starts[:count], ends[:count], strict=True)]


def _work(text: str) -> tuple[np.ndarray, Any, np.ndarray, np.ndarray]:
    data = _bytes(text)
    starts, ends = np.empty(len(data) + 1, np.int32), np.empty(len(data) + 1, np.int32)
    return data, text_masks(len(data)), starts, ends


def test_every_white_space_character_and_no_other() -> None:
    """All code points, four at a time, each with a letter before it, so that they fall on every place of a mask."""
    assert np.flatnonzero(CLASS & SPACE).tolist() == SPACES
    text = "".join("a" + chr(cp) for cp in range(0x110000) if not 0xD800 <= cp < 0xE000)
    data = _bytes(text)
    spaces = np.zeros(len(data), np.bool_)
    _spaces(data, CLASS, text_masks(len(data)), spaces)
    assert data[spaces].tobytes().decode() == "".join(map(chr, SPACES))


@given(text=texts)
@settings(max_examples=examples(150))
def test_words_and_their_characters(text: str) -> None:
    data, reading, starts, ends = _work(text)
    edges = np.empty(len(data) + 2, np.int64)
    words, ranked, characters = _words(data, CLASS, reading, starts, ends, edges)
    expected = text.split()
    assert _spans(text, starts, ends, words) == expected
    assert np.diff(edges[: words + 1]).tolist() == [len(word) for word in expected]
    assert (ranked, characters) == (len(expected), len(text))


@given(text=texts, run=st.integers(0, 2))
@settings(max_examples=examples(150))
def test_lines_and_pieces(text: str, run: int) -> None:
    data, reading, starts, ends = _work(text)
    count, _ = _pieces(data, CLASS, reading, run, starts, ends)
    expected = re.split(f"\n{{{run},}}", text.strip()) if run else text.split("\n")
    assert _spans(text, starts, ends, count) == expected
    kept, changed = _visible_lines(data, CLASS, reading, starts, ends)
    visible = [line.strip() for line in text.split("\n") if line.strip()]
    assert (_spans(text, starts, ends, kept), changed) == (visible, visible != text.split("\n"))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 127, 128, 129])
def test_texts_that_end_at_the_border_of_a_mask(size: int) -> None:
    for text in ("x" * size, " " * size, "\n" * size, ("ab " * size)[:size]):
        data, reading, starts, ends = _work(text)
        edges = np.empty(len(data) + 2, np.int64)
        words, ranked, characters = _words(data, CLASS, reading, starts, ends, edges)
        assert _spans(text, starts, ends, words) == text.split()
        assert (words, ranked, characters) == (len(text.split()), len(text.split()), size)
        assert _spans(text, starts, ends, _pieces(data, CLASS, reading, 0, starts, ends)[0]) == text.split("\n")
