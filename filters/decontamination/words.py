# mypy: disallow-untyped-defs=False
"""A text as normalised words, each with the bytes of the original it came from.

Words are separated by white space after normalisation; a code point of a script written without spaces is a word of its
own, so that runs of words exist in every script. `words_plainly` is the definition the kernel is tested against.
"""

from dataclasses import replace

import numpy as np
from gristmill.filters.dedup.normalise import DELETED, Normalisation, Replacements, normalise_plainly, replacements
from gristmill.filters.dedup.pieces import UNSPACED_RANGES, is_unspaced
from gristmill.kernels.compile import helper
from gristmill.kernels.utf8 import next_code_point, put_utf8
from gristmill.kernels.xxh64 import PADDING

_FIRST_EXPANSION = -2  # as in dedup.normalise.Replacements
FIRST_UNSPACED = UNSPACED_RANGES[0][0]


def word_table(options: Normalisation) -> Replacements:
    """The replacement of every code point; white space always separates."""
    return replacements(replace(options, whitespace=True))


def room(size: int, table: Replacements) -> int:
    """Bytes that the words of a text of `size` bytes can take, separators and padding included."""
    return size * (table.growth + 1) + 2 + PADDING


def words_plainly(text: str, options: Normalisation) -> list[tuple[str, int, int]]:
    """(word, first byte, byte after the last) of every word, in plain Python."""
    found: list[tuple[str, int, int]] = []
    open_word, position = False, 0
    for char in text:
        size = len(char.encode())
        new = normalise_plainly(char, replace(options, whitespace=False))
        if not new and open_word:  # a dropped mark belongs to the word before it
            found[-1] = (*found[-1][:2], position + size)
        for c in new:
            if c.isspace():
                open_word = False
                continue
            alone = any(first <= ord(c) <= last for first, last in UNSPACED_RANGES)
            if open_word and not alone:
                word, start, _ = found[-1]
                found[-1] = (word + c, start, position + size)
            else:
                found.append((c, position, position + size))
            open_word = not alone
        position += size
    return found


@helper
def cut_words(data, start, end, target, edges, expansions, out, starts, first_bytes, last_bytes):
    """Words of data[start:end] into `out`, one space apart; returns their number.

    Word k is out[starts[k] : starts[k + 1] - 1] and comes from bytes first_bytes[k] to last_bytes[k], counted from
    `start`.
    """
    words, at, inside = 0, 0, False
    i = start
    while i < end:
        begin = i
        cp, i = next_code_point(data, i)
        new = target[cp]
        if new == 32:
            if inside:
                out[at] = 32
                at += 1
                inside = False
            continue
        if 0 <= new < 0x80:
            if not inside:
                starts[words] = at
                first_bytes[words] = begin - start
                words += 1
                inside = True
            out[at] = new
            at += 1
            last_bytes[words - 1] = i - start
            continue
        if new == DELETED:
            if inside:
                last_bytes[words - 1] = i - start
            continue
        first, last = 0, 1
        if new < 0:
            first, last = edges[_FIRST_EXPANSION - new], edges[_FIRST_EXPANSION - new + 1]
        for k in range(first, last):
            character = expansions[k] if new < 0 else new
            alone = character >= FIRST_UNSPACED and is_unspaced(character)
            if inside and (character == 32 or alone):
                out[at] = 32
                at += 1
                inside = False
            if character == 32:
                continue
            if not inside:
                starts[words] = at
                first_bytes[words] = begin - start
                words += 1
            at = put_utf8(character, out, at)
            last_bytes[words - 1] = i - start
            inside = not alone
            if alone:
                out[at] = 32
                at += 1
    starts[words] = at + 1 if inside else at
    return words


def scratch(longest: int, table: Replacements) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(out, starts, first_bytes, last_bytes) for texts of at most `longest` bytes."""
    size = room(longest, table)
    return np.zeros(size, np.uint8), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
