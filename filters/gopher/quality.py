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
from gristmill.filters.text.unicode_tables import ALNUM, ALPHA, CLASS, SPACE
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8
from gristmill.schemas.signals import Family, Signal

STOP_WORDS = ("be", "to", "of", "the", "and", "that", "have", "with")
# the letters of each as one little-endian integer, which is how the kernel compares words
BE, TO, OF, THE, AND, THAT, HAVE, WITH = (int.from_bytes(word.encode(), "little") for word in STOP_WORDS)

HASH, DOT, HYPHEN, ASTERISK, NEWLINE = 0x23, 0x2E, 0x2D, 0x2A, 0x0A
ELLIPSIS, BULLET, BLACK_CIRCLE = 0x2026, 0x2022, 0x25CF
SYMBOL_SEEN = 1 << 20  # a flag beside the class bits: the word has a # or U+2026

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
def finish_word(cps, start, end, flags, out):
    """Count one white-space word; `flags` are the classes of its characters or-ed. Returns the bit of
    its stop word, 0 without one.
    """
    out[WORDS] += 1
    out[WORD_CHARACTERS] += end - start
    out[ALPHA_WORDS] += (flags & ALPHA) != 0
    out[SYMBOL_WORDS] += (flags & SYMBOL_SEEN) != 0
    key = packed_ascii(cps, start, end)
    if key == 0 or stop_word_bit(key | 0x20202020 >> (8 * (4 - (end - start)))) == 0:
        return 0
    out[STOP_WORDS_LOWER] += 1
    bit = stop_word_bit(key)
    out[STOP_WORDS_EXACT] += bit != 0
    return bit


@helper
def is_mark(cp):
    """Whether `count_mark` has something to do."""
    return (cp == DOT) | (cp == HASH) | (cp == ELLIPSIS)


@helper
def count_mark(cps, n, i, free_from, out):
    """Count the #, dot or U+2026 at i as `str.count` would: `...` and `. . .` do not overlap themselves.

    free_from: the first positions at which the next `...` and the next `. . .` may start.
    """
    if cps[i] == HASH:
        out[HASHES] += 1
        return SYMBOL_SEEN
    if cps[i] == ELLIPSIS:
        out[ELLIPSIS_MARKS] += 1
        return SYMBOL_SEEN
    if i >= free_from[0] and i + 3 <= n and ends_with_dots(cps, i, i + 3):
        out[DOT_ELLIPSES] += 1
        free_from[0] = i + 3
    if i >= free_from[1] and i + 5 <= n and ends_with_spaced_ellipsis(cps, i, i + 5):
        out[SPACED_ELLIPSES] += 1
        free_from[1] = i + 5
    return 0


@helper
def starts_alnum_token(cps, i, alnum):
    """Whether a token of fastText's reader starts at i, a letter or digit.

    The reader splits at space, tab, LF, VT, FF, CR and NUL only.
    """
    if not alnum or i == 0:
        return alnum
    before = cps[i - 1]
    return before == 0x20 or 0x09 <= before <= 0x0D or before == 0


@helper
def ends_with_dots(cps, start, end):
    return end - start >= 3 and cps[end - 1] == DOT and cps[end - 2] == DOT and cps[end - 3] == DOT


@helper
def ends_with_spaced_ellipsis(cps, start, end):
    if end - start < 5 or cps[end - 2] != 0x20 or cps[end - 4] != 0x20:
        return False
    return cps[end - 1] == DOT and cps[end - 3] == DOT and cps[end - 5] == DOT


@helper
def measure_line(cps, classes, start, end, out):
    """One line of `split("\\n")`: as it is, and stripped when not blank."""
    out[RAW_LINES] += 1
    if start < end:
        out[RAW_BULLET_LINES] += cps[start] == ASTERISK or cps[start] == HYPHEN
        out[RAW_ELLIPSIS_LINES] += cps[end - 1] == ELLIPSIS
    while start < end and classes[cps[start]] & SPACE:
        start += 1
    while end > start and classes[cps[end - 1]] & SPACE:
        end -= 1
    if start == end:
        return
    first = cps[start]
    out[LINES] += 1
    out[BULLET_LINES] += (first == BLACK_CIRCLE) | (first == BULLET) | (first == ASTERISK) | (first == HYPHEN)
    out[ELLIPSIS_LINES] += (
        cps[end - 1] == ELLIPSIS or ends_with_dots(cps, start, end) or ends_with_spaced_ellipsis(cps, start, end)
    )


@helper
def measure_text(cps, n, classes, histogram, free_from, out):
    """All counts of cps[:n] in one pass; `histogram` (words by length) is all zero before and after."""
    word_start = -1
    line_start = 0
    longest = 0
    flags = 0
    stop_words = 0
    free_from[:] = 0
    for i in range(n + 1):
        cp = cps[i] if i < n else NEWLINE  # a sentinel ends the last word and line
        its_class = classes[cp]
        if its_class & SPACE:
            if word_start >= 0:
                stop_words |= finish_word(cps, word_start, i, flags, out)
                histogram[i - word_start] += 1
                longest = max(longest, i - word_start)
                word_start = -1
                flags = 0
            if cp == NEWLINE:
                measure_line(cps, classes, line_start, i, out)
                line_start = i + 1
        else:
            if word_start < 0:
                word_start = i
                out[ALNUM_TOKENS] += starts_alnum_token(cps, i, (its_class & ALNUM) != 0)
            elif cps[i - 1] == 0:
                out[ALNUM_TOKENS] += (its_class & ALNUM) != 0
            flags |= its_class
            if is_mark(cp):
                flags |= count_mark(cps, n, i, free_from, out)
    out[CHARACTERS] = n
    out[MEDIAN_TWICE] = twice_the_median(histogram, longest, out[WORDS])
    histogram[: longest + 1] = 0
    while stop_words:
        out[UNIQUE_STOP_WORDS] += stop_words & 1
        stop_words >>= 1


@kernel
def count_batch(data, offsets, longest, classes):
    """int64 (documents, COLUMNS)."""
    counts = np.zeros((offsets.size - 1, COLUMNS), np.int64)
    cps = np.empty(longest, np.int32)
    histogram = np.zeros(longest + 1, np.int64)
    free_from = np.zeros(2, np.int64)
    for d in range(offsets.size - 1):
        n = decode_utf8(data, offsets[d], offsets[d + 1], cps)
        measure_text(cps, n, classes, histogram, free_from, counts[d])
    return counts


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    data, offsets = string_buffers(batch.column("text"))
    counts = count_batch(data, offsets, longest_document_bytes(offsets), CLASS)
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
