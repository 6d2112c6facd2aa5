# mypy: disallow-untyped-defs=False
"""The compiled line scan under C4's signals and edits: what each line is, in any of the definitions of C4.

Signals need no more than a judgement of each line (`_judge_line`); for edits `scan` gives each byte an action: kept, or
the reason it goes.
"""

from typing import NamedTuple

import numpy as np
from gristmill.filters.c4.phrases import CURLY, LOREM, NOTICE, SCRIPT, citation_end, phrases
from gristmill.filters.text.sentence_rule import count_sentences
from gristmill.filters.text.text_masks import (
    NEWLINE,
    PADDING,
    TextMasks,
    characters_of,
    is_set,
    joined,
    next_set,
    rank,
    read_text,
    stripped,
    text_masks,
)
from gristmill.filters.text.unicode_tables import SPACE
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.utf8 import code_point_before, next_code_point
from gristmill.kernels.vectors import equal_mask, find_byte, range_mask

# Actions, one per byte. Up to POLICY they are reasons a whole line goes.
KEPT, LONG_WORD, NO_TERMINAL_MARK, FEW_WORDS, JAVASCRIPT, POLICY, CITATION, WHITE_SPACE, LINE_BREAK_GONE, NEW_LINE = (
    range(10)
)
REASONS = [  # (replacement, reason) of each action
    ("", ""),
    ("", "long_word"),
    ("", "no_terminal_mark"),
    ("", "few_words"),
    ("", "javascript"),
    ("", "policy_notice"),
    ("", "citation"),
    ("", "white_space"),
    ("", "line_break"),
    ("\n", "line_break"),
]
_FIRST = 0x80  # set on the first byte of a line or new line end, so that two of them stay two edits

# Facts of one page, columns of the kernels' output.
LINES, KEPT_LINES, LOREM_IPSUM, CURLY_BRACKET, SENTENCES = range(5)
FACTS = 5

# Switches of a definition, in this order in an int64 array.
(
    END_MARKS,
    ELLIPSIS_FAILS,
    MAX_WORD_LENGTH,
    MIN_WORDS,
    WORDS_AFTER_CITATIONS,
    WHOLE_PAGE_PHRASES,
    COUNT_SENTENCES,
) = range(7)


class Workspace(NamedTuple):
    """Work space for one document at a time, of up to a number of bytes.

    breaks: mask of the first bytes of line ends, as `str.splitlines()` has them. line: a line without its citation marks,
    with PADDING behind it.
    """

    reading: TextMasks
    breaks: np.ndarray
    line: np.ndarray


def workspace(longest: int) -> Workspace:
    """Work space for documents of up to `longest` bytes."""
    return Workspace(text_masks(longest), np.empty(longest // 64 + 1, np.uint64), np.empty(longest + PADDING, np.uint8))


@inlined
def _line_break_mask(text, at):
    """Which of the 32 bytes from `at` on begin a line end of `str.splitlines()`."""
    wide = equal_mask(text, at, 0xC2) & equal_mask(text, at + 1, 0x85)
    wide |= equal_mask(text, at, 0xE2) & equal_mask(text, at + 1, 0x80) & range_mask(text, at + 2, 0xA8, 2)
    return wide | range_mask(text, at, 0x0A, 4) | range_mask(text, at, 0x1C, 3)


@helper
def _find_line_breaks(text, n, breaks):
    for k in range((n >> 6) + 1):
        breaks[k] = joined(_line_break_mask(text, 64 * k), _line_break_mask(text, 64 * k + 32))


@helper
def _next_line(text, n, end):
    """Where the line after the line end at `end` begins; CR LF is one."""
    if end == n:
        return n
    if text[end] == 13 and end + 1 < n and text[end + 1] == NEWLINE:
        return end + 2
    return next_code_point(text, end)[1]


@helper
def _words(line, n, classes):
    words, inside = 0, False
    i = 0
    while i < n:
        cp, i = next_code_point(line, i)
        space = classes[cp] & SPACE != 0
        words += not space and not inside
        inside = not space
    return words


@helper
def _longest_word(reading, s, e):
    """Characters of the longest word of text[s:e], which begins and ends with a word."""
    longest = 0
    while s < e:
        end = next_set(reading.spaces, s)
        longest = max(longest, characters_of(reading, s, end))
        s = end
        while s < e and is_set(reading.spaces, s):
            s += 1
    return longest


@helper
def _has_longer_word(reading, s, e, most):
    """Whether a word of text[s:e] has more than `most` characters. A word of 127 bytes fills 64 bytes of a mask."""
    if e - s <= most:
        return False
    if most >= 126:
        filled = False
        for k in range(s >> 6, e >> 6):
            filled = filled or reading.spaces[k] == 0
        if not filled:
            return False
    return _longest_word(reading, s, e) > most


@helper
def _ends_well(text, start, end, end_marks, ellipsis_fails):
    if end == start:
        return False
    last = text[end - 1]
    if not (last == 46 or last == 63 or last == 33 or last == 34 or (last == 39 and end_marks == 2)):
        return False
    dots = last == 46 and end - start >= 3 and text[end - 2] == 46 and text[end - 3] == 46
    return not (ellipsis_fails and dots)


@helper
def _remove_citations(text, s, e, classes, line, actions, mark):
    """Copy text[s:e] without citation marks into `line`; `mark`: mark those in `actions`. Returns the length."""
    length = 0
    i = s
    while i < e:
        stop = citation_end(text, i, e, classes) if text[i] == 91 else i
        if stop > i:
            if mark:
                actions[i:stop] = CITATION
            i = stop
        else:
            line[length] = text[i]
            length += 1
            i += 1
    for k in range(length, length + PADDING):
        line[k] = NEWLINE
    return length


@helper
def _judge(text, s, e, words, definition, facts):
    """Why the cleaned line text[s:e] goes, or KEPT; sets the page facts it shows."""
    if definition[END_MARKS] and not _ends_well(text, s, e, definition[END_MARKS], definition[ELLIPSIS_FAILS]):
        return NO_TERMINAL_MARK
    if words < definition[MIN_WORDS]:
        return FEW_WORDS
    found = phrases(text, s, e)
    if not definition[WHOLE_PAGE_PHRASES] and found & LOREM:
        facts[LOREM_IPSUM] = 1
    if found & SCRIPT:
        return JAVASCRIPT
    if not definition[WHOLE_PAGE_PHRASES] and found & CURLY:
        facts[CURLY_BRACKET] = 1
    return POLICY if found & NOTICE else KEPT


@inlined
def _judge_line(space, a, b, classes, lower, keys, definition, actions, mark, facts):
    """Why the line text[a:b] goes, or KEPT, and the span of its stripped text; counts it in `facts`."""
    reading, line = space.reading, space.line
    text = reading.text
    s, e = stripped(reading.spaces, a, b)
    words = rank(reading.word_starts, reading.words, e) - rank(reading.word_starts, reading.words, s)
    facts[LINES] += 1
    long_word = definition[MAX_WORD_LENGTH] >= 0 and _has_longer_word(reading, s, e, definition[MAX_WORD_LENGTH])
    if find_byte(text, s, e, 91) == e:
        reason = LONG_WORD if long_word else _judge(text, s, e, words, definition, facts)
        if reason == KEPT:
            facts[KEPT_LINES] += 1
            if definition[COUNT_SENTENCES]:
                facts[SENTENCES] += count_sentences(text, s, e, classes, lower, keys)
        return reason, s, e
    length = _remove_citations(text, s, e, classes, line, actions, mark)
    if definition[WORDS_AFTER_CITATIONS]:
        words = _words(line, length, classes)
    reason = LONG_WORD if long_word else _judge(line, 0, length, words, definition, facts)
    if reason == KEPT:
        facts[KEPT_LINES] += 1
        if definition[COUNT_SENTENCES]:
            facts[SENTENCES] += count_sentences(line, 0, length, classes, lower, keys)
    return reason, s, e


@helper
def _judge_page(text, n, definition, facts):
    facts[:] = 0
    if definition[WHOLE_PAGE_PHRASES]:
        found = phrases(text, 0, n)
        facts[LOREM_IPSUM] = found & LOREM != 0
        facts[CURLY_BRACKET] = found & CURLY != 0


@helper
def scan(space, n, classes, lower, keys, definition, actions, facts):
    """Fill actions[:n] and the page facts of the document of n bytes that space.reading holds.

    Lines are those of `str.splitlines()`. Only the strip of the whole text is left to `strip_page`.
    """
    text = space.reading.text
    _find_line_breaks(text, n, space.breaks)
    _judge_page(text, n, definition, facts)
    actions[:n] = KEPT
    last_break, last_break_end = 0, 0
    a = 0
    while a < n:
        b = next_set(space.breaks, a)
        next_a = _next_line(text, n, b)
        reason, s, e = _judge_line(space, a, b, classes, lower, keys, definition, actions, True, facts)
        if reason != KEPT:
            actions[a:next_a] = reason
            actions[a] |= _FIRST
        else:
            actions[a:s] = WHITE_SPACE
            actions[e:b] = WHITE_SPACE
            if b < n and text[b] != NEWLINE:
                after = next_code_point(text, b)[1]
                actions[b:after] = NEW_LINE
                actions[b] |= _FIRST
                actions[after:next_a] = LINE_BREAK_GONE
            last_break, last_break_end = b, next_a
        a = next_a
    actions[last_break:last_break_end] = LINE_BREAK_GONE


@helper
def strip_page(spaces, n, actions):
    """Mark the white space at both ends of what is kept as removed: `str.strip()` of the rewritten text."""
    for backward in range(2):
        for k in range(n):
            i = n - 1 - k if backward else k
            if actions[i] & 0x7F == NEW_LINE:
                actions[i] = LINE_BREAK_GONE
            elif actions[i] == KEPT:
                if not is_set(spaces, i):
                    break
                actions[i] = WHITE_SPACE


@kernel
def page_facts(data, offsets, space, classes, lower, keys, definition, facts):
    """Fill facts[row] with the page facts of every document."""
    actions = np.empty(0, np.uint8)
    text = space.reading.text
    for row in range(len(offsets) - 1):
        n = read_text(data, offsets[row], offsets[row + 1], classes, space.reading)
        _find_line_breaks(text, n, space.breaks)
        _judge_page(text, n, definition, facts[row])
        a = 0
        while a < n:
            b = next_set(space.breaks, a)
            _judge_line(space, a, b, classes, lower, keys, definition, actions, False, facts[row])
            a = _next_line(text, n, b)


@helper
def _write_line(line, length, classes, out, at):
    """Write one line; white space at its end that spaCy would make a token of its own is written as the word `x`.

    datatrove counts spans, so that token is one more sentence after a full stop, though nothing visible is in it.
    """
    end = length
    while end > 0:
        cp, before = code_point_before(line, end)
        if not classes[cp] & SPACE:
            break
        end = before
    for i in range(end):
        out[at + i] = line[i]
    at += end
    if length - end > 1 or (length - end == 1 and (end == 0 or line[end] != 32)):
        out[at], out[at + 1] = 32, 120
        at += 2
    return at


@kernel
def lines_for_sentences(data, offsets, space, classes, lower, keys, definition, out, out_offsets):
    """Write each document's kept lines, joined with "\\n", not stripped as a page, as UTF-8 into `out` (len(data))."""
    line = np.empty(len(space.line), np.uint8)
    actions = np.empty(len(space.line), np.uint8)
    facts = np.empty(FACTS, np.int64)
    text = space.reading.text
    at = 0
    out_offsets[0] = 0
    for row in range(len(offsets) - 1):
        n = read_text(data, offsets[row], offsets[row + 1], classes, space.reading)
        scan(space, n, classes, lower, keys, definition, actions, facts)
        length = 0
        for i in range(n):
            if actions[i] == NEW_LINE | _FIRST or (actions[i] == KEPT and text[i] == NEWLINE):
                at = _write_line(line, length, classes, out, at)
                out[at] = NEWLINE
                at += 1
                length = 0
            elif actions[i] == KEPT:
                line[length] = text[i]
                length += 1
        at = _write_line(line, length, classes, out, at)
        out_offsets[row + 1] = at


@kernel
def edit_spans(data, offsets, space, classes, lower, keys, definition, edit_offsets, starts, ends, codes, fill):
    """Runs of removed bytes as spans with their action; with fill=False only edit_offsets is written."""
    actions = np.empty(len(space.line), np.uint8)
    facts = np.empty(FACTS, np.int64)
    edits = 0
    edit_offsets[0] = 0
    for row in range(len(offsets) - 1):
        n = read_text(data, offsets[row], offsets[row + 1], classes, space.reading)
        scan(space, n, classes, lower, keys, definition, actions, facts)
        strip_page(space.reading.spaces, n, actions)
        previous = np.uint8(KEPT)
        for i in range(n):
            action = actions[i]
            if action != KEPT:
                code = action & 0x7F
                if code != previous or action & _FIRST:
                    if fill:
                        starts[edits] = i
                        codes[edits] = code
                    edits += 1
                if fill:
                    ends[edits - 1] = i + 1
                previous = np.uint8(code)
            else:
                previous = np.uint8(KEPT)
        edit_offsets[row + 1] = edits
