# mypy: disallow-untyped-defs=False
"""XXH64 as a kernel: the 64-bit hash of shingles, lines, windows and bands.

It is the published algorithm (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), so any xxHash library gives the same
numbers: xxh64(data, start, end, seed) == xxhash.xxh64_intdigest(data[start:end], seed). Little-endian machines only.
"""

from gristmill.filters.text.buffers import inlined
from numba.extending import intrinsic
from numpy import uint64

PADDING = 8
_P1 = uint64(0x9E3779B185EBCA87)
_P2 = uint64(0xC2B2AE3D27D4EB4F)
_P3 = uint64(0x165667B19E3779F9)
_P4 = uint64(0x85EBCA77C2B2AE63)
_P5 = uint64(0x27D4EB2F165667C5)


def _unaligned_load(bits):
    @intrinsic
    def load(typing_context, array, index):
        """Bytes array[index : index + bits // 8] as one little-endian number; no bound is checked."""
        from llvmlite import ir
        from numba.core import types

        result = types.uint64 if bits == 64 else types.uint32

        def generate(context, builder, signature, arguments):
            values = context.make_array(signature.args[0])(context, builder, arguments[0])
            address = builder.gep(values.data, [arguments[1]])
            wide = ir.IntType(bits)
            return builder.load(builder.bitcast(address, wide.as_pointer()), align=1)

        return result(array, index), generate

    return load


@intrinsic
def store64(typing_context, array, index, value):
    """Write `value` as bytes array[index : index + 8], little-endian; no bound is checked."""
    from llvmlite import ir
    from numba.core import types

    def generate(context, builder, signature, arguments):
        values = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(values.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.none(array, index, types.uint64), generate


@intrinsic
def trailing_zeros(typing_context, value):
    """Zero bits below the lowest set bit of a uint64; 64 for 0."""
    from numba.core import types

    def generate(context, builder, signature, arguments):
        from llvmlite import ir

        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


load64 = _unaligned_load(64)
load32 = _unaligned_load(32)


@inlined
def _rotate(x, by):
    return (x << uint64(by)) | (x >> uint64(64 - by))


@inlined
def _round(accumulator, lane):
    return _rotate(accumulator + lane * _P2, 31) * _P1


@inlined
def _merge(h, accumulator):
    return (h ^ _round(uint64(0), accumulator)) * _P1 + _P4


@inlined
def _whole_stripes(data, start, end, seed):
    """The state after all 32-byte stripes, and where the last 0-31 bytes start."""
    i = start
    if end - start >= 32:
        a = seed + _P1 + _P2
        b = seed + _P2
        c = seed
        d = seed - _P1
        while i + 32 <= end:
            a = _round(a, load64(data, i))
            b = _round(b, load64(data, i + 8))
            c = _round(c, load64(data, i + 16))
            d = _round(d, load64(data, i + 24))
            i += 32
        h = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
        h = _merge(_merge(_merge(_merge(h, a), b), c), d)
    else:
        h = seed + _P5
    return h + uint64(end - start), i


@inlined
def _eight_bytes(h, lane):
    return _rotate(h ^ _round(uint64(0), lane), 27) * _P1 + _P4


@inlined
def _chosen(take, new, old):
    """`new` where take is 1, `old` where it is 0, by arithmetic: there is no branch to mispredict."""
    return old ^ ((old ^ new) & (uint64(0) - uint64(take)))


@inlined
def _four_bytes(h, value):
    return _rotate(h ^ (uint64(value) * _P1), 23) * _P2 + _P3


@inlined
def _one_byte(h, value):
    return _rotate(h ^ (uint64(value) * _P5), 11) * _P1


@inlined
def _avalanche(h):
    h = (h ^ (h >> uint64(33))) * _P2
    h = (h ^ (h >> uint64(29))) * _P3
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
    return _avalanche(h)


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
    return _avalanche(h)
