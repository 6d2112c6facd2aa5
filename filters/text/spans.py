# mypy: disallow-untyped-defs=False
"""The batch form of every word rule: spans of all rows, flattened.

`(starts, ends, doc_offsets)`: the words of row r are the code point spans [starts[i], ends[i]) for i in
doc_offsets[r] .. doc_offsets[r + 1]. `starts` and `ends` are int32 and count from the start of the row's text,
`doc_offsets` is int64 of rows + 1. A null text reads as the empty one and has no words.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
from gristmill.kernels.compile import kernel

Spans = tuple[np.ndarray, np.ndarray, np.ndarray]


@kernel
def grown(spans, used, wanted):
    """`spans` (2 x capacity int32) with room for `wanted` more after the first `used`; copies when it must grow."""
    if used + wanted <= spans.shape[1]:
        return spans
    larger = np.empty((2, max(2 * spans.shape[1], used + wanted)), np.int32)
    larger[:, :used] = spans[:, :used]
    return larger


@kernel
def longest(offsets):
    """Bytes of the longest row: no row has more code points than this."""
    most = 0
    for r in range(len(offsets) - 1):
        most = max(most, offsets[r + 1] - offsets[r])
    return most


def flatten(rows: Iterable[Iterable[tuple[int, int]]]) -> Spans:
    """The batch form of spans given row by row."""
    listed = [list(row) for row in rows]
    flat = np.array([span for row in listed for span in row], np.int32).reshape(-1, 2)
    return flat[:, 0].copy(), flat[:, 1].copy(), np.cumsum([0, *map(len, listed)]).astype(np.int64)


def reference_spans(texts: pa.Array, rule: Callable[[str], Iterable[tuple[int, int]]]) -> Spans:
    """The batch form of a plain Python rule `text -> spans`."""
    return flatten(rule(text or "") for text in texts.to_pylist())
