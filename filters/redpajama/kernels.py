# mypy: disallow-untyped-defs=False
"""The compiled counts under RedPajama v2's signals: one pass over the raw text, one over the normalised text."""

import math
import string

import numpy as np
from gristmill.filters.text.ngrams import count_ngrams, fill_edges, hash_words, number_spans
from gristmill.filters.text.stop_words import is_english_stop_word
from gristmill.filters.text.unicode_tables import ALNUM, LOWER_CASE, NUMERIC, SPACE, UPPER
from gristmill.filters.text.wordpunct import wordpunct_words
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8

# Columns of `raw_counts`.
(
    CHARACTERS,
    CURLY_BRACKETS,
    RAW_WORDS,
    ALL_CAPS_WORDS,
    ALPHABETIC_WORDS,
    STOP_WORDS,
    SYMBOLS,
    SENTENCES,
    LINES,
    ELLIPSIS_LINES,
    BULLET_LINES,
    TERMINAL_LINES,
    UPPERCASE,
) = range(13)
RAW_COLUMNS = 13

# Columns of `normalised_counts`.
WORDS, WORD_CHARACTERS, UNIQUE_WORDS, JAVASCRIPT, MOST_LINE_WORDS, NUMERIC_CHARACTERS, LINE_CHARACTERS = range(7)
NORMALISED_COLUMNS = 7
LONGEST_GRAM = 10

_BULLETS = (0x2022, 0x2023, 0x25B6, 0x25C0, 0x25E6, 0x25A0, 0x25A1, 0x25AA, 0x25AB, 0x2013)
_STAYS = np.array([chr(b) not in string.punctuation for b in range(256)], np.int64)
_LOWER = np.array([b + 32 if 65 <= b <= 90 else b for b in range(256)], np.uint8)
_JAVASCRIPT = np.array([ord(char) for char in "javascript"], dtype=np.int32)


@kernel
def without_punctuation(data, offsets, out, edges, ascii_only):
    """Fill `out` with the texts without ASCII punctuation, ASCII letters in lower case; ascii_only: of each, whether it is."""
    at = 0
    for row in range(len(offsets) - 1):
        every = np.uint8(0)
        for i in range(offsets[row], offsets[row + 1]):
            b = data[i]
            every |= b
            out[at] = _LOWER[b]
            at += _STAYS[b]
        edges[row + 1] = at
        ascii_only[row] = every < 0x80


@helper
def _is_word_character(cp, classes):
    return cp == 95 or classes[cp] & ALNUM != 0


@helper
def _is_stop(cp):
    return cp == 46 or cp == 33 or cp == 63


@helper
def _sentences(cps, n, classes):
    r"""Matches of `\b[^.!?]+[.!?]*`."""
    sentences, i = 0, 0
    while i < n:
        before = i > 0 and _is_word_character(cps[i - 1], classes)
        if _is_stop(cps[i]) or before == _is_word_character(cps[i], classes):
            i += 1
            continue
        sentences += 1
        while i < n and not _is_stop(cps[i]):
            i += 1
        while i < n and _is_stop(cps[i]):
            i += 1
    return sentences


@kernel
def _raw_words(cps, starts, ends, words, classes, lower, out):
    alphabetic, all_caps, stop_words = 0, 0, 0
    for w in range(words):
        letters, upper, not_upper = False, False, False
        key = np.uint64(0)
        for i in range(starts[w], ends[w]):
            cp = cps[i]
            key = key << np.uint64(8) | np.uint64(cp if cp < 128 else 255)
            if 97 <= cp <= 122:
                letters = not_upper = True
            elif classes[cp] & UPPER:
                upper = True
                letters |= cp <= 90
            elif classes[cp] & LOWER_CASE or lower[cp] != cp:  # a title-case letter has a lower case of its own
                not_upper = True
        alphabetic += letters
        all_caps += upper and not not_upper
        if ends[w] - starts[w] <= 8 and letters and not upper:  # all of them are in lower case
            stop_words += is_english_stop_word(key)
    out[ALPHABETIC_WORDS], out[ALL_CAPS_WORDS], out[STOP_WORDS] = alphabetic, all_caps, stop_words


@helper
def _raw_line(cps, start, end, classes, out):
    """Count the line cps[start:end], its "\\n" included; returns its share of upper-case characters."""
    s, e = start, end
    while s < e and classes[cps[s]] & SPACE:
        s += 1
    while e > s and classes[cps[e - 1]] & SPACE:
        e -= 1
    upper = 0
    for i in range(s, e):
        upper += classes[cps[i]] & UPPER != 0
    out[LINES] += 1
    out[UPPERCASE] += upper
    if e > s:
        last = cps[e - 1]
        dots = e - s >= 3 and last == 46 and cps[e - 2] == 46 and cps[e - 3] == 46
        out[ELLIPSIS_LINES] += dots or last == 0x2026
        out[TERMINAL_LINES] += _is_stop(last) or last == 0x201D
        out[BULLET_LINES] += cps[s] in _BULLETS
    return upper / (end - start)


@kernel
def raw_counts(data, offsets, longest, classes, lower, counts, most_uppercase):
    """Fill counts (rows, RAW_COLUMNS) and the largest share of upper-case characters on a line."""
    cps = np.empty(longest, np.int32)
    starts, ends = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.int32)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        out = counts[row]
        out[CHARACTERS] = n
        words = wordpunct_words(cps, n, classes, starts, ends)
        out[RAW_WORDS] = words
        _raw_words(cps, starts, ends, words, classes, lower, out)
        out[SENTENCES] = _sentences(cps, n, classes)
        line, dots, brackets, symbols = 0, 0, 0, 0
        for i in range(n):
            cp = cps[i]
            if (cp >= 97 and cp <= 122) or cp == 32:  # most characters, and nothing to count
                dots = 0
                if i < n - 1:
                    continue
            brackets += cp == 123 or cp == 125
            symbols += cp == 35 or cp == 0x2026
            dots = dots + 1 if cp == 46 else 0
            if dots == 3:
                symbols += 1
                dots = 0
            if cp == 10 or i == n - 1:
                most_uppercase[row] = max(most_uppercase[row], _raw_line(cps, line, i + 1, classes, out))
                line = i + 1
        out[CURLY_BRACKETS], out[SYMBOLS] = brackets, symbols


@helper
def _normalised_lines(cps, n, classes, out):
    """Words and numeric characters line by line, white space collapsed; returns the largest numeric share."""
    most = 0.0
    start = 0
    while start < n:
        end = start
        words, characters, numeric, length, hits = 0, 0, 0, 0, 0
        while end < n and cps[end] != 10:
            cp = cps[end]
            if classes[cp] & SPACE:
                length, hits = 0, 0
            else:
                words += length == 0
                hits += length < len(_JAVASCRIPT) and _JAVASCRIPT[length] == cp
                length += 1
                characters += 1
                numeric += classes[cp] & NUMERIC != 0
                if length == len(_JAVASCRIPT) and hits == length:
                    out[JAVASCRIPT] += end + 1 == n or classes[cps[end + 1]] & SPACE != 0
            end += 1
        characters += max(words - 1, 0)
        out[MOST_LINE_WORDS] = max(out[MOST_LINE_WORDS], words)
        out[NUMERIC_CHARACTERS] += numeric
        out[LINE_CHARACTERS] += characters
        if characters:
            most = max(most, numeric / characters)
        start = end + 1
    return most


@kernel
def _words(cps, n, classes, starts, ends):
    words, inside = 0, False
    for i in range(n):
        space = classes[cps[i]] & SPACE != 0
        if inside and space:
            ends[words] = i
            words += 1
        elif not inside and not space:
            starts[words] = i
        inside = not space
    if inside:
        ends[words] = n
        words += 1
    return words


@kernel
def normalised_counts(data, offsets, longest, classes, scratch, counts, most_numeric, entropies, grams):
    """Fill counts (rows, NORMALISED_COLUMNS), the largest numeric share of a line, entropies and n-gram columns."""
    cps = np.empty(longest, np.int32)
    starts, ends = np.empty(longest // 2 + 1, np.int32), np.empty(longest // 2 + 1, np.int32)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        out = counts[row]
        most_numeric[row] = _normalised_lines(cps, n, classes, out)
        words = _words(cps, n, classes, starts, ends)
        hash_words(cps, starts, ends, words, scratch.hashes)
        unique = number_spans(
            cps, starts, ends, words, scratch.hashes, scratch.slots, scratch.first, scratch.counts, scratch.ids
        )
        entropy = 0.0
        for k in range(unique):
            share = scratch.counts[k] / words
            entropy += -share * math.log(share)
        entropies[row] = entropy
        fill_edges(starts, ends, words, scratch.edges)
        count_ngrams(cps, starts, ends, words, LONGEST_GRAM, scratch, grams[row])
        out[WORDS], out[UNIQUE_WORDS], out[WORD_CHARACTERS] = words, unique, scratch.edges[words]
