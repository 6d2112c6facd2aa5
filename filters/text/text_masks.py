# mypy: disallow-untyped-defs=False
"""One text as its UTF-8 bytes and bit masks over them: the reading that kernels over white-space words and lines share.

Bit i of a mask, `mask[i >> 6] >> (i & 63)`, says something of byte i: whether it belongs to white space, is a "\\n", is
the first byte of a character, or of a word. Vectors make the masks of 64 bytes at once, and only characters beyond
ASCII that may be white space are decoded, so a reading costs a tenth of what decoding every character does. Words of a
line, or characters of a span, are the difference of two `rank`s, whatever the length.

Words are those of `str.split()`, lines those of `split("\\n")`.
"""

from typing import NamedTuple

import numpy as np
from gristmill.filters.text.unicode_tables import SPACE
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.memory import copy_bytes
from gristmill.kernels.utf8 import next_code_point
from gristmill.kernels.vectors import equal_mask, lowest_bit, range_mask, set_bits

PADDING = 128  # "\n" behind the text, so that a look at what follows a byte stays inside and every line ends
NEWLINE = 0x0A
ONE = np.uint64(1)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
HALF = np.uint64(32)


class TextMasks(NamedTuple):
    """Work space for one text at a time; `read_text` fills it.

    text: uint8, the bytes with PADDING behind them, which counts as white space and as line breaks.
    spaces, newlines, firsts, word_starts: uint64 masks. characters, words: int64, how many of `firsts` and `word_starts`
    lie before each 64 bytes.
    """

    text: np.ndarray
    spaces: np.ndarray
    newlines: np.ndarray
    firsts: np.ndarray
    word_starts: np.ndarray
    characters: np.ndarray
    words: np.ndarray


def text_masks(longest: int) -> TextMasks:
    """Work space for texts of up to `longest` bytes."""
    blocks = longest // 64 + 1
    masks = (np.empty(blocks, np.uint64) for _ in range(4))
    ranks = (np.empty(blocks, np.int64) for _ in range(2))
    return TextMasks(np.empty(longest + PADDING, np.uint8), *masks, *ranks)


@inlined
def joined(low, high):
    """The mask of 64 bytes from those of its halves."""
    return np.uint64(low) | np.uint64(high) << HALF


@inlined
def below(bit):
    """The bits below place 0..63 of a mask."""
    return (ONE << np.uint64(bit)) - ONE


@inlined
def without_lowest(bits):
    """A mask without its lowest bit that is set."""
    return bits & (bits - ONE)


@inlined
def is_set(mask, at):
    return mask[at >> 6] >> np.uint64(at & 63) & ONE != 0


@inlined
def next_set(mask, at):
    """The first place from `at` on that is set; there must be one."""
    k = at >> 6
    rest = mask[k] >> np.uint64(at & 63)
    if rest:
        return at + lowest_bit(rest)
    k += 1
    while not mask[k]:
        k += 1
    return 64 * k + lowest_bit(mask[k])


@inlined
def rank(mask, before, at):
    """How many places before `at` are set, given how many are before each 64."""
    k = at >> 6
    return before[k] + set_bits(mask[k] & below(at & 63))


@inlined
def stripped(spaces, start, end):
    """The span without white space at either side, as str.strip(); empty ones end where they start."""
    while start < end and is_set(spaces, start):
        start += 1
    while end > start and is_set(spaces, end - 1):
        end -= 1
    return start, end


@helper
def wide_spaces(text, leads, at, classes):
    """(which of the 64 bytes from `at` on, which of the next ones) belong to white space beyond ASCII.

    leads: where bytes stand that such white space begins with.
    """
    here, there = np.uint64(0), np.uint64(0)
    while leads:
        bit = lowest_bit(leads)
        leads = without_lowest(leads)
        cp, after = next_code_point(text, at + bit)
        if classes[cp] & SPACE:
            for i in range(bit, after - at):
                if i < 64:
                    here |= ONE << np.uint64(i)
                else:
                    there |= ONE << np.uint64(i - 64)
    return here, there


@helper
def read_text(data, start, end, classes, reading):
    """Read data[start:end] into `reading`; returns its number of bytes."""
    text, spaces, newlines, firsts, word_starts, characters_before, words_before = reading
    n = end - start
    copy_bytes(text, 0, data, start, n)
    for i in range(n, n + PADDING):
        text[i] = NEWLINE
    characters, words = 0, 0
    begun, after_space = np.uint64(0), ONE  # what the 64 bytes before say of the first ones of the next
    for k in range((n >> 6) + 1):
        at, next_half = 64 * k, 64 * k + 32
        space = begun | joined(
            range_mask(text, at, 0x09, 5) | range_mask(text, at, 0x1C, 5),
            range_mask(text, next_half, 0x09, 5) | range_mask(text, next_half, 0x1C, 5),
        )
        first = ALL
        begun = np.uint64(0)
        if range_mask(text, at, 0x80, 0x80) | range_mask(text, next_half, 0x80, 0x80):
            first = ~joined(range_mask(text, at, 0x80, 0x40), range_mask(text, next_half, 0x80, 0x40))
            leads = joined(
                equal_mask(text, at, 0xC2) | range_mask(text, at, 0xE1, 3),
                equal_mask(text, next_half, 0xC2) | range_mask(text, next_half, 0xE1, 3),
            )
            if leads:
                here, begun = wide_spaces(text, leads, at, classes)
                space |= here
        if n - at < 64:
            first &= below(n - at)
        starts = ~space & (space << ONE | after_space)
        after_space = space >> np.uint64(63)
        spaces[k], firsts[k], word_starts[k] = space, first, starts
        newlines[k] = joined(equal_mask(text, at, NEWLINE), equal_mask(text, next_half, NEWLINE))
        characters_before[k], words_before[k] = characters, words
        characters += set_bits(first)
        words += set_bits(starts)
    return n


@inlined
def characters_of(reading, start, end):
    """Characters of the byte span, which begins and ends between characters."""
    return rank(reading.firsts, reading.characters, end) - rank(reading.firsts, reading.characters, start)


@helper
def split_words(reading, n, starts, ends, edges):
    """Byte spans of the words, and edges[w], the characters in the words before word w; returns their number.

    starts, ends: int32, room for n // 2 + 1 words; edges for one more.
    """
    words, characters, inside = 0, 0, 0
    after_space = ONE
    edges[0] = 0
    for k in range((n >> 6) + 1):
        space, first, before = reading.spaces[k], reading.firsts[k], reading.characters[k]
        changes = space ^ (space << ONE | after_space)
        after_space = space >> np.uint64(63)
        while changes:
            bit = lowest_bit(changes)
            changes = without_lowest(changes)
            at = before + set_bits(first & below(bit))
            if inside:
                ends[words] = 64 * k + bit
                words += 1
                edges[words] = characters + at
            else:
                starts[words] = 64 * k + bit
                characters = edges[words] - at
            inside = 1 - inside
    return words
