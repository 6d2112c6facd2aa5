# mypy: disallow-untyped-defs=False
"""Hashes of lines and paragraphs for removing repeated ones, normalised as CCNet does.

Lower case, accents stripped, digits to 0, punctuation deleted; besides, runs of white space are one space here, where
CCNet only strips the ends. The hash is XXH64 (seed 0) of the normalised UTF-8, where CCNet takes 64 bits of SHA-1:
what is equal is the same, the numbers are not.

Lines end at LF alone. A paragraph is a maximal run of lines that hold more than white space; it is one stretch of text,
line ends inside it count as white space. Lines and paragraphs of fewer than `min_characters` normalised characters
are left out, so that short repeated lines, such as the answers of multiple-choice questions, are never removed.

Source: Wenzek et al., "CCNet: Extracting High Quality Monolingual Datasets from Web Crawl Data" (2020), section 3.1.
"""

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from gristmill.filters.dedup.normalise import Normalisation, normalise_plainly, normalise_span, replacements
from gristmill.filters.text.blank import is_blank
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.xxh64 import PADDING, xxh64_padded
from gristmill.schemas.errors import RecipeError

CCNET = Normalisation(case=True, accents=True, digits=True, punctuation="delete", whitespace=True)
DEFAULT_MIN_CHARACTERS = 30  # a guess: longer than an answer option, shorter than a cookie notice
Unit = Literal["line", "paragraph"]


class LineHashes(NamedTuple):
    """Lines of a batch: document d has entries offsets[d] : offsets[d + 1], in order.

    hashes uint64; starts, ends int64: bytes from the document's start, without the last line's LF; characters int64:
    length of the normalised text; offsets int64 of documents + 1.
    """

    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    characters: np.ndarray
    offsets: np.ndarray

    def to_arrow(self) -> pa.LargeListArray:
        """large_list<struct<hash: uint64, start: int64, end: int64, characters: int64>>, one list a document."""
        columns = [pa.array(column) for column in self[:4]]
        lines = pa.StructArray.from_arrays(columns, names=["hash", "start", "end", "characters"])
        return pa.LargeListArray.from_arrays(pa.array(self.offsets), lines)


def line_hashes_plainly(
    text: str, unit: Unit = "line", min_characters: int = DEFAULT_MIN_CHARACTERS
) -> list[tuple[int, int, int, int]]:
    """(hash, start, end, characters) in plain Python: the definition the kernel is tested against."""
    spans: list[tuple[bool, int, int]] = []
    at = 0
    for line in text.split("\n"):
        end = at + len(line.encode())
        blank = not line.strip()
        if unit == "paragraph" and spans and spans[-1][2] == at - 1 and not blank and not spans[-1][0]:
            spans[-1] = (False, spans[-1][1], end)
        else:
            spans.append((blank, at, end))
        at = end + 1
    found = []
    for _, start, end in spans:
        normal = normalise_plainly(text.encode()[start:end].decode(), CCNET)
        if normal and len(normal) >= min_characters:
            found.append((xxhash.xxh64_intdigest(normal.encode()), start, end, len(normal)))
    return found


@helper
def _line_end(data, start, end):
    while start < end and data[start] != 10:
        start += 1
    return start


@kernel
def _hash_lines(
    data, offsets, paragraphs, min_characters, classes, target, edges, expansions, scratch,
    hashes, starts, ends, characters, out_offsets,
):  # fmt: skip
    at = 0
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        start = begin
        while start <= end:
            stop = _line_end(data, start, end)
            if paragraphs and not is_blank(data, start, stop, classes):
                after = _line_end(data, stop + 1, end) if stop < end else stop
                while stop < end and not is_blank(data, stop + 1, after, classes):
                    stop = after
                    after = _line_end(data, stop + 1, end) if stop < end else stop
            size = normalise_span(data, start, stop, target, edges, expansions, True, scratch, 0)
            count = 0
            for i in range(size):
                count += (scratch[i] & 0xC0) != 0x80
            if size and count >= min_characters:
                if at < len(hashes):
                    hashes[at] = xxh64_padded(scratch, 0, size, np.uint64(0))
                    starts[at], ends[at], characters[at] = start - begin, stop - begin, count
                at += 1
            start = stop + 1
        out_offsets[document + 1] = at
    return at


def line_hashes(
    texts: pa.Array | pa.ChunkedArray, unit: Unit = "line", min_characters: int = DEFAULT_MIN_CHARACTERS
) -> LineHashes:
    """The lines or paragraphs of each text that are long enough, with their hash and place.

    >>> line_hashes(pa.array(["Read 12 more!\\nread 34 MORE"]), min_characters=5).ends.tolist()
    [13, 26]
    """
    if unit not in ("line", "paragraph"):
        raise RecipeError(f"unit {unit!r}", expected="line or paragraph")
    data, offsets = string_buffers(texts)
    table = replacements(CCNET)
    scratch = np.empty(int(np.diff(offsets).max(initial=0)) * table.growth + PADDING + 1, np.uint8)
    out_offsets = np.zeros(len(offsets), np.int64)
    room = int(offsets[-1] - offsets[0]) // 32 + len(offsets)
    while True:
        hashes = np.empty(room, np.uint64)
        starts, ends, characters = (np.empty(room, np.int64) for _ in range(3))
        found = _hash_lines(
            data, offsets, unit == "paragraph", min_characters, CLASS, *table[:3], scratch,
            hashes, starts, ends, characters, out_offsets,
        )  # fmt: skip
        if found <= room:
            return LineHashes(hashes[:found], starts[:found], ends[:found], characters[:found], out_offsets)
        room = found
