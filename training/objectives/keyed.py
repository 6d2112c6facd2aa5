# mypy: disallow-untyped-defs=False
"""Randomness as a function of (seed, purpose, sequence, column): never of rank, worker, batch or call order."""

import hashlib

import numpy as np
from gristmill.training.kernels import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


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
def _mixed(value):
    """splitmix64's finaliser (uint64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def _fill(key, sequences, drawn):
    for row in range(drawn.shape[0]):
        state = _mixed(_mixed(sequences[row] * GOLDEN) ^ key)
        for column in range(drawn.shape[1]):
            state += GOLDEN
            drawn[row, column] = np.float64(_mixed(state) >> np.uint64(11)) * 2.0**-53
