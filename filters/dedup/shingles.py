# mypy: disallow-untyped-defs=False
"""Shingles: the overlapping n-grams of a document as 64-bit hashes.

A document is cut into pieces: its white-space words after normalisation, or, in scripts written without spaces, its
characters without the white space. The shingle that starts at piece i is pieces i .. i + n - 1, words joined by one
space, characters by nothing; its hash is XXH64 (seed 0) of those UTF-8 bytes, so
`xxhash.xxh64_intdigest(" ".join(words[i : i + n]).encode())` is the same number on every machine.

A document of fewer than n pieces has one shingle: all its pieces. One without pieces has none; `pieces == 0` says so.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from gristmill.filters.dedup.normalise import (
    RAW,
    Normalisation,
    Replacements,
    normalise_plainly,
    normalise_span,
    replacements,
)
from gristmill.filters.dedup.pieces import UNSPACED_RANGES, mostly_unspaced, split_characters, split_words
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.xxh64 import PADDING, xxh64_padded
from gristmill.schemas.errors import RecipeError

_UNITS = ("auto", "word", "character")


@dataclass(frozen=True)
class Shingling:
    """How documents become shingles.

    words, characters: length n of a shingle in either unit.
    unit: "auto" takes characters for a document most of whose letters are of scripts without spaces, words otherwise.
    normalisation: applied first; its white space option makes no difference, pieces hold none.
    """

    words: int = 5
    characters: int = 8
    unit: Literal["auto", "word", "character"] = "auto"
    normalisation: Normalisation = field(default=RAW)

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise RecipeError(f"shingle unit {self.unit!r}", expected=", ".join(_UNITS))
        if self.words < 1 or self.characters < 1:
            raise RecipeError(f"shingles of {self.words} words, {self.characters} characters", expected="1 or more")


class Shingles(NamedTuple):
    """Shingle hashes of a batch: document d has values[offsets[d] : offsets[d + 1]].

    values uint64; offsets int64 of documents + 1; pieces int64: words or characters of each document (0: nothing to
    compare; fewer than n: one short shingle); by_character bool: which unit was used.
    """

    values: np.ndarray
    offsets: np.ndarray
    pieces: np.ndarray
    by_character: np.ndarray

    def to_arrow(self) -> pa.LargeListArray:
        """The hashes as large_list<uint64>, one list a document."""
        return pa.LargeListArray.from_arrays(pa.array(self.offsets), pa.array(self.values))


def shingles_plainly(text: str, shingling: Shingling) -> list[int]:
    """Shingle hashes of one text in order of place, in plain Python: the definition the kernels are tested against."""
    words = normalise_plainly(text, shingling.normalisation).split()
    if not words:
        return []
    pieces, n, joint = words, shingling.words, " "
    if shingling.unit == "character" or (shingling.unit == "auto" and _mostly_unspaced_plainly(text)):
        pieces, n, joint = list("".join(words)), shingling.characters, ""
    count = max(1, len(pieces) - n + 1)
    return [xxhash.xxh64_intdigest(joint.join(pieces[i : i + n]).encode()) for i in range(count)]


def _mostly_unspaced_plainly(text: str) -> bool:
    unspaced = [any(first <= ord(c) <= last for first, last in UNSPACED_RANGES) for c in text]
    letters = [c.isalpha() and not u for c, u in zip(text, unspaced, strict=True)]
    return sum(unspaced) > sum(letters)


@helper
def cut_document(data, start, end, unit, classes, normalise, target, edges, expansions, scratch, buffer, starts):
    """Cut data[start:end] into pieces in `buffer` and `starts`; returns (pieces, separator: 1 words, 0 characters)."""
    by_character = unit == 2 or (unit == 0 and mostly_unspaced(data, start, end, classes))
    if normalise:
        end = normalise_span(data, start, end, target, edges, expansions, True, scratch, 0)
        data_of_pieces, start = scratch, 0
        if by_character:
            return split_characters(data_of_pieces, start, end, buffer, starts), 0
        return split_words(data_of_pieces, start, end, buffer, starts), 1
    if by_character:
        return split_characters(data, start, end, buffer, starts), 0
    return split_words(data, start, end, buffer, starts), 1


@helper
def shingle_count(pieces, n):
    """Shingles of n in a document of so many pieces: one short shingle when there are fewer than n."""
    return 0 if pieces == 0 else max(1, pieces - n + 1)


@kernel
def _shingle_batch(
    data, offsets, words, characters, unit, classes, normalise, target, edges, expansions, scratch, buffer, starts,
    unique, values, out_offsets, pieces, by_character,
):  # fmt: skip
    at = 0
    for row in range(len(offsets) - 1):
        count, separator = cut_document(
            data, offsets[row], offsets[row + 1], unit, classes, normalise, target, edges, expansions,
            scratch, buffer, starts,
        )  # fmt: skip
        n = min(words if separator else characters, count)
        first = at
        for i in range(shingle_count(count, n)):
            values[at] = xxh64_padded(buffer, starts[i], starts[i + n] - separator, np.uint64(0))
            at += 1
        if unique:
            values[first:at].sort()
            kept = first
            for i in range(first, at):
                if i == first or values[i] != values[i - 1]:
                    values[kept] = values[i]
                    kept += 1
            at = kept
        out_offsets[row + 1] = at
        pieces[row] = count
        by_character[row] = separator == 0
    return at


class Cutter(NamedTuple):
    """What the kernels need to cut documents of a batch: normalisation table and scratch space for the longest."""

    unit: int
    normalise: bool
    table: Replacements
    scratch: np.ndarray
    buffer: np.ndarray
    starts: np.ndarray


def cutter(offsets: np.ndarray, shingling: Shingling) -> Cutter:
    """Scratch space and tables for documents with these offsets."""
    options = replace(shingling.normalisation, whitespace=True)
    normalise = options != replace(RAW, whitespace=True)
    table = replacements(options if normalise else RAW)
    longest = int(np.diff(offsets).max(initial=0))
    grown = longest * table.growth + 2 + PADDING
    scratch = np.empty(grown if normalise else 0, np.uint8)
    return Cutter(
        _UNITS.index(shingling.unit), normalise, table, scratch, np.empty(grown, np.uint8), np.empty(grown, np.int64)
    )


def shingle_hashes(
    texts: pa.Array | pa.ChunkedArray, shingling: Shingling | None = None, *, unique: bool = True
) -> Shingles:
    """The shingle hashes of each text: sorted and without repeats when `unique`, else in order of place.

    >>> shingle_hashes(pa.array(["a b c d e f", "too short", " "])).offsets.tolist()
    [0, 2, 3, 3]
    """
    shingling = shingling or Shingling()
    data, offsets = string_buffers(texts)
    rows = len(offsets) - 1
    cut = cutter(offsets, shingling)
    most = int(offsets[-1] - offsets[0]) * (cut.table.growth if cut.normalise else 1) + rows
    values = np.empty(most, np.uint64)  # never touched beyond what is written
    out_offsets, pieces, by_character = np.zeros(rows + 1, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    total = _shingle_batch(
        data, offsets, shingling.words, shingling.characters, cut.unit, CLASS, cut.normalise, *cut.table[:3],
        cut.scratch, cut.buffer, cut.starts, unique, values, out_offsets, pieces, by_character,
    )  # fmt: skip
    return Shingles(values[:total].copy(), out_offsets, pieces, by_character)
