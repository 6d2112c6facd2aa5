# mypy: disallow-untyped-defs=False
"""The hash functions of every kernel, each once: finalisers that spread the bits of a number, and FNV-1a over values.

XXH64 of bytes is in `xxh64`. Sources: SplitMix64, Steele et al., "Fast splittable pseudorandom number generators"
(OOPSLA 2014); MurmurHash3, Appleby (github.com/aappleby/smhasher); FNV-1a, draft-eastlake-fnv.
"""

import numpy as np
from gristmill.kernels.compile import inlined, kernel

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: SplitMix64's step, and a multiplier of hash tables
FNV_START = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


@inlined
def splitmix64(value):
    """SplitMix64's finaliser of a uint64."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def splitmix64_all(values, out):
    """out[i] = splitmix64(values[i]), both uint64."""
    for i in range(len(values)):
        out[i] = splitmix64(values[i])


@inlined
def murmur64(value):
    """MurmurHash3's 64-bit finaliser of a uint64."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@inlined
def murmur32(value):
    """MurmurHash3's 32-bit finaliser of a uint32; numba widens products, so every step is cut to 32 bits."""
    value = np.uint32(value ^ (value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ (value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@inlined
def fnv1a(h, value):
    """The hash `h` (FNV_START at first) with one more value: FNV-1a over whole numbers instead of bytes."""
    return (h ^ np.uint64(value)) * _FNV_PRIME
