# mypy: disallow-untyped-defs=False
"""XXH64 as a kernel: the 64-bit hash of shingles, lines, windows and bands.

It is the published algorithm (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), so any xxHash library gives the same
numbers: xxh64(data, start, end, seed) == xxhash.xxh64_intdigest(data[start:end], seed). Little-endian machines only.
"""

from gristmill.kernels.compile import inlined
from gristmill.kernels.memory import load32, load64
from numpy import uint64

PADDING = 8
PRIME_1 = uint64(0x9E3779B185EBCA87)
PRIME_2 = uint64(0xC2B2AE3D27D4EB4F)
PRIME_3 = uint64(0x165667B19E3779F9)
PRIME_4 = uint64(0x85EBCA77C2B2AE63)
PRIME_5 = uint64(0x27D4EB2F165667C5)


@inlined
def _rotate(x, by):
    return (x << uint64(by)) | (x >> uint64(64 - by))


@inlined
def _round(accumulator, lane):
    return _rotate(accumulator + lane * PRIME_2, 31) * PRIME_1


@inlined
def _merge(h, accumulator):
    return (h ^ _round(uint64(0), accumulator)) * PRIME_1 + PRIME_4


@inlined
def _whole_stripes(data, start, end, seed):
    """The state after all 32-byte stripes, and where the last 0-31 bytes start."""
    i = start
    if end - start >= 32:
        a = seed + PRIME_1 + PRIME_2
        b = seed + PRIME_2
        c = seed
        d = seed - PRIME_1
        while i + 32 <= end:
            a = _round(a, load64(data, i))
            b = _round(b, load64(data, i + 8))
            c = _round(c, load64(data, i + 16))
            d = _round(d, load64(data, i + 24))
            i += 32
        h = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
        h = _merge(_merge(_merge(_merge(h, a), b), c), d)
    else:
        h = seed + PRIME_5
    return h + uint64(end - start), i


@inlined
def _eight_bytes(h, lane):
    return _rotate(h ^ _round(uint64(0), lane), 27) * PRIME_1 + PRIME_4


@inlined
def _chosen(take, new, old):
    """`new` where take is 1, `old` where it is 0, by arithmetic: there is no branch to mispredict."""
    return old ^ ((old ^ new) & (uint64(0) - uint64(take)))


@inlined
def _four_bytes(h, value):
    return _rotate(h ^ (uint64(value) * PRIME_1), 23) * PRIME_2 + PRIME_3


@inlined
def _one_byte(h, value):
    return _rotate(h ^ (uint64(value) * PRIME_5), 11) * PRIME_1


@inlined
def avalanche(h):
    """XXH64's finaliser of a uint64."""
    h = (h ^ (h >> uint64(33))) * PRIME_2
    h = (h ^ (h >> uint64(29))) * PRIME_3
    return h ^ (h >> uint64(32))


@inlined
def xxh64(data, start, end, seed):
    """XXH64 of data[start:end] (a contiguous uint8 array) under a uint64 seed."""
    h, i = _whole_stripes(data, start, end, uint64(seed))
    while i + 8 <= end:
        h = _eight_bytes(h, load64(data, i))
        i += 8
    if i + 4 <= end:
        h = _four_bytes(h, load32(data, i))
        i += 4
    while i < end:
        h = _one_byte(h, data[i])
        i += 1
    return avalanche(h)


@inlined
def xxh64_padded(data, start, end, seed):
    """As xxh64, without the branches that short texts mispredict; reads up to PADDING bytes beyond `end`."""
    h, i = _whole_stripes(data, start, end, uint64(seed))
    for _ in range(3):
        eight = i + 8 <= end
        h = _chosen(eight, _eight_bytes(h, load64(data, i)), h)
        i += 8 * eight
    four = i + 4 <= end
    h = _chosen(four, _four_bytes(h, load32(data, i)), h)
    i += 4 * four
    rest = load32(data, i)
    h = _chosen(i < end, _one_byte(h, rest & 0xFF), h)
    h = _chosen(i + 1 < end, _one_byte(h, (rest >> 8) & 0xFF), h)
    h = _chosen(i + 2 < end, _one_byte(h, (rest >> 16) & 0xFF), h)
    return avalanche(h)
