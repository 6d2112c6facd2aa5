# mypy: disallow-untyped-defs=False
"""A document cut into the pieces its shingles are made of: words, or characters where words have no spaces.

Pieces lie in one buffer, `separator` bytes apart (1: words joined by a space; 0: characters), piece k at
starts[k] : starts[k + 1] - separator, so that any run of pieces is one slice of bytes.
"""

import numpy as np
from gristmill.filters.text.unicode_tables import ALPHA
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.memory import load64, store64, trailing_zeros
from gristmill.kernels.utf8 import next_code_point
from numpy import uint64

_ONES = 0x0101010101010101
_HIGH = uint64(0x80 * _ONES)
_SPACES = uint64(0x20 * _ONES)

# Scripts whose words are not separated by spaces: Thai, Lao, Tibetan, Myanmar, Khmer, Tai, Balinese, kana, bopomofo,
# Han, Yi, Javanese; inclusive ranges of code points.
UNSPACED_RANGES = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x1A20, 0x1AAF),
    (0x1B00, 0x1B7F),
    (0x3005, 0x3007),
    (0x3031, 0x312F),
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0xA4CF),
    (0xA980, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)


@helper
def is_unspaced(cp):
    """Whether code point `cp` belongs to a script written without spaces."""
    if cp < 0x0E00:
        return False
    for first, last in UNSPACED_RANGES:  # noqa: SIM110 (any() of a generator does not compile)
        if first <= cp <= last:
            return True
    return False


@helper
def _less_high_than_latin(span):
    """Whether no more characters can be unspaced (each has one lead byte from 0xE0 on) than are ASCII letters."""
    surplus = np.int64(0)
    for first in range(0, len(span), 255):
        high, latin = np.uint8(0), np.uint8(0)  # eight bits: 32 bytes at a time in vector registers
        for b in span[first : first + 255]:
            high = np.uint8(high + np.uint8(b >= 0xE0))
            latin = np.uint8(latin + np.uint8(np.uint8((b | 0x20) - 97) < 26))
        surplus += np.int64(high) - np.int64(latin)
    return surplus <= 0


@helper
def mostly_unspaced(data, start, end, classes):
    """Whether more characters of data[start:end] are of unspaced scripts than are other letters."""
    if _less_high_than_latin(data[start:end]):
        return False
    unspaced, letters = 0, 0
    i = start
    while i < end:
        cp, i = next_code_point(data, i)
        if is_unspaced(cp):
            unspaced += 1
        elif classes[cp] & ALPHA:
            letters += 1
    return unspaced > letters


@helper
def _wide_space(data, i, b):
    """Bytes of the non-ASCII white space that starts at data[i] == b (b >= 0xC2), 0 when there is none."""
    if b == 0xC2:
        return 2 if data[i + 1] == 0x85 or data[i + 1] == 0xA0 else 0
    if b == 0xE1:
        return 3 if data[i + 1] == 0x9A and data[i + 2] == 0x80 else 0
    if b == 0xE2:
        c = data[i + 2]
        if data[i + 1] == 0x80:
            return 3 if c <= 0x8A or c == 0xA8 or c == 0xA9 or c == 0xAF else 0
        return 3 if data[i + 1] == 0x81 and c == 0x9F else 0
    if b == 0xE3:
        return 3 if data[i + 1] == 0x80 and data[i + 2] == 0x80 else 0
    return 0


@inlined
def _white_space_of_eight(eight):
    """The high bit of each byte of `eight`, which are all ASCII, that is white space: 9-13, 28-31 or 32."""
    blank = _HIGH - (eight ^ _SPACES)
    control = (eight + uint64(0x77 * _ONES)) & ~(eight + uint64(0x72 * _ONES))
    separator = (eight + uint64(0x64 * _ONES)) & ~(eight + uint64(0x60 * _ONES))
    return (blank | control | separator) & _HIGH


@helper
def split_words(data, start, end, out, starts):
    """The `str.split()` words of data[start:end], written to `out` one space apart; returns their number.

    Eight ASCII bytes at a time: those before the first white space among them are copied at once, with what follows,
    which the next copy overwrites.
    """
    words, at, i, in_word = 0, np.int64(0), start, False
    while i < end:
        stop = min(i + 8, end)
        if stop == i + 8:
            eight = load64(data, i)
            if not eight & _HIGH:
                spaces = _white_space_of_eight(eight)
                before = np.int64(trailing_zeros(spaces)) >> 3
                if before and not in_word:
                    starts[words] = at
                    words += 1
                    in_word = True
                store64(out, at, eight)
                at += before
                i += before
                if spaces:
                    i += 1
                    if in_word:
                        out[at] = 32
                        at += 1
                        in_word = False
                continue
        while i < stop:
            b = data[i]
            width = 1 if b == 32 or 9 <= b <= 13 or 28 <= b <= 31 else 0
            if b >= 0xC2:
                width = _wide_space(data, i, b)
            if width:
                i += width
                if in_word:
                    out[at] = 32
                    at += 1
                    in_word = False
            else:
                if not in_word:
                    starts[words] = at
                    words += 1
                    in_word = True
                out[at] = b
                at += 1
                i += 1
    if in_word:
        out[at] = 32
        at += 1
    starts[words] = at
    return words


@helper
def split_characters(data, start, end, out, starts):
    """The characters of data[start:end] that are not white space, written to `out` end to end; returns their number."""
    characters = 0
    at = 0
    i = start
    while i < end:
        b = data[i]
        if b <= 32 and (b == 32 or 9 <= b <= 13 or b >= 28):
            i += 1
            continue
        if b >= 0xC2:
            width = _wide_space(data, i, b)
            if width:
                i += width
                continue
        if b < 0x80 or b >= 0xC2:
            starts[characters] = at
            characters += 1
        out[at] = b
        at += 1
        i += 1
    starts[characters] = at
    return characters
