"""Classes of code points as one table, so that kernels agree with Python's `str` methods for every script.

`CLASS[cp]` is a uint16 of flag bits, `LOWER[cp]` the one-to-one lower case. Built from the running Python's Unicode
database (0.5 s) and kept in the user's cache folder under that database's version.
"""

import sys
import unicodedata

import numpy as np
from gristmill.kernels.cache import stored_tables

ALPHA, DIGIT, ALNUM, SPACE, UPPER, LOWER_CASE, LINE_BREAK, PUNCTUATION, SYMBOL, MARK = (1 << i for i in range(10))
DECIMAL, NUMERIC = 1 << 10, 1 << 11  # `\d` of Python's re is str.isdecimal, narrower than str.isdigit
CODE_POINTS = 0x110000
_LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where str.splitlines() splits


def _build() -> np.ndarray:
    table = np.zeros((2, CODE_POINTS), dtype=np.int32)
    for cp in range(CODE_POINTS):
        char = chr(cp)
        category = unicodedata.category(char)
        flags = ALPHA * char.isalpha() | DIGIT * char.isdigit() | ALNUM * char.isalnum() | SPACE * char.isspace()
        flags |= UPPER * char.isupper() | LOWER_CASE * char.islower()
        flags |= PUNCTUATION * (category[0] == "P") | SYMBOL * (category[0] == "S") | MARK * (category[0] == "M")
        flags |= DECIMAL * char.isdecimal() | NUMERIC * char.isnumeric()
        lower = char.lower()
        table[0, cp] = flags
        table[1, cp] = ord(lower) if len(lower) == 1 else cp
    for char in _LINE_BREAKS:
        table[0, ord(char)] |= LINE_BREAK
    return table


_TABLE = stored_tables(
    f"unicode-{unicodedata.unidata_version}-py{sys.version_info.minor}-v2", lambda: {"table": _build()}
)["table"]
CLASS: np.ndarray = _TABLE[0].astype(np.uint16)
LOWER: np.ndarray = _TABLE[1].copy()
