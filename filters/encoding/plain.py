# mypy: disallow-untyped-defs=False
"""Whether bytes are UTF-8 beyond doubt: most pages are, and no second reading has anything to say of them."""

import numpy as np
from gristmill.kernels.compile import inlined, kernel
from gristmill.kernels.vectors import LANES, equal_mask, range_mask

_NUL, _ESCAPE, _TILDE, _BRACE = 0x00, 0x1B, 0x7E, 0x7B


def is_plain_utf8(raw: bytes) -> bool:
    """Valid UTF-8 without a byte order mark, NUL, or the escapes of encodings that write all in ASCII (ESC, `~{`).

    >>> [is_plain_utf8(raw) for raw in (b"a ~ b", "né".encode(), b"n\\xe9", b"a\\0b", b"\\x1b$B", b"~{<:Ky~}")]
    [True, True, False, False, False, False]
    """
    return not raw.startswith(b"\xef\xbb\xbf") and bool(_is_plain(np.frombuffer(raw, np.uint8)))


@kernel
def _is_plain(data):
    i, end = 0, len(data)
    while i < end:
        if i + LANES <= end:
            special = equal_mask(data, i, _NUL) | equal_mask(data, i, _ESCAPE) | equal_mask(data, i, _TILDE)
            if not special | range_mask(data, i, 0x80, 0x80):
                i += LANES
                continue
        stop = min(i + LANES, end)
        while i < stop:
            size = _size_of_character(data, i, end)
            if size == 0:
                return False
            i += size
    return True


@inlined
def _size_of_character(data, i, end):
    """How many bytes the character at data[i] has; 0 if there is none, or one that is not plain.

    Source: the Unicode Standard, table 3-7 (well-formed UTF-8 byte sequences).
    """
    first = data[i]
    if first < 0x80:
        escapes = first in (_NUL, _ESCAPE) or (first == _TILDE and i + 1 < end and data[i + 1] == _BRACE)
        return 0 if escapes else 1
    size = 2 if first < 0xE0 else (3 if first < 0xF0 else 4)
    if not 0xC2 <= first <= 0xF4 or i + size > end:
        return 0
    least, most = 0x80, 0xBF
    if first == 0xE0:
        least = 0xA0
    elif first == 0xED:
        most = 0x9F
    elif first == 0xF0:
        least = 0x90
    elif first == 0xF4:
        most = 0x8F
    if not least <= data[i + 1] <= most:
        return 0
    for k in range(2, size):
        if data[i + k] & 0xC0 != 0x80:
            return 0
    return size
