"""Numbers drawn from document ids: the same for a document wherever, whenever and however often it is asked."""

from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.hashing import GOLDEN, splitmix64_all

_NIBBLE = np.zeros(256, np.uint64)
for _digit in "0123456789abcdef":
    _NIBBLE[ord(_digit)] = int(_digit, 16)


def id_keys(doc_ids: Any) -> np.ndarray:
    """The first 64 bits of every id (32 hex digits), in the order of the ids."""
    ids = doc_ids.cast(pa.large_string())
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if not len(ids):
        return np.zeros(0, np.uint64)
    data, offsets = string_buffers(ids)
    keys = np.zeros(len(ids), np.uint64)
    for digit in range(16):
        keys = (keys << np.uint64(4)) | _NIBBLE[data[offsets[:-1] + digit]]
    return keys


def shuffled(keys: np.ndarray, seed: int) -> np.ndarray:
    """A pseudo-random 64-bit number of each key and the seed (the finaliser of SplitMix64)."""
    mixed = keys ^ np.uint64((seed * GOLDEN + 0x632BE59BD9B4E019) % (1 << 64))
    splitmix64_all(mixed, mixed)
    return mixed


def unit_draws(doc_ids: Any, seed: int) -> np.ndarray:
    """A number in [0, 1) for every id and the seed."""
    return draws_of(id_keys(doc_ids), seed)


def draws_of(keys: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for every 64-bit key and the seed."""
    draws: np.ndarray = (shuffled(keys, seed) >> np.uint64(11)) * 2.0**-53
    return draws
