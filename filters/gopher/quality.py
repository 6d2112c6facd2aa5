# mypy: disallow-untyped-defs=False
"""Gopher's document quality quantities on white-space words, each definition its own signal.

What Gopher's rules look at (Rae et al. 2021, arXiv:2112.11446, section A1.1): length, word length, symbols, bullets,
ellipses, letters and English stop words. Implementations disagree on the definitions, so a signal names its own:
no suffix is the plain reading (white-space words; stripped, non-blank lines), `_dolma` and `_dclm` are those tools'.
datatrove counts spaCy words: `gopher_datatrove`. Stop words are English; the rest holds for any script with spaces.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.text_masks import characters_of, next_set, read_text, split_words, stripped, text_masks
from gristmill.filters.text.unicode_tables import ALNUM, ALPHA, CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.hashing import GOLDEN
from gristmill.kernels.memory import load64, low_bytes
from gristmill.kernels.utf8 import next_code_point
from gristmill.kernels.vectors import LANES, equal_mask, lowest_bit, set_bits
from gristmill.schemas.signals import Family, Signal

STOP_WORDS = ("be", "to", "of", "the", "and", "that", "have", "with")
# the letters of each as one little-endian integer, which is how the kernel compares words
BE, TO, OF, THE, AND, THAT, HAVE, WITH = (int.from_bytes(word.encode(), "little") for word in STOP_WORDS)
CASE_BITS = np.uint64(0x2020202020202020)


def stop_word_slots() -> tuple[np.uint64, np.ndarray]:
    """(multiplier, keys): the letters of each stop word in the slot that the top four bits of their product name."""
    keys = (BE, TO, OF, THE, AND, THAT, HAVE, WITH)
    multiplier = GOLDEN
    while len({_stop_slot(key, multiplier) for key in keys}) < len(keys):
        multiplier = multiplier * GOLDEN % 2**64
    slots = np.zeros(16, np.uint64)
    for key in keys:
        slots[_stop_slot(key, multiplier)] = key
    return np.uint64(multiplier), slots


def _stop_slot(key: int, multiplier: int) -> int:
    return key * multiplier % 2**64 >> 60


STOP_MULTIPLIER, STOP_KEYS = stop_word_slots()

HASH, DOT, HYPHEN, ASTERISK, NEWLINE = 0x23, 0x2E, 0x2D, 0x2A, 0x0A
ELLIPSIS, BULLET, BLACK_CIRCLE = 0x2026, 0x2022, 0x25CF

# columns of the integer matrix that the kernel fills
CHARACTERS, WORDS, WORD_CHARACTERS, MEDIAN_TWICE, HASHES, DOT_ELLIPSES = range(6)
SPACED_ELLIPSES, ELLIPSIS_MARKS, SYMBOL_WORDS, ALPHA_WORDS, STOP_WORDS_EXACT = range(6, 11)
STOP_WORDS_LOWER, UNIQUE_STOP_WORDS, ALNUM_TOKENS = range(11, 14)
LINES, BULLET_LINES, ELLIPSIS_LINES, RAW_LINES, RAW_BULLET_LINES, RAW_ELLIPSIS_LINES = range(14, 20)
COLUMNS = 20


@helper
def packed_ascii(cps, start, end):
    """The 2 to 4 characters of a word as one little-endian integer; 0 for other words and beyond ASCII."""
    length = end - start
    if length < 2 or length > 4:
        return np.int64(0)
    a, b = np.int64(cps[start]), np.int64(cps[start + 1])
    c = np.int64(cps[start + 2]) if length > 2 else np.int64(0)
    d = np.int64(cps[start + 3]) if length > 3 else np.int64(0)
    if (a | b | c | d) > 0x7F:
        return np.int64(0)
    return a | b << 8 | c << 16 | d << 24


@helper
def stop_word_bit(key):
    """1 << index of the stop word whose letters are packed in `key`, 0 when it is none."""
    if key < 1 << 16:
        return (key == BE) | (key == TO) << 1 | (key == OF) << 2
    if key < 1 << 24:
        return (key == THE) << 3 | (key == AND) << 4
    return (key == THAT) << 5 | (key == HAVE) << 6 | (key == WITH) << 7


@helper
def twice_the_median(histogram, longest, words):
    """Twice the median length, from the number of words of each length 0..longest (so that it stays an integer)."""
    lower_rank, upper_rank = (words + 1) // 2, words // 2 + 1
    seen = 0
    low = -1
    for length in range(longest + 1):
        seen += histogram[length]
        if low < 0 and seen >= lower_rank:
            low = length
        if seen >= upper_rank:
            return low + length
    return 0


@helper
def starts_alnum_token(text, at, letter_or_digit):
    """Whether a token of fastText's reader starts with the word at `at`, given what its first character is.

    The reader splits at space, tab, LF, VT, FF, CR and NUL only.
    """
    if not letter_or_digit or at == 0:
        return letter_or_digit
    before = text[at - 1]
    return before == 0x20 or 0x09 <= before <= 0x0D


@helper
def has_letter(text, start, end, classes):
    while start < end:
        cp, start = next_code_point(text, start)
        if classes[cp] & ALPHA:
            return True
    return False


@helper
def measure_words(reading, starts, ends, edges, words, classes, histogram, out):
    """Counts of the words; `histogram` (words by characters) is all zero before and after."""
    text = reading.text
    longest, stop_words, lower_cased, exact, alpha, alnum = 0, 0, 0, 0, 0, 0
    for w in range(words):
        start, end, length = starts[w], ends[w], edges[w + 1] - edges[w]
        histogram[length] += 1
        longest = max(longest, length)
        byte = text[start]
        if 97 <= byte | 0x20 <= 122:
            alpha += 1
            alnum += starts_alnum_token(text, start, True)
        else:
            alpha += has_letter(text, start, end, classes)
            cp = next_code_point(text, start)[0]
            alnum += starts_alnum_token(text, start, classes[cp] & ALNUM != 0)
        letters = min(end - start, 8)
        key = low_bytes(load64(text, start), letters)
        lower_key = key | low_bytes(CASE_BITS, letters)
        slot = lower_key * STOP_MULTIPLIER >> np.uint64(60)
        is_stop = STOP_KEYS[slot] == lower_key
        lower_cased += is_stop
        exact += is_stop & (key == lower_key)
        stop_words |= (is_stop & (key == lower_key)) << np.int64(slot)
    out[WORDS], out[WORD_CHARACTERS] = words, edges[words]
    out[ALPHA_WORDS], out[ALNUM_TOKENS] = alpha, alnum
    out[STOP_WORDS_LOWER], out[STOP_WORDS_EXACT] = lower_cased, exact
    out[MEDIAN_TWICE] = twice_the_median(histogram, longest, words)
    histogram[: longest + 1] = 0
    while stop_words:
        out[UNIQUE_STOP_WORDS] += stop_words & 1
        stop_words >>= 1


@inlined
def _ellipsis_mask(text, at):
    """Which of the 32 bytes from `at` on begin U+2026."""
    return equal_mask(text, at, 0xE2) & equal_mask(text, at + 1, 0x80) & equal_mask(text, at + 2, 0xA6)


@helper
def _apart(places, at, length, free_from):
    """(how many of these places from `at` on `str.count` counts of a string of `length`, where it looks next)."""
    count = 0
    while places:
        i = at + lowest_bit(places)
        places = places & (places - np.uint32(1))
        if i >= free_from:
            count += 1
            free_from = i + length
    return count, free_from


@helper
def count_marks(reading, n, classes, out):
    """Occurrences of #, dots and U+2026, the words that hold # or U+2026, and what fastText's reader splits at NUL."""
    text = reading.text
    free_from, spaced_free_from, word_end = 0, 0, 0
    for at in range(0, n, LANES):
        hashes, ellipses, dots = equal_mask(text, at, HASH), _ellipsis_mask(text, at), equal_mask(text, at, DOT)
        nuls = equal_mask(text, at, 0)
        triple = dots & equal_mask(text, at + 1, DOT) & equal_mask(text, at + 2, DOT)
        spaced = dots & equal_mask(text, at + 1, 0x20) & equal_mask(text, at + 2, DOT)
        spaced &= equal_mask(text, at + 3, 0x20) & equal_mask(text, at + 4, DOT)
        if not hashes | ellipses | triple | spaced | nuls:
            continue
        out[HASHES] += set_bits(hashes)
        out[ELLIPSIS_MARKS] += set_bits(ellipses)
        count, free_from = _apart(triple, at, 3, free_from)
        out[DOT_ELLIPSES] += count
        count, spaced_free_from = _apart(spaced, at, 5, spaced_free_from)
        out[SPACED_ELLIPSES] += count
        symbols = hashes | ellipses
        while symbols:
            i = at + lowest_bit(symbols)
            symbols = symbols & (symbols - np.uint32(1))
            if i >= word_end:
                out[SYMBOL_WORDS] += 1
                word_end = next_set(reading.spaces, i)
        while nuls:
            i = at + lowest_bit(nuls) + 1
            nuls = nuls & (nuls - np.uint32(1))
            out[ALNUM_TOKENS] += i < n and classes[next_code_point(text, i)[0]] & ALNUM != 0


@helper
def ends_with_dots(text, start, end):
    return end - start >= 3 and text[end - 1] == DOT and text[end - 2] == DOT and text[end - 3] == DOT


@helper
def ends_with_spaced_ellipsis(text, start, end):
    if end - start < 5 or text[end - 2] != 0x20 or text[end - 4] != 0x20:
        return False
    return text[end - 1] == DOT and text[end - 3] == DOT and text[end - 5] == DOT


@helper
def ends_with_ellipsis_mark(text, start, end):
    return end - start >= 3 and text[end - 3] == 0xE2 and text[end - 2] == 0x80 and text[end - 1] == 0xA6


@helper
def measure_line(reading, start, end, out):
    """One line of `split("\\n")`: as it is, and stripped when not blank."""
    text = reading.text
    out[RAW_LINES] += 1
    if start < end:
        out[RAW_BULLET_LINES] += text[start] == ASTERISK or text[start] == HYPHEN
        out[RAW_ELLIPSIS_LINES] += ends_with_ellipsis_mark(text, start, end)
    start, end = stripped(reading.spaces, start, end)
    if start == end:
        return
    first = next_code_point(text, start)[0]
    out[LINES] += 1
    out[BULLET_LINES] += (first == BLACK_CIRCLE) | (first == BULLET) | (first == ASTERISK) | (first == HYPHEN)
    out[ELLIPSIS_LINES] += (
        ends_with_ellipsis_mark(text, start, end)
        or ends_with_dots(text, start, end)
        or ends_with_spaced_ellipsis(text, start, end)
    )


@kernel
def count_batch(data, offsets, classes, reading, starts, ends, edges, histogram):
    """int64 (documents, COLUMNS)."""
    counts = np.zeros((offsets.size - 1, COLUMNS), np.int64)
    for d in range(offsets.size - 1):
        n = read_text(data, offsets[d], offsets[d + 1], classes, reading)
        out = counts[d]
        out[CHARACTERS] = characters_of(reading, 0, n)
        words = split_words(reading, n, starts, ends, edges)
        measure_words(reading, starts, ends, edges, words, classes, histogram, out)
        count_marks(reading, n, classes, out)
        start = 0
        while start <= n:
            end = next_set(reading.newlines, start)
            measure_line(reading, start, end, out)
            start = end + 1
    return counts


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    data, offsets = string_buffers(batch.column("text"))
    longest = longest_document_bytes(offsets)
    most_words = longest // 2 + 1
    starts, ends = np.empty(most_words, np.int32), np.empty(most_words, np.int32)
    edges, histogram = np.empty(most_words + 1, np.int64), np.zeros(longest + 1, np.int64)
    counts = count_batch(data, offsets, CLASS, text_masks(longest), starts, ends, edges, histogram)
    c = counts.T
    words = c[WORDS]
    ellipses = c[DOT_ELLIPSES] + c[ELLIPSIS_MARKS]
    columns = {
        "character_count": c[CHARACTERS],
        "word_count": words,
        "word_character_count": c[WORD_CHARACTERS],
        "mean_word_length": divided(c[WORD_CHARACTERS], words),
        "median_word_length": np.ma.masked_array(c[MEDIAN_TWICE] / 2, mask=words == 0),
        "hash_count": c[HASHES],
        "ellipsis_count": ellipses,
        "hashes_per_word": divided(c[HASHES], words),
        "ellipses_per_word": divided(ellipses, words),
        "symbols_per_word_dclm": divided(c[HASHES] + ellipses + c[SPACED_ELLIPSES], words),
        "symbol_word_fraction_dolma": divided(c[SYMBOL_WORDS], words),
        "alpha_word_fraction": divided(c[ALPHA_WORDS], words),
        "stop_word_count": c[STOP_WORDS_EXACT],
        "stop_word_count_lower_cased": c[STOP_WORDS_LOWER],
        "unique_stop_word_count": c[UNIQUE_STOP_WORDS],
        "word_count_dclm": c[ALNUM_TOKENS],
        "line_count": c[LINES],
        "bullet_line_fraction": divided(c[BULLET_LINES], c[LINES]),
        "ellipsis_line_fraction": divided(c[ELLIPSIS_LINES], c[LINES]),
        "bullet_line_fraction_dolma": divided(c[RAW_BULLET_LINES], c[RAW_LINES]),
        "ellipsis_line_fraction_dolma": divided(c[RAW_ELLIPSIS_LINES], c[RAW_LINES]),
    }
    return pa.RecordBatch.from_arrays([pa.array(columns[name]) for name in FAMILY.schema.names], schema=FAMILY.schema)


_NO_WORDS, _NO_LINES = "the text has no word", "every line is blank"

FAMILY = Family(
    name="gopher_quality",
    version=1,
    measure="gristmill.filters.gopher.quality:measure",
    source="Rae et al. 2021, arXiv:2112.11446, A1.1; Dolma taggers/gopher.py; DCLM mappers/filters/content_filters.py",
    signals=(
        Signal("character_count", "int", "characters", "Code points of the text."),
        Signal("word_count", "int", "words", "White-space words, as str.split() has them."),
        Signal("word_character_count", "int", "characters", "Code points in white-space words."),
        Signal("mean_word_length", "float", "characters", "Mean length of white-space words.", _NO_WORDS),
        Signal("median_word_length", "float", "characters", "Median length of white-space words.", _NO_WORDS),
        Signal("hash_count", "int", "symbols", "Occurrences of #."),
        Signal("ellipsis_count", "int", "symbols", "Occurrences of ... (not overlapping) and of U+2026."),
        Signal("hashes_per_word", "float", "ratio", "hash_count / word_count.", _NO_WORDS),
        Signal("ellipses_per_word", "float", "ratio", "ellipsis_count / word_count.", _NO_WORDS),
        Signal(
            "symbols_per_word_dclm",
            "float",
            "ratio",
            "Occurrences of #, ..., U+2026 and `. . .`, each counted for itself, / word_count.",
            _NO_WORDS,
        ),
        Signal("symbol_word_fraction_dolma", "float", "fraction", "Words containing # or U+2026.", _NO_WORDS),
        Signal("alpha_word_fraction", "float", "fraction", "Words with at least one alphabetic character.", _NO_WORDS),
        Signal("stop_word_count", "int", "words", "Words equal to one of eight English stop words, as written."),
        Signal("stop_word_count_lower_cased", "int", "words", "The same after lower-casing."),
        Signal("unique_stop_word_count", "int", "words", "How many of the eight occur, as written."),
        Signal(
            "word_count_dclm",
            "int",
            "words",
            "fastText tokens (split at space, \\t, \\n, \\v, \\f, \\r, NUL) that begin with a letter or digit.",
        ),
        Signal("line_count", "int", "lines", "Lines of split('\\n') that are not blank."),
        Signal(
            "bullet_line_fraction",
            "float",
            "fraction",
            "Stripped, non-blank lines that start with one of ● • * - (DCLM's definition).",
            _NO_LINES,
        ),
        Signal(
            "ellipsis_line_fraction",
            "float",
            "fraction",
            "Stripped, non-blank lines that end with ..., `. . .` or U+2026 (DCLM's definition).",
            _NO_LINES,
        ),
        Signal("bullet_line_fraction_dolma", "float", "fraction", "Lines of split('\\n') that start with * or -."),
        Signal("ellipsis_line_fraction_dolma", "float", "fraction", "Lines of split('\\n') that end with U+2026."),
    ),
)
