"""What the encoders with a table share: texts in slices that fit into the cache, and rows left to `tokenizers`."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.pipelines.shards.encoding.piece_cache import PADDING
from gristmill.pipelines.shards.encoding.plain_encoder import PlainEncoder
from gristmill.pipelines.shards.ranges import copy_ranges

SLICE_BYTES = 4 << 20

Encoded = tuple[np.ndarray, np.ndarray]  # ids int32, offsets int64 of rows + 1


def encoded_in_slices(texts: pa.Array, encode: Callable[[np.ndarray, np.ndarray], Encoded]) -> Encoded:
    """`encode(bytes with PADDING behind them, offsets from 0 on)` of whole texts of about SLICE_BYTES, put together."""
    data, offsets = string_buffers(texts)
    found, ends = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
    row, total = 0, 0
    while row < len(texts):
        last = max(row + 1, int(np.searchsorted(offsets, offsets[row] + SLICE_BYTES)) - 1)
        last = min(last, len(texts))
        size = int(offsets[last] - offsets[row])
        padded = np.zeros(size + PADDING, np.uint8)
        padded[:size] = data[offsets[row] : offsets[last]]
        ids, slice_offsets = encode(padded, offsets[row : last + 1] - offsets[row])
        found.append(ids)
        ends.append(slice_offsets[1:] + total)
        total += len(ids)
        row = last
    return np.concatenate(found), np.concatenate(ends)


def with_rows_of(
    plain: PlainEncoder, texts: pa.Array, wanted: np.ndarray, ids: np.ndarray, ends: np.ndarray
) -> Encoded:
    """ids and offsets with those of the wanted rows as `tokenizers` gives them. wanted: a bool for each text."""
    if not wanted.any():
        return ids, ends
    rows = np.flatnonzero(wanted)
    theirs, their_offsets = plain.encode(texts.take(pa.array(rows)))
    starts, lengths = ends[:-1].copy(), np.diff(ends)
    starts[rows], lengths[rows] = their_offsets[:-1] + len(ids), np.diff(their_offsets)
    offsets = np.zeros(len(ends), np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return copy_ranges(np.concatenate([ids, theirs]), starts, lengths), offsets
