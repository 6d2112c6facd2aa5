# mypy: disallow-untyped-defs=False
"""Looking for a byte, or counting it, thirty-two bytes at a time.

A loop that ends where it finds something is not vectorised by LLVM; these functions say it in vectors themselves, which
LLVM lowers to what the processor has (two comparisons with SSE2, one with AVX2).
"""

from typing import Any

from gristmill.kernels.compile import inlined
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_intrinsic: Any = intrinsic  # its type is that of the generator, not of what kernels call
LANES = 32
_BYTE, _MASK = ir.IntType(8), ir.IntType(LANES)
_VECTOR = ir.VectorType(_BYTE, LANES)


def _block(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The 32 bytes of the array arguments[0] from place arguments[1] on, as one vector."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    first = builder.bitcast(builder.gep(array.data, [arguments[1]]), _VECTOR.as_pointer())
    return builder.load(first, align=1)


def _everywhere(builder: Any, byte: Any) -> Any:
    """A vector whose 32 bytes are all `byte`."""
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    lane = builder.insert_element(undefined, byte, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(lane, undefined, zeros)


@_intrinsic
def equal_mask(typing: Any, data: Any, at: Any, byte: Any) -> Any:
    """uint32: which of the 32 bytes from data[at] on are `byte`, the first one in the lowest bit. All 32 must be there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature, arguments)
        return builder.bitcast(builder.icmp_unsigned("==", block, _everywhere(builder, arguments[2])), _MASK)

    return types.uint32(data, types.int64, types.uint8), generate


@_intrinsic
def letter_mask(typing: Any, data: Any, at: Any, letter: Any) -> Any:
    """As `equal_mask` for a lower-case ASCII letter, in either case."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature, arguments)
        lower = builder.or_(block, _everywhere(builder, ir.Constant(_BYTE, 0x20)))
        return builder.bitcast(builder.icmp_unsigned("==", lower, _everywhere(builder, arguments[2])), _MASK)

    return types.uint32(data, types.int64, types.uint8), generate


@_intrinsic
def range_mask(typing: Any, data: Any, at: Any, first: Any, count: Any) -> Any:
    """As `equal_mask` for the `count` bytes from `first` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature, arguments)
        above = builder.sub(block, _everywhere(builder, arguments[2]))
        return builder.bitcast(builder.icmp_unsigned("<", above, _everywhere(builder, arguments[3])), _MASK)

    return types.uint32(data, types.int64, types.uint8, types.uint8), generate


@_intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """int64: the place of the lowest bit that is set in a uint32 or uint64; 32 or 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return context.cast(builder, found, signature.args[0], types.int64)

    return types.int64(mask), generate


@_intrinsic
def set_bits(typing: Any, mask: Any) -> Any:
    """int64: how many bits of a uint32 or uint64 are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, builder.ctpop(arguments[0]), signature.args[0], types.int64)

    return types.int64(mask), generate


@inlined
def count_byte(data, i, end, byte):
    """How many bytes of data[i:end] are `byte`."""
    count = 0
    while i + LANES <= end:
        count += set_bits(equal_mask(data, i, byte))
        i += LANES
    while i < end:
        count += data[i] == byte
        i += 1
    return count


@inlined
def find_byte(data, i, end, byte):
    """The position of the first `byte` in data[i:end], `end` where there is none."""
    while i + LANES <= end:
        mask = equal_mask(data, i, byte)
        if mask:
            return i + lowest_bit(mask)
        i += LANES
    while i < end and data[i] != byte:
        i += 1
    return i


@inlined
def find_either(data, i, end, one, other):
    """The position of the first byte in data[i:end] that is `one` or `other`, `end` where there is none."""
    while i + LANES <= end:
        mask = equal_mask(data, i, one) | equal_mask(data, i, other)
        if mask:
            return i + lowest_bit(mask)
        i += LANES
    while i < end and data[i] != one and data[i] != other:
        i += 1
    return i
