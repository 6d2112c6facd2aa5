# mypy: disallow-untyped-defs=False
"""Randomness as a function of (seed, purpose, sequence, column): never of rank, worker, batch or call order."""

import hashlib

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.kernels.hashing import GOLDEN, splitmix64

_STEP = np.uint64(GOLDEN)


def uniforms(seed: int, purpose: str, sequences: np.ndarray, columns: int) -> np.ndarray:
    """Numbers in [0, 1), float64 (len(sequences), columns); row i depends on seed, purpose and sequences[i] alone.

    Each row is a splitmix64 generator (Steele et al., "Fast splittable pseudorandom number generators", OOPSLA 2014)
    whose start is a hash of seed, purpose and sequence; column j is its j-th output, so wider rows begin alike.

    >>> a = uniforms(7, "mask", np.array([3, 5]), 4)
    >>> b = uniforms(7, "mask", np.array([5]), 2)
    >>> bool((a[1, :2] == b[0]).all())
    True
    """
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest()
    key = np.uint64(int.from_bytes(digest, "little"))
    drawn = np.empty((len(sequences), columns))
    _fill(key, np.asarray(sequences).astype(np.uint64), drawn)
    return drawn


@kernel
def _fill(key, sequences, drawn):
    for row in range(drawn.shape[0]):
        state = splitmix64(splitmix64(sequences[row] * _STEP) ^ key)
        for column in range(drawn.shape[1]):
            state += _STEP
            drawn[row, column] = np.float64(splitmix64(state) >> np.uint64(11)) * 2.0**-53
