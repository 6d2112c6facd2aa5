"""Arrow string arrays as plain offsets and bytes, and UTF-8 decoding, for the kernels."""

# mypy: disallow-untyped-defs=False
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.cache import cache_folder


def _kernel_folder() -> Path:
    """Compiled kernels of exactly this source: numba does not see that a kernel imported from another file changed."""
    source = hashlib.blake2b(digest_size=8)
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        source.update(path.read_bytes())
    return cache_folder() / "kernels" / source.hexdigest()


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_folder()))

from numba import njit  # noqa: E402  reads NUMBA_CACHE_DIR when it is imported

kernel = njit(nogil=True, cache=True)  # what Python calls, and what allocates
# What only kernels call and what allocates nothing, nor calls what does. Without numba's reference counts: they are
# atomic additions around each call, which cost more than a short function does.
_njit: Any = njit  # its types do not name the option
helper = _njit(nogil=True, cache=True, _nrt=False)
inlined = _njit(nogil=True, cache=True, _nrt=False, forceinline=True)  # a helper called once a byte or word


def string_buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """(data uint8, offsets int64 of rows + 1) of a string or large_string array; null reads as the empty text.

    Zero-copy but for the offsets of `string` arrays and the bytes of arrays with nulls.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if texts.null_count:
        texts = texts.fill_null("")
    wide = pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type)
    _, offsets, data = texts.buffers()
    if offsets is None or len(texts) == 0:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    edges = np.frombuffer(offsets, np.int64 if wide else np.int32)[texts.offset : texts.offset + len(texts) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return raw, edges.astype(np.int64)


@helper
def decode_utf8(data, start, end, out):
    """Decode data[start:end] into int32 code points in `out` (at least end - start long); returns their number.

    Arrow strings are valid UTF-8, so no byte is checked.
    """
    n = 0
    i = start
    while i < end:
        b = data[i]
        if b < 0x80:
            out[n] = b
            i += 1
        elif b < 0xE0:
            out[n] = ((b & 0x1F) << 6) | (data[i + 1] & 0x3F)
            i += 2
        elif b < 0xF0:
            out[n] = ((b & 0x0F) << 12) | ((data[i + 1] & 0x3F) << 6) | (data[i + 2] & 0x3F)
            i += 3
        else:
            high = ((b & 0x07) << 18) | ((data[i + 1] & 0x3F) << 12)
            out[n] = high | ((data[i + 2] & 0x3F) << 6) | (data[i + 3] & 0x3F)
            i += 4
        n += 1
    return n
