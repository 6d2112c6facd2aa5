"""Randomness as a function of (seed, purpose, sequence, column): never of rank, worker, batch or call order."""

import hashlib

import numpy as np

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
    starts = _mixed(_mixed(np.asarray(sequences).astype(np.uint64) * GOLDEN) ^ key)
    steps = np.arange(1, columns + 1, dtype=np.uint64) * GOLDEN
    return (_mixed(starts[:, None] + steps[None, :]) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
