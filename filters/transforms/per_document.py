"""Transforms written in Python over the few documents of a batch that can need them."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.transforms.edit_arrays import edits_array, rows_of_counts

Span = tuple[int, int, str, str]  # start, end, replacement, reason; UTF-8 byte offsets
SpansOf = Callable[[str], Iterator[Span]]


def edits_of_candidates(texts: pa.Array, candidate: pa.Array, spans_of: SpansOf) -> pa.Array:
    """EDITS of `texts`: the sorted spans that `spans_of` finds in each text that `candidate` (bool) marks."""
    counts = np.zeros(len(texts), np.int64)
    found: list[Span] = []
    for row in np.flatnonzero(candidate.fill_null(False).to_numpy(zero_copy_only=False)).tolist():
        before = len(found)
        found.extend(spans_of(texts[row].as_py()))
        counts[row] = len(found) - before
    starts, ends, replacements, reasons = zip(*found, strict=True) if found else ((), (), (), ())
    return edits_array(
        rows_of_counts(counts),
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        pa.array(replacements, pa.large_string()),
        pa.array(reasons, pa.large_string()),
    )


def not_ascii(texts: pa.Array) -> pa.Array:
    """bool: the text holds a character above U+007F; null where the text is null."""
    return pc.invert(pc.string_is_ascii(texts))


class ByteOffsets:
    """UTF-8 byte offsets of rising character positions of one text."""

    def __init__(self, text: str) -> None:
        self.text, self.characters, self.bytes = text, 0, 0

    def __getitem__(self, characters: int) -> int:
        self.bytes += len(self.text[self.characters : characters].encode())
        self.characters = characters
        return self.bytes


def shared_prefix(left: Sequence[str], right: Sequence[str]) -> int:
    """How many leading items (characters of a text, words of a list) are equal."""
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    return shared
