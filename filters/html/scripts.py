# mypy: disallow-untyped-defs=False
"""What a character is to the words of a text, in every script: a letter of a word, half a word, or a mark between words.

Sizes of blocks are counted in words, so that trees learned from pages in one script decide in another. In scripts that are
written without spaces two characters count as a word, which is about what a word of other scripts says.
"""

import numpy as np
from gristmill.filters.dedup.pieces import UNSPACED_RANGES, is_unspaced
from gristmill.kernels.compile import inlined
from gristmill.kernels.utf8 import next_code_point

LETTER, HALF_WORD, BETWEEN, SENTENCE_MARK = range(4)

# What ends or divides a sentence as . , ! ? ; : do in Latin script.
SENTENCE_MARKS = (
    *(0x0589, 0x05C3, 0x060C, 0x061B, 0x061F, 0x06D4, 0x07F8, 0x07F9),  # Armenian, Hebrew, Arabic, Urdu, N'Ko
    *(0x0964, 0x0965, 0x0F0D, 0x0F0E, 0x104A, 0x104B, 0x17D4, 0x17D5, 0xA9C8, 0xA9C9),  # India to Java
    *(0x1362, 0x1363, 0x1364, 0x1365, 0x1366, 0x1367, 0x1368),  # Ethiopic
    *(0x3001, 0x3002, 0xFE50, 0xFE51, 0xFE52, 0xFE54, 0xFE55, 0xFE56, 0xFE57),  # East Asia
    *(0xFF01, 0xFF0C, 0xFF0E, 0xFF1A, 0xFF1B, 0xFF1F, 0xFF61, 0xFF64),
)
# Spaces, brackets, dashes and dots of these scripts: they stand between words.
_BETWEEN = (
    *((0x0F0B, 0x0F0C), (0x1361, 0x1361), (0x3000, 0x3004), (0x3008, 0x3030), (0x30A0, 0x30A0), (0x30FB, 0x30FB)),
    *((0xFE10, 0xFE6F), (0xFF02, 0xFF0F), (0xFF1C, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65)),
)
_TABLE_SIZE = 0x10000
_FIRST_LEAD = 0xD6  # the lead byte of U+0580: what comes before is part of a word


def _kinds() -> np.ndarray:
    table = np.full(_TABLE_SIZE, LETTER, np.uint8)
    for kind, ranges in ((HALF_WORD, UNSPACED_RANGES), (BETWEEN, _BETWEEN)):
        for first, last in ranges:
            table[first : last + 1] = kind
    table[list(SENTENCE_MARKS)] = SENTENCE_MARK
    return table


_KINDS = _kinds()


@inlined
def utf8_length(byte):
    """Bytes of the character whose UTF-8 begins with this one, at or above 0xC0."""
    return 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


@inlined
def character_kind(data, i, end):
    """What the character whose UTF-8 starts at data[i] is to the words around it; all below U+0580 are letters."""
    byte = data[i]
    if byte < _FIRST_LEAD or i + utf8_length(byte) > end:
        return LETTER
    cp = next_code_point(data, i)[0]
    if cp < _TABLE_SIZE:
        return np.int64(_KINDS[cp])
    return HALF_WORD if is_unspaced(cp) else LETTER
