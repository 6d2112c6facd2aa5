# mypy: disallow-untyped-defs=False
"""Classes of bytes."""

import numpy as np
from gristmill.kernels.compile import helper

DIGIT, LETTER, UNDERSCORE, LOCAL, HEX = 1, 2, 4, 8, 16
WORD = DIGIT | LETTER | UNDERSCORE
BYTES = np.zeros(256, np.uint8)
for _byte in range(256):
    _character = chr(_byte)
    if _character in "0123456789":
        BYTES[_byte] = DIGIT | HEX | LOCAL
    elif "a" <= _character.lower() <= "z" and _byte < 128:
        BYTES[_byte] = LETTER | LOCAL | (HEX if _character.lower() in "abcdef" else 0)
    elif _character == "_":
        BYTES[_byte] = UNDERSCORE | LOCAL
    elif _character in "!#$%&'*+-/=?^`{|}~." or _byte >= 128:
        BYTES[_byte] = LOCAL
LOWERED = np.arange(256, dtype=np.uint8)
LOWERED[65:91] += 32  # of ASCII alone


@helper
def is_of(byte, mask):
    """Whether a byte is of one of the classes in `mask`."""
    return BYTES[byte] & mask != 0
