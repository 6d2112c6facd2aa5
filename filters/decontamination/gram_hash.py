# mypy: disallow-untyped-defs=False
"""Hashes of runs of words: any length from one pass over a text, a few instructions for each.

The hash of words w[0] .. w[n - 1] is mix(sum of XXH64(w[k]) * BASE ** (n - 1 - k) modulo 2^64), the XXH64 of their UTF-8
bytes under seed 0, mix the finaliser of SplitMix64. Nothing rests on it alone: what hashes propose is compared.
"""

from collections.abc import Sequence

import numpy as np
import xxhash
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.hashing import GOLDEN, splitmix64
from gristmill.kernels.xxh64 import xxh64_padded

BASE = GOLDEN | 1
_BASE = np.uint64(BASE)


def powers(longest: int) -> np.ndarray:
    """BASE ** k modulo 2^64 for k up to `longest`."""
    return np.array([pow(BASE, k, 1 << 64) for k in range(longest + 1)], np.uint64)


def hash_plainly(words: Sequence[str]) -> int:
    """The hash of a run of words in plain Python: the definition of what the kernels compute.

    >>> f"{hash_plainly(['the', 'mill']):016x}"
    '37dece55eeefa604'
    """
    h = 0
    for word in words:
        h = (h * BASE + xxhash.xxh64_intdigest(word.encode())) % (1 << 64)
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
    h = (h ^ (h >> 27)) * 0x94D049BB133111EB % (1 << 64)
    return h ^ (h >> 31)


@helper
def fill_prefixes(data, starts, first, count, prefixes):
    """prefixes[k]: of the words before word first + k; word w is data[starts[w] : starts[w + 1] - 1]."""
    prefixes[0] = 0
    for k in range(count):
        w = first + k
        prefixes[k + 1] = prefixes[k] * _BASE + xxh64_padded(data, starts[w], starts[w + 1] - 1, np.uint64(0))


@inlined
def gram_hash(prefixes, i, size, power):
    """The hash of the words i .. i + size - 1; power: BASE ** size."""
    return splitmix64(prefixes[i + size] - prefixes[i] * power)
