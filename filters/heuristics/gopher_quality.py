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

from gristmill.filters.text.buffers import decode_utf8, kernel, string_buffers
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.unicode_tables import ALNUM, ALPHA, CLASS, LOWER, SPACE
from gristmill.filters.text.words import split_whitespace
from gristmill.schemas.signals import Family, Signal

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
# the letters of each stop word as one little-endian integer, which is how the kernel compares words
STOP_WORD_KEYS = np.array([int.from_bytes(word.encode(), "little") for word in STOP_WORDS], np.int64)

HASH, DOT, HYPHEN, ASTERISK, NEWLINE = 0x23, 0x2E, 0x2D, 0x2A, 0x0A
ELLIPSIS, BULLET, BLACK_CIRCLE = 0x2026, 0x2022, 0x25CF

# columns of the integer matrix that the kernel fills
COUNTS = tuple(
    "characters words word_characters median_word_length_twice hashes dot_ellipses spaced_ellipses ellipsis_marks "
    "symbol_words alpha_words stop_words stop_words_lower unique_stop_words alnum_tokens lines bullet_lines "
    "ellipsis_lines raw_lines raw_bullet_lines raw_ellipsis_lines".split()
)
(
    CHARACTERS,
    WORDS,
    WORD_CHARACTERS,
    MEDIAN_TWICE,
    HASHES,
    DOT_ELLIPSES,
    SPACED_ELLIPSES,
    ELLIPSIS_MARKS,
    SYMBOL_WORDS,
    ALPHA_WORDS,
    STOP_WORDS_EXACT,
    STOP_WORDS_LOWER,
    UNIQUE_STOP_WORDS,
    ALNUM_TOKENS,
    LINES,
    BULLET_LINES,
    ELLIPSIS_LINES,
    RAW_LINES,
    RAW_BULLET_LINES,
    RAW_ELLIPSIS_LINES,
) = range(len(COUNTS))


@kernel
def stop_word_index(cps, start, end, lower, keys):
    """Index in `keys` of the word cps[start:end] after mapping through `lower` (identity if empty), else -1."""
    if end - start < 2 or end - start > 4:
        return -1
    key = 0
    for i in range(end - start):
        cp = cps[start + i]
        if lower.size:
            cp = lower[cp]
        if cp > 0x7F:
            return -1
        key |= np.int64(cp) << (8 * i)
    for k in range(keys.size):
        if keys[k] == key:
            return k
    return -1


@kernel
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


@kernel
def measure_words(cps, classes, lower, keys, starts, ends, words, histogram, out):
    """Counts over white-space words; `histogram` is all zero before and after."""
    identity = lower[:0]
    longest = 0
    seen = 0
    for w in range(words):
        start, end = starts[w], ends[w]
        length = end - start
        out[WORD_CHARACTERS] += length
        histogram[length] += 1
        longest = max(longest, length)
        has_letter = False
        has_symbol = False
        for i in range(start, end):
            cp = cps[i]
            has_letter |= (classes[cp] & ALPHA) != 0
            has_symbol |= cp == HASH or cp == ELLIPSIS
        out[ALPHA_WORDS] += has_letter
        out[SYMBOL_WORDS] += has_symbol
        if length <= 4 and stop_word_index(cps, start, end, lower, keys) >= 0:
            out[STOP_WORDS_LOWER] += 1
            which = stop_word_index(cps, start, end, identity, keys)
            if which >= 0:
                out[STOP_WORDS_EXACT] += 1
                seen |= 1 << which
    out[WORDS] = words
    out[MEDIAN_TWICE] = twice_the_median(histogram, longest, words)
    histogram[: longest + 1] = 0
    while seen:
        out[UNIQUE_STOP_WORDS] += seen & 1
        seen >>= 1


@kernel
def measure_symbols(cps, n, out):
    """Occurrences as `str.count` has them: `...` and `. . .` do not overlap themselves ("....." holds one `...`)."""
    next_dots = 0
    next_spaced = 0
    for i in range(n):
        cp = cps[i]
        if cp == DOT:
            if i >= next_dots and i + 3 <= n and cps[i + 1] == DOT and cps[i + 2] == DOT:
                out[DOT_ELLIPSES] += 1
                next_dots = i + 3
            if i >= next_spaced and ends_with_spaced_ellipsis(cps, i, i + 5 if i + 5 <= n else i):
                out[SPACED_ELLIPSES] += 1
                next_spaced = i + 5
        elif cp == HASH:
            out[HASHES] += 1
        elif cp == ELLIPSIS:
            out[ELLIPSIS_MARKS] += 1
    out[CHARACTERS] = n


@kernel
def ends_with_dots(cps, start, end):
    return end - start >= 3 and cps[end - 1] == DOT and cps[end - 2] == DOT and cps[end - 3] == DOT


@kernel
def ends_with_spaced_ellipsis(cps, start, end):
    if end - start < 5 or cps[end - 2] != 0x20 or cps[end - 4] != 0x20:
        return False
    return cps[end - 1] == DOT and cps[end - 3] == DOT and cps[end - 5] == DOT


@kernel
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
    out[BULLET_LINES] += first == BLACK_CIRCLE or first == BULLET or first == ASTERISK or first == HYPHEN
    out[ELLIPSIS_LINES] += (
        cps[end - 1] == ELLIPSIS or ends_with_dots(cps, start, end) or ends_with_spaced_ellipsis(cps, start, end)
    )


@kernel
def measure_lines(cps, n, classes, out):
    start = 0
    for i in range(n):
        if cps[i] == NEWLINE:
            measure_line(cps, classes, start, i, out)
            start = i + 1
    measure_line(cps, classes, start, n, out)


@kernel
def measure_alnum_tokens(cps, n, classes, out):
    """Tokens of fastText's reader (split at space, tab, LF, VT, FF, CR, NUL) whose first character is alphanumeric."""
    inside = False
    for i in range(n):
        cp = cps[i]
        if cp == 0x20 or (0x09 <= cp <= 0x0D) or cp == 0:
            inside = False
        elif not inside:
            inside = True
            out[ALNUM_TOKENS] += (classes[cp] & ALNUM) != 0


@kernel
def count_batch(data, offsets, longest, classes, lower, keys):
    """int64 (documents, len(COUNTS))."""
    counts = np.zeros((offsets.size - 1, len(COUNTS)), np.int64)
    cps = np.empty(longest, np.int32)
    starts = np.empty(longest // 2 + 1, np.int64)
    ends = np.empty(longest // 2 + 1, np.int64)
    histogram = np.zeros(longest + 1, np.int64)
    for d in range(offsets.size - 1):
        n = decode_utf8(data, offsets[d], offsets[d + 1], cps)
        words = split_whitespace(cps, n, classes, starts, ends)
        measure_words(cps, classes, lower, keys, starts, ends, words, histogram, counts[d])
        measure_symbols(cps, n, counts[d])
        measure_lines(cps, n, classes, counts[d])
        measure_alnum_tokens(cps, n, classes, counts[d])
    return counts


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    data, offsets = string_buffers(batch.column("text"))
    counts = count_batch(data, offsets, longest_document_bytes(offsets), CLASS, LOWER, STOP_WORD_KEYS)
    c = dict(zip(COUNTS, counts.T, strict=True))
    words = c["words"]
    ellipses = c["dot_ellipses"] + c["ellipsis_marks"]
    columns = {
        "character_count": c["characters"],
        "word_count": words,
        "word_character_count": c["word_characters"],
        "mean_word_length": divided(c["word_characters"], words),
        "median_word_length": np.ma.masked_array(c["median_word_length_twice"] / 2, mask=words == 0),
        "hash_count": c["hashes"],
        "ellipsis_count": ellipses,
        "hashes_per_word": divided(c["hashes"], words),
        "ellipses_per_word": divided(ellipses, words),
        "symbols_per_word_dclm": divided(c["hashes"] + ellipses + c["spaced_ellipses"], words),
        "symbol_word_fraction_dolma": divided(c["symbol_words"], words),
        "alpha_word_fraction": divided(c["alpha_words"], words),
        "stop_word_count": c["stop_words"],
        "stop_word_count_lower_cased": c["stop_words_lower"],
        "unique_stop_word_count": c["unique_stop_words"],
        "word_count_dclm": c["alnum_tokens"],
        "line_count": c["lines"],
        "bullet_line_fraction": divided(c["bullet_lines"], c["lines"]),
        "ellipsis_line_fraction": divided(c["ellipsis_lines"], c["lines"]),
        "bullet_line_fraction_dolma": divided(c["raw_bullet_lines"], c["raw_lines"]),
        "ellipsis_line_fraction_dolma": divided(c["raw_ellipsis_lines"], c["raw_lines"]),
    }
    return pa.RecordBatch.from_arrays([pa.array(columns[name]) for name in FAMILY.schema.names], schema=FAMILY.schema)


_NO_WORDS, _NO_LINES = "the text has no word", "every line is blank"

FAMILY = Family(
    name="gopher_quality",
    version=1,
    measure="gristmill.filters.heuristics.gopher_quality:measure",
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
