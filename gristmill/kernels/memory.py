# mypy: disallow-untyped-defs=False
"""Reading and writing memory as numbers inside kernels, where numba has no expression for it. Little-endian machines only."""

from typing import Any

import numpy as np
from gristmill.kernels.compile import inlined
from numba import types
from numba.extending import intrinsic as typed_intrinsic

_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
intrinsic: Any = typed_intrinsic  # its type counts the typing context as an argument of each call


def _unaligned_load(bits):
    @intrinsic
    def load(typing_context, array, index):
        """Bytes array[index : index + bits // 8] as one little-endian number; no bound is checked."""
        from llvmlite import ir

        result = types.uint64 if bits == 64 else types.uint32

        def generate(context, builder, signature, arguments):
            values = context.make_array(signature.args[0])(context, builder, arguments[0])
            address = builder.gep(values.data, [arguments[1]])
            wide = ir.IntType(bits)
            return builder.load(builder.bitcast(address, wide.as_pointer()), align=1)

        return result(array, index), generate

    return load


load64 = _unaligned_load(64)
load32 = _unaligned_load(32)


@intrinsic
def store64(typing_context, array, index, value):
    """Write `value` as bytes array[index : index + 8], little-endian; no bound is checked."""
    from llvmlite import ir

    def generate(context, builder, signature, arguments):
        values = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(values.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.none(array, index, types.uint64), generate


@intrinsic
def copy_bytes(typing_context, target, at, source, start, count):
    """target[at : at + count] = source[start : start + count] of two byte arrays; no bound is checked, nor overlap."""
    from numba.core import cgutils

    def generate(context, builder, signature, arguments):
        to = context.make_array(signature.args[0])(context, builder, arguments[0])
        of = context.make_array(signature.args[2])(context, builder, arguments[2])
        addresses = builder.gep(to.data, [arguments[1]]), builder.gep(of.data, [arguments[3]])
        cgutils.raw_memcpy(builder, *addresses, arguments[4], 1)
        return context.get_dummy_value()

    return types.none(target, types.int64, source, types.int64, types.int64), generate


@intrinsic
def item_bytes(typing_context, array):
    """int64: bytes of one item of the array, known when a kernel is compiled."""
    size = array.dtype.bitwidth // 8

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.int64, size)

    return types.int64(array), generate


@intrinsic
def trailing_zeros(typing_context, value):
    """Zero bits below the lowest set bit of a uint64; 64 for 0."""

    def generate(context, builder, signature, arguments):
        from llvmlite import ir

        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


def _pointer(kind: Any) -> Any:
    """A function of kernels from an address (int64) to a pointer to numbers of this type, for numba's `carray`."""

    @intrinsic
    def pointer(typing_context, address):
        result = types.CPointer(kind)

        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(result))

        return result(types.int64), generate

    return pointer


uint8_at, uint16_at, int32_at = _pointer(types.uint8), _pointer(types.uint16), _pointer(types.int32)


@inlined
def low_bytes(number, count):
    """The lowest `count` bytes (1 to 8) of a uint64."""
    return number & (_ALL_BITS >> np.uint64(64 - 8 * count))
