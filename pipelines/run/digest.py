"""Content digests: the same rows give the same digest in any order, file layout and engine.

A row's hash is a keyed 128-bit hash of its canonical values (null differs from empty, -0 is 0, every NaN is one NaN);
the digest of a dataset is the sum of its rows' hashes modulo 2**128, so parts can be added in any order.
"""

# mypy: disallow-untyped-defs=False
import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.xxh64 import PRIME_1, PRIME_2, PRIME_3, avalanche

_KEY = (np.uint64(0x6772697374206D69), np.uint64(0x6C6C20726F777321))
_NULL = np.uint64(0x5EED0FF0A11E5CED)
MODULUS = 1 << 128


@helper
def _mix(h, word):
    word *= PRIME_2
    word = (word << np.uint64(31)) | (word >> np.uint64(33))
    h ^= word * PRIME_1
    return ((h << np.uint64(27)) | (h >> np.uint64(37))) * PRIME_1 + PRIME_3


@helper
def hash_bytes(data, start, end, seed):
    """64-bit hash of data[start:end]; eight bytes a step, the length mixed in last."""
    h = seed + PRIME_3
    i = start
    while i + 8 <= end:
        word = np.uint64(0)
        for k in range(8):
            word |= np.uint64(data[i + k]) << np.uint64(8 * k)
        h = _mix(h, word)
        i += 8
    word = np.uint64(0)
    shift = np.uint64(0)
    while i < end:
        word |= np.uint64(data[i]) << shift
        shift += np.uint64(8)
        i += 1
    return avalanche(_mix(_mix(h, word), np.uint64(end - start)))


@kernel
def _add_strings(data, offsets, valid, states):
    for row in range(len(offsets) - 1):
        for lane in range(2):
            if valid[row]:
                value = hash_bytes(data, offsets[row], offsets[row + 1], states[lane, row])
            else:
                value = _NULL
            states[lane, row] = _mix(states[lane, row], value)


@kernel
def _add_words(words, valid, states):
    for row in range(len(words)):
        for lane in range(2):
            value = avalanche(words[row] ^ states[lane, row]) if valid[row] else _NULL
            states[lane, row] = _mix(states[lane, row], value)


@kernel
def _add_elements(elements, offsets, valid, states):
    for row in range(len(offsets) - 1):
        for lane in range(2):
            if not valid[row]:
                states[lane, row] = _mix(states[lane, row], _NULL)
                continue
            for i in range(offsets[row], offsets[row + 1]):
                states[lane, row] = _mix(states[lane, row], elements[lane, i])
            states[lane, row] = _mix(states[lane, row], np.uint64(offsets[row + 1] - offsets[row]))


@kernel
def _sum_128(states):
    low = np.uint64(0)
    high = np.uint64(0)
    for row in range(states.shape[1]):
        value = avalanche(states[0, row])
        low += value
        if low < value:
            high += np.uint64(1)
        high += avalanche(states[1, row])
    return low, high


def _words(column: pa.Array) -> np.ndarray:
    """Fixed-width values as uint64 bit patterns, nulls as 0, -0 as 0 and every NaN as one."""
    kind = column.type
    if pa.types.is_floating(kind):
        values = column.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False).copy()
        values[values == 0] = 0.0
        values[np.isnan(values)] = np.nan
        return values.view(np.uint64)
    if pa.types.is_boolean(kind):
        return column.fill_null(False).cast(pa.int64()).to_numpy(zero_copy_only=False).view(np.uint64)
    return column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)


def _first_states(rows: int) -> np.ndarray:
    states = np.empty((2, rows), np.uint64)
    states[0, :], states[1, :] = _KEY
    return states


def _add_column(column: pa.Array, states: np.ndarray) -> None:
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = column.cast(pa.large_list(kind.value_type))
        offsets = column.offsets.to_numpy()
        elements = _first_states(int(offsets[-1] - offsets[0]))
        _add_column(column.values.slice(offsets[0], offsets[-1] - offsets[0]), elements)
        _add_elements(elements, offsets - offsets[0], valid, states)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        data, offsets = string_buffers(column)
        _add_strings(data, offsets, valid, states)
    else:
        _add_words(_words(column), valid, states)


def batch_digest(batch: pa.RecordBatch | pa.Table, columns: list[str]) -> int:
    """Sum modulo 2**128 of the row hashes over `columns`, in that order."""
    if batch.num_rows == 0:
        return 0
    states = _first_states(batch.num_rows)
    for name in columns:
        column = batch.column(name)
        _add_column(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column, states)
    low, high = _sum_128(states)
    return (int(high) << 64 | int(low)) % MODULUS


def format_digest(value: int) -> str:
    return f"{value % MODULUS:032x}"
