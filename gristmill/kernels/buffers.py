"""Arrow string arrays as plain offsets and bytes, for the kernels."""

import numpy as np
import pyarrow as pa


def string_buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """(data uint8, offsets int64 of rows + 1) of a string or large_string array; null reads as the empty text.

    Zero-copy but for the offsets of `string` arrays and the bytes of arrays with nulls. The bytes are always read-only:
    Arrow's buffers sometimes are and sometimes are not, and a kernel would be compiled once for each.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if texts.null_count:
        texts = texts.fill_null("")
    wide = pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type)
    _, offsets, data = texts.buffers()
    if offsets is None or len(texts) == 0:
        return _read_only(np.zeros(0, np.uint8)), np.zeros(len(texts) + 1, np.int64)
    edges = np.frombuffer(offsets, np.int64 if wide else np.int32)[texts.offset : texts.offset + len(texts) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return _read_only(raw), edges.astype(np.int64)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
