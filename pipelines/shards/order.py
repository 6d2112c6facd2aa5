"""Where a document lies in the shards: a function of its id and the seed, never of files, engines or arrival.

Documents of a source are ordered by a 64-bit hash of their id (ties: the id, then the number of the copy); a shard
holds one range of hashes. Whether a document is for validation is another hash of its id, so copies stay together.
"""

# mypy: disallow-untyped-defs=False
import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.kernels.hashing import GOLDEN, murmur64
from gristmill.kernels.xxh64 import xxh64

_FRACTION = 0x6672616374696F6E  # keeps who is chosen apart from where it lies
_COPY = np.uint64(GOLDEN)
_MASK = (1 << 64) - 1


@kernel
def _hash_rows(data, offsets, seed, out):
    for row in range(len(out)):
        out[row] = xxh64(data, offsets[row], offsets[row + 1], seed)


@kernel
def _add_copies(keys, copies):
    """Each copy after the first gets a key of its own: an avalanche of the first copy's key and its number."""
    for row in range(len(keys)):
        if copies[row] > 0:
            keys[row] = murmur64(keys[row] ^ (np.uint64(copies[row]) * _COPY))


def _hashes(doc_ids: pa.Array, seed: int) -> np.ndarray:
    data, offsets = string_buffers(doc_ids)
    out = np.empty(len(doc_ids), np.uint64)
    _hash_rows(data, offsets, np.uint64(seed & _MASK), out)
    return out


def order_keys(doc_ids: pa.Array, copies: np.ndarray, seed: int) -> np.ndarray:
    """uint64 by which documents are ordered; copies: the number of each row's copy, from 0."""
    keys = _hashes(doc_ids, seed)
    _add_copies(keys, copies)
    return keys


def in_fraction(doc_ids: pa.Array, fraction: float, seed: int) -> np.ndarray:
    """True for about `fraction` of the ids, independent of their order."""
    return _hashes(doc_ids, seed ^ _FRACTION) < np.uint64(min(_MASK, int(fraction * (1 << 64))))


def sorted_order(keys: np.ndarray, doc_ids: pa.Array, copies: np.ndarray) -> np.ndarray:
    """Row numbers in shard order; ids are compared only where keys are equal."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    if len(order) > 1 and (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort((copies, np.array(doc_ids.to_pylist(), object).astype(str), keys))
    return order


def range_start(number: int, ranges: int) -> int:
    """The first key of range `number` of `ranges`; of range number `ranges`: 2**64."""
    return -(-number * (1 << 64) // ranges)
