# mypy: disallow-untyped-defs=False
"""UTF-8 to code points and back: whole texts, and one code point at a time for kernels that keep no decoded copy."""

import numpy as np
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.memory import load64

_BEYOND_ASCII = np.uint64(0x8080808080808080)
_BYTE = np.uint64(0xFF)


@inlined
def next_code_point(data, i):
    """(the code point whose UTF-8 starts at data[i], where the next one starts); the bytes are not checked."""
    b = np.int32(data[i])
    if b < 0x80:
        return b, i + 1
    if b < 0xE0:
        return ((b & 0x1F) << 6) | (data[i + 1] & 0x3F), i + 2
    if b < 0xF0:
        return ((b & 0x0F) << 12) | ((data[i + 1] & 0x3F) << 6) | (data[i + 2] & 0x3F), i + 3
    high = ((b & 0x07) << 18) | ((data[i + 1] & 0x3F) << 12)
    return high | ((data[i + 2] & 0x3F) << 6) | (data[i + 3] & 0x3F), i + 4


@inlined
def code_point_before(data, end):
    """(the code point whose UTF-8 ends at data[end - 1], where it starts); the bytes are not checked."""
    i = end - 1
    while data[i] & 0xC0 == 0x80:
        i -= 1
    return next_code_point(data, i)[0], i


@helper
def put_utf8(cp, out, at):
    """Write code point `cp` as UTF-8 to `out` from `at`; returns the position after it."""
    if cp < 0x80:
        out[at] = cp
        return at + 1
    if cp < 0x800:
        out[at] = 0xC0 | (cp >> 6)
        out[at + 1] = 0x80 | (cp & 0x3F)
        return at + 2
    if cp < 0x10000:
        out[at] = 0xE0 | (cp >> 12)
        out[at + 1] = 0x80 | ((cp >> 6) & 0x3F)
        out[at + 2] = 0x80 | (cp & 0x3F)
        return at + 3
    out[at] = 0xF0 | (cp >> 18)
    out[at + 1] = 0x80 | ((cp >> 12) & 0x3F)
    out[at + 2] = 0x80 | ((cp >> 6) & 0x3F)
    out[at + 3] = 0x80 | (cp & 0x3F)
    return at + 4


@helper
def utf8_width(cp):
    """Bytes of code point `cp` in UTF-8."""
    return 1 if cp < 0x80 else 2 if cp < 0x800 else 3 if cp < 0x10000 else 4


@helper
def decode_utf8(data, start, end, out):
    """Decode data[start:end] into int32 code points in `out` (at least end - start long); returns their number.

    Arrow strings are valid UTF-8, so no byte is checked. Eight bytes of ASCII are decoded at once.
    """
    n = 0
    i = start
    while i < end:
        stop = min(i + 8, end)
        if stop == i + 8:
            eight = load64(data, i)
            if eight & _BEYOND_ASCII == 0:
                for k in range(8):
                    out[n + k] = np.int32(eight >> np.uint64(8 * k) & _BYTE)
                n += 8
                i = stop
                continue
        while i < stop:
            out[n], i = next_code_point(data, i)
            n += 1
    return n
