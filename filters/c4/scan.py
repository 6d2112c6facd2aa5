# mypy: disallow-untyped-defs=False
"""The compiled line scan under C4's signals and edits: what each line is, in any of the definitions of C4.

One document is decoded once; `scan` gives each code point an action (kept, or the reason it goes) and the page facts.
"""

import numpy as np
from gristmill.filters.c4.phrases import CURLY, LOREM, NOTICE, SCRIPT, citation_end, phrases
from gristmill.filters.text.sentence_rule import count_sentences
from gristmill.filters.text.unicode_tables import LINE_BREAK, SPACE
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8, put_utf8, utf8_width

# Actions, one per code point. Up to POLICY they are reasons a whole line goes.
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
_FIRST = 0x80  # set on the first code point of a line, so that two removed lines stay two edits

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


@helper
def _words(line, n, classes):
    words, inside = 0, False
    for i in range(n):
        space = classes[line[i]] & SPACE != 0
        words += not space and not inside
        inside = not space
    return words


@helper
def _ends_well(cps, start, end, end_marks, ellipsis_fails):
    if end == start:
        return False
    last = cps[end - 1]
    if not (last == 46 or last == 63 or last == 33 or last == 34 or (last == 39 and end_marks == 2)):
        return False
    dots = last == 46 and end - start >= 3 and cps[end - 2] == 46 and cps[end - 3] == 46
    return not (ellipsis_fails and dots)


@helper
def _measure_line(cps, a, n, classes):
    """(end of the line, start and end of its stripped text, words, longest word, whether it has a `[`)."""
    b, s, e = a, -1, a
    words, longest, length, bracket = 0, 0, 0, False
    while b < n:
        flags = classes[cps[b]]
        if flags & SPACE:
            if flags & LINE_BREAK:
                break
            longest = max(longest, length)
            length = 0
        else:
            if length == 0:
                words += 1
                if s < 0:
                    s = b
            length += 1
            e = b + 1
            bracket = bracket or cps[b] == 91
        b += 1
    return b, max(s, a), e, words, max(longest, length), bracket


@helper
def _remove_citations(cps, s, e, classes, line, actions):
    """Copy cps[s:e] without citation marks into `line`, mark those in `actions`; returns the length."""
    length = 0
    i = s
    while i < e:
        stop = citation_end(cps, i, e, classes) if cps[i] == 91 else i
        if stop > i:
            actions[i:stop] = CITATION
            i = stop
        else:
            line[length] = cps[i]
            length += 1
            i += 1
    return length


@helper
def _judge(text, s, e, words, longest, lower, definition, facts):
    """Why the cleaned line text[s:e] goes, or KEPT; sets the page facts it shows."""
    if 0 <= definition[MAX_WORD_LENGTH] < longest:
        return LONG_WORD
    if definition[END_MARKS] and not _ends_well(text, s, e, definition[END_MARKS], definition[ELLIPSIS_FAILS]):
        return NO_TERMINAL_MARK
    if words < definition[MIN_WORDS]:
        return FEW_WORDS
    found = phrases(text, s, e, lower)
    if not definition[WHOLE_PAGE_PHRASES] and found & LOREM:
        facts[LOREM_IPSUM] = 1
    if found & SCRIPT:
        return JAVASCRIPT
    if not definition[WHOLE_PAGE_PHRASES] and found & CURLY:
        facts[CURLY_BRACKET] = 1
    return POLICY if found & NOTICE else KEPT


@kernel
def scan(cps, n, classes, lower, keys, definition, actions, line, facts):
    """Fill actions[:n] and the page facts of the document cps[:n]; `line` is scratch of n code points.

    Lines are those of `str.splitlines()`. Only the strip of the whole text is left to `strip_page`.
    """
    facts[:] = 0
    actions[:n] = KEPT
    if definition[WHOLE_PAGE_PHRASES]:
        found = phrases(cps, 0, n, lower)
        facts[LOREM_IPSUM] = found & LOREM != 0
        facts[CURLY_BRACKET] = found & CURLY != 0
    last_break, last_break_end = 0, 0
    a = 0
    while a < n:
        b, s, e, words, longest, bracket = _measure_line(cps, a, n, classes)
        next_a = min(b + 1, n)
        if next_a < n and cps[b] == 13 and cps[next_a] == 10:
            next_a += 1
        facts[LINES] += 1
        text, start, stop = cps, s, e
        if bracket:
            text, start, stop = line, 0, _remove_citations(cps, s, e, classes, line, actions)
            if definition[WORDS_AFTER_CITATIONS]:
                words = _words(line, stop, classes)
        reason = _judge(text, start, stop, words, longest, lower, definition, facts)
        if reason != KEPT:
            actions[a:next_a] = reason
            actions[a] |= _FIRST
        else:
            facts[KEPT_LINES] += 1
            if definition[COUNT_SENTENCES]:
                facts[SENTENCES] += count_sentences(text, start, stop, classes, lower, keys)
            actions[a:s] = WHITE_SPACE
            actions[e:b] = WHITE_SPACE
            if b < n:
                actions[b] = KEPT if cps[b] == 10 else NEW_LINE
                actions[b + 1 : next_a] = LINE_BREAK_GONE
            last_break, last_break_end = b, next_a
        a = next_a
    actions[last_break:last_break_end] = LINE_BREAK_GONE


@helper
def strip_page(cps, n, classes, actions):
    """Mark the white space at both ends of what is kept as removed: `str.strip()` of the rewritten text."""
    for backward in range(2):
        for k in range(n):
            i = n - 1 - k if backward else k
            if actions[i] == NEW_LINE:
                actions[i] = LINE_BREAK_GONE
            elif actions[i] == KEPT:
                if not classes[cps[i]] & SPACE:
                    break
                actions[i] = WHITE_SPACE


@kernel
def page_facts(data, offsets, longest, classes, lower, keys, definition, facts):
    """Fill facts[row] with the page facts of every document."""
    cps = np.empty(longest, np.int32)
    line = np.empty(longest, np.int32)
    actions = np.empty(longest, np.uint8)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        scan(cps, n, classes, lower, keys, definition, actions, line, facts[row])


@helper
def _write_line(line, length, classes, out, at):
    """Write one line; white space at its end that spaCy would make a token of its own is written as the word `x`.

    datatrove counts spans, so that token is one more sentence after a full stop, though nothing visible is in it.
    """
    end = length
    while end > 0 and classes[line[end - 1]] & SPACE:
        end -= 1
    for i in range(end):
        at = put_utf8(line[i], out, at)
    if length - end > 1 or (length - end == 1 and (end == 0 or line[end] != 32)):
        out[at], out[at + 1] = 32, 120
        at += 2
    return at


@kernel
def lines_for_sentences(data, offsets, longest, classes, lower, keys, definition, out, out_offsets):
    """Write each document's kept lines, joined with "\\n", not stripped as a page, as UTF-8 into `out` (len(data))."""
    cps = np.empty(longest, np.int32)
    line = np.empty(longest, np.int32)
    actions = np.empty(longest, np.uint8)
    facts = np.empty(FACTS, np.int64)
    at = 0
    out_offsets[0] = 0
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        scan(cps, n, classes, lower, keys, definition, actions, line, facts)
        length = 0
        for i in range(n):
            if actions[i] == NEW_LINE or (actions[i] == KEPT and cps[i] == 10):
                at = _write_line(line, length, classes, out, at)
                out[at] = 10
                at += 1
                length = 0
            elif actions[i] == KEPT:
                line[length] = cps[i]
                length += 1
        at = _write_line(line, length, classes, out, at)
        out_offsets[row + 1] = at


@kernel
def edit_spans(data, offsets, longest, classes, lower, keys, definition, edit_offsets, starts, ends, codes, fill):
    """Runs of removed code points as byte spans with their action; with fill=False only edit_offsets is written."""
    cps = np.empty(longest, np.int32)
    line = np.empty(longest, np.int32)
    actions = np.empty(longest, np.uint8)
    facts = np.empty(FACTS, np.int64)
    edits = 0
    edit_offsets[0] = 0
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        scan(cps, n, classes, lower, keys, definition, actions, line, facts)
        strip_page(cps, n, classes, actions)
        byte = 0
        previous = np.uint8(KEPT)
        for i in range(n):
            action = actions[i]
            if action != KEPT:
                code = action & 0x7F
                if code != previous or action & _FIRST or code == NEW_LINE:
                    if fill:
                        starts[edits] = byte
                        codes[edits] = code
                    edits += 1
                byte += utf8_width(cps[i])
                if fill:
                    ends[edits - 1] = byte
                previous = np.uint8(code)
            else:
                byte += utf8_width(cps[i])
                previous = np.uint8(KEPT)
        edit_offsets[row + 1] = edits
