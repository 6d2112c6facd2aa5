"""Duplicate substrings: suffix array and minimiser partitions against the definition; cuts against characters."""

import re

import numpy as np
import pyarrow as pa
import pytest
from gristmill.filters.dedup.cuts import cut_edits, merged, snapped_to_characters, spans_of_mask, with_line_ends
from gristmill.filters.dedup.line_hash import line_hashes
from gristmill.filters.dedup.suffix_array import duplicate_mask, memory_bytes, suffix_array
from gristmill.filters.dedup.super_kmers import (
    SuperKmers,
    TextSpans,
    default_k,
    mark_partition,
    run_bytes,
    salted_windows,
    super_kmers,
)
from gristmill.filters.dedup.windows import Policy, mask_by_definition
from gristmill.filters.transforms.apply import apply_edits
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.rows.edits import EDITS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.cut_text import cut_plainly
from tests.generated import examples

POLICIES: tuple[Policy, ...] = ("remove-all", "keep-first")
PERIODIC = st.tuples(st.text("ab", min_size=1, max_size=4), st.integers(0, 12), st.text("abc", max_size=5)).map(
    lambda parts: parts[0] * parts[1] + parts[2]
)
PHRASES = st.lists(st.sampled_from(["the cat sat ", "on the mat", "ab", "é漢", "x"]), max_size=6).map("".join)
DOCUMENTS = st.lists(st.one_of(st.text("ab", max_size=40), PERIODIC, PHRASES, st.just("")), max_size=6)
LENGTHS = st.integers(1, 12)


def _joined(documents: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    return np.frombuffer(b"".join(documents), np.uint8), offsets


def _mask_of(spans: TextSpans, offsets: np.ndarray) -> np.ndarray:
    mask = np.zeros(int(offsets[-1]), bool)
    for document, start, end in zip(*spans, strict=True):
        mask[offsets[document] + start : offsets[document] + end] = True
    return mask


def _by_partition(
    data: np.ndarray, offsets: np.ndarray, length: int, policy: Policy, unit: int, partitions: int, salts: int
) -> np.ndarray:
    """The mask as a cluster would make it: runs dealt out by key, in shuffled order, hot keys salted."""
    runs = super_kmers(data, offsets, length, unit=unit)
    run_data, run_offsets = run_bytes(data, offsets, runs)
    if salts:
        of, shifts, keys = salted_windows(runs.keys, run_data, run_offsets, length, salts, unit)
        runs = SuperKmers(keys, runs.docs[of], runs.starts[of] + shifts, np.full(len(of), length))
        run_data, run_offsets = run_bytes(data, offsets, runs)
    keys, docs, starts, _ = runs
    mask = np.zeros(len(data), bool)
    for partition in range(partitions):
        mine = np.flatnonzero(keys % np.uint64(partitions) == partition)
        mine = np.random.default_rng(partition).permutation(mine)
        their_data, their_offsets = _joined([run_data[run_offsets[r] : run_offsets[r + 1]].tobytes() for r in mine])
        spans = mark_partition(keys[mine], docs[mine], starts[mine], their_data, their_offsets, length, policy, unit)
        mask |= _mask_of(spans, offsets)
    return mask


@settings(max_examples=examples(60))
@example(["a" * 60, "a" * 30, ""], 10, "keep-first", 1)
@example(["a" * 60, "a" * 30, ""], 10, "remove-all", 3)
@example(["abcabcabcabc", "bcabcabcab"], 6, "keep-first", 2)
@example(["xxabcd", "abcdxx", "dxxa"], 4, "remove-all", 1)
@given(DOCUMENTS, LENGTHS, st.sampled_from(POLICIES), st.integers(0, 3))
def test_all_routes_give_the_mask_of_the_definition(
    documents: list[str], length: int, policy: Policy, salts: int
) -> None:
    data, offsets = _joined([document.encode() for document in documents])
    expected = mask_by_definition(data, offsets, length, policy)
    assert np.array_equal(duplicate_mask(data, offsets, length, policy), expected)
    assert np.array_equal(duplicate_mask(data, offsets, length, policy, wide=True), expected)
    assert np.array_equal(_by_partition(data, offsets, length, policy, 1, 3, salts), expected)


@settings(max_examples=examples(120))
@given(
    st.lists(st.lists(st.integers(0, 2), max_size=25), max_size=5),
    st.integers(1, 6),
    st.sampled_from([2, 4]),
    st.sampled_from(POLICIES),
)
def test_tokens_are_units_of_bytes(documents: list[list[int]], tokens: int, unit: int, policy: Policy) -> None:
    kind = {2: "<u2", 4: "<u4"}[unit]
    data, offsets = _joined([np.array(document, kind).tobytes() for document in documents])
    expected = mask_by_definition(data, offsets, tokens * unit, policy, unit)
    assert np.array_equal(duplicate_mask(data, offsets, tokens * unit, policy, unit), expected)
    assert np.array_equal(_by_partition(data, offsets, tokens * unit, policy, unit, 2, 0), expected)


@pytest.mark.parametrize(
    ("documents", "length", "policy", "marked"),
    [
        (["abcdX", "abcdY"], 4, "remove-all", ["####.", "####."]),
        (["abcdX", "abcdY"], 4, "keep-first", [".....", "####."]),
        (["abcabc"], 3, "keep-first", ["...###"]),  # the first copy ends where the second starts
        (["aaaaa"], 3, "keep-first", ["....."]),  # overlaps its first copy
        (["aaaaaa"], 3, "keep-first", ["...###"]),
        (["aaaaaa"], 3, "remove-all", ["######"]),
        (["abc", "abc"], 4, "remove-all", ["...", "..."]),  # shorter than a window
        (["abcd", "cdab"], 4, "remove-all", ["....", "...."]),  # "abcd" also crosses no border
        (["", "ab", "", "ab"], 2, "keep-first", ["", "..", "", "##"]),
        (["zbcde", "abcdy", "bcdez"], 4, "keep-first", [".....", ".....", "####."]),
    ],
)
def test_examples(documents: list[str], length: int, policy: Policy, marked: list[str]) -> None:
    data, offsets = _joined([document.encode() for document in documents])
    mask = duplicate_mask(data, offsets, length, policy)
    assert "".join("#" if m else "." for m in mask) == "".join(marked)
    assert np.array_equal(mask, mask_by_definition(data, offsets, length, policy))


def test_a_phrase_in_thousands_of_documents() -> None:
    """Every copy but the first goes; work grows with copies, not with pairs."""
    phrase = b"all rights reserved by the many authors of this page; " * 2
    documents = [phrase + str(i).encode() for i in range(5000)]
    data, offsets = _joined(documents)
    mask = duplicate_mask(data, offsets, 100, "keep-first")
    assert np.array_equal(_by_partition(data, offsets, 100, "keep-first", 1, 1, 0), mask)
    assert not mask[: offsets[1]].any()
    assert mask[offsets[1] : offsets[1] + len(phrase)].all()


def test_every_window_is_in_one_run() -> None:
    random = np.random.default_rng(3)
    documents = [random.integers(97, 100, size, dtype=np.uint8).tobytes() for size in (0, 9, 10, 11, 200, 1000)]
    data, offsets = _joined(documents)
    for k in (1, 5, 10):
        runs = super_kmers(data, offsets, 10, k)
        windows = [(d, s) for d, start, n in zip(*runs[1:], strict=True) for s in range(start, start + n - 10 + 1)]
        expected = [(d, s) for d, text in enumerate(documents) for s in range(len(text) - 9)]
        assert windows == expected


def test_prose_ships_about_five_bytes_a_byte() -> None:
    random = np.random.default_rng(5)
    data = random.integers(0, 256, 200_000, dtype=np.uint8)
    runs = super_kmers(data, np.array([0, len(data)]), 100)
    assert 4.0 < runs.lengths.sum() / len(data) < 6.0
    assert default_k(100) == 50
    assert default_k(50 * 4, 4) == 100


def test_suffixes_are_sorted() -> None:
    data = np.frombuffer(b"banana", np.uint8)
    assert suffix_array(data).tolist() == [5, 3, 1, 0, 4, 2]
    assert suffix_array(data).dtype == np.int32
    assert suffix_array(data, wide=True).dtype == np.int64
    assert memory_bytes(2**31 - 1) == 6 * (2**31 - 1)
    assert memory_bytes(2**31) == 10 * 2**31


@pytest.mark.parametrize(
    ("length", "policy", "unit", "message"),
    [
        (0, "keep-first", 1, "windows of 0 bytes"),
        (5, "keep-first", 2, "windows of 5 bytes"),
        (4, "keep-last", 1, "'keep-last'"),
        (4, "keep-first", 3, "units of 3"),
        (4, "keep-first", 2, "no whole number of tokens"),
    ],
)
def test_impossible_windows_are_errors(length: int, policy: Policy, unit: int, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        duplicate_mask(*_joined([b"abc"]), length, policy, unit)
    with pytest.raises(RecipeError, match="k-grams of 9"):
        super_kmers(*_joined([b"abc"]), 8, 9)


@pytest.mark.parametrize(
    ("marked", "left"),
    [
        ("unlike all{ others, the old }ferries.", "unlike all ferries."),
        ("unlike all o{thers, the old f}erries.", "unlike all o erries."),
        ("unlike all {others, the old }ferries.", "unlike all ferries."),
        ("unlike all {others, the old} ferries.", "unlike all  ferries."),
        ("an un{broken}word here", "an unword here"),
        ("one line.{\nAnother\n}the last", "one line. the last"),
        ("北京{上海}。天气很好", "北京。天气很好"),
        ("北京。{\n上海。\n}天气", "北京。 天气"),
        ("北京。{\u3000}天气", "北京。 天气"),
        ("{all gone}", ""),
        ("{at the }start", "start"),
        ("at{ the end}", "at"),
        ("{a }b{ c }d{ e}", "b d"),
    ],
)
def test_no_cut_joins_two_words(marked: str, left: str) -> None:
    pieces = re.split("[{}]", marked)  # outside and inside by turns
    text, goes = "".join(pieces), [n % 2 == 1 for n, piece in enumerate(pieces) for _ in piece]
    marks = np.repeat(goes, [len(char.encode()) for char in text])
    _, offsets = _joined([text.encode()])
    texts = pa.array([text], pa.large_string())
    edits, _ = cut_edits(texts, spans_of_mask(marks, offsets))
    assert apply_edits(texts, edits).to_pylist() == [left] == [cut_plainly(text, goes)]


@settings(max_examples=examples(80))
@given(st.lists(st.text("aé漢😀 \n\u3000", max_size=12), max_size=5), st.data())
def test_cuts_are_whole_characters_inside_the_mask(texts: list[str], draw: st.DataObject) -> None:
    data, offsets = _joined([text.encode() for text in texts])
    mask = np.array(draw.draw(st.lists(st.booleans(), min_size=len(data), max_size=len(data))), bool)
    edits, fraction = cut_edits(pa.array(texts, pa.large_string()), spans_of_mask(mask, offsets))
    assert edits.type == EDITS
    for row, text in enumerate(texts):
        inside = mask[offsets[row] : offsets[row + 1]]
        at, goes = 0, []
        for char in text:
            size = len(char.encode())
            goes.append(bool(inside[at : at + size].all()))
            at += size
        cut = sum(len(char.encode()) for char, gone in zip(text, goes, strict=True) if gone)
        kept, previous = b"", 0
        for edit in edits[row].as_py():
            assert edit["start"] < edit["end"]
            assert edit["start"] >= previous
            assert edit["reason"] == "duplicate_substring"
            kept += text.encode()[previous : edit["start"]] + edit["replacement"].encode()
            previous = edit["end"]
        assert (kept + text.encode()[previous:]).decode() == cut_plainly(text, goes)
        assert fraction[row] == (cut / len(text.encode()) if text else 0.0)


def test_spans_from_many_partitions_merge() -> None:
    spans = TextSpans(*np.array([[1, 5, 9], [0, 3, 4], [1, 0, 2], [1, 2, 3], [1, 8, 12]]).T)
    assert [column.tolist() for column in merged(spans)] == [[0, 1, 1], [3, 0, 5], [4, 3, 12]]


def test_a_span_inside_one_character_vanishes() -> None:
    data, offsets = _joined(["a漢b".encode()])
    spans = TextSpans(np.array([0, 0]), np.array([2, 1]), np.array([3, 5]))
    assert [c.tolist() for c in snapped_to_characters(spans, data, offsets)] == [[0], [1], [5]]


def test_whole_lines_go_with_their_end() -> None:
    texts = ["first line\nsecond line\nlast", "second line"]
    data, offsets = _joined([text.encode() for text in texts])
    lines = line_hashes(pa.array(texts), min_characters=1)
    chosen = np.array([1, 2, 3])
    docs = np.repeat(np.arange(2), np.diff(lines.offsets))[chosen]
    spans = with_line_ends(TextSpans(docs, lines.starts[chosen], lines.ends[chosen]), data, offsets)
    edits, fraction = cut_edits(pa.array(texts), spans, "duplicate_line")
    found = [[(e["start"], e["end"], e["reason"]) for e in row] for row in edits.to_pylist()]
    assert found == [[(11, 27, "duplicate_line")], [(0, 11, "duplicate_line")]]
    assert fraction.tolist() == [16 / 27, 1.0]
