# mypy: disallow-untyped-defs=False
"""RefinedWeb's line rules as DCLM runs them, compiled: eight passes over the lines that are still there.

Each pass reads what the one before left, because it may see a line shortened or the page's margin stripped. Lines are
split at "\\n" only; `actions` holds, per code point, KEPT or why it went.
"""

import numpy as np
from gristmill.filters.text.unicode_tables import ALNUM, DECIMAL, DIGIT, SPACE, UPPER
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8, utf8_width

KEPT, UPPERCASE, NUMERIC, COUNTER, SHORT, CART, READ_MORE, SIGN_IN, WHITE_SPACE = range(9)
REASONS = [  # (replacement, reason) of each action
    ("", ""),
    ("", "uppercase_line"),
    ("", "numeric_line"),
    ("", "counter_line"),
    ("", "short_line"),
    ("", "items_in_cart"),
    ("", "read_more"),
    ("", "sign_in"),
    ("", "white_space"),
]
MAX_UPPERCASE_FRACTION, MAX_DIGIT_FRACTION = 0.5, 0.999999
MIN_WORDS, MAX_WORDS_OF_PHRASE_LINE = 2, 10


def _codes(text: str) -> np.ndarray:
    return np.array([ord(char) for char in text], dtype=np.int32)


def _table(words: list[str]) -> np.ndarray:
    table = np.zeros((len(words), max(map(len, words))), dtype=np.int32)
    for row, word in enumerate(words):
        table[row, : len(word)] = _codes(word)
    return table


_COUNTED = _table(
    [
        *("likes", "shares", "comments", "retweets", "reposts", "quotes"),
        *("bookmarks", "upvotes", "downvotes", "downloads", "views", "followers"),
    ]
)
_CART, _READ_MORE, _SIGN_IN = map(_codes, ("items in cart", "read more", "sign-in"))
_WILD = 3  # the pattern is `Read more...` unescaped: its three dots stand for any three characters


@helper
def _folded(cp, lower):
    """The ASCII letter that cp equals when Python's re ignores case, else its lower case."""
    if cp == 0x130 or cp == 0x131:
        return 105
    if cp == 0x17F:
        return 115
    return lower[cp]


@helper
def _phrase_at(line, i, end, lower, phrase):
    if i + len(phrase) > end:
        return False
    k = 0
    while k < len(phrase) and _folded(line[i + k], lower) == phrase[k]:
        k += 1
    return k == len(phrase)


@helper
def _words(line, n, classes):
    words, inside = 0, False
    for i in range(n):
        if classes[line[i]] & SPACE:
            inside = False
        else:
            words += not inside
            inside = True
    return words


@helper
def _is_word_character(cp, classes):
    return cp == 95 or classes[cp] & ALNUM != 0


@helper
def _is_counter(line, n, classes, lower):
    """A whole line such as `12.5K likes`, in any case, with non-word characters around it."""
    i = 0
    while i < n and not _is_word_character(line[i], classes):
        i += 1
    if i == n or not classes[line[i]] & DECIMAL:
        return False
    while i < n and (line[i] == 44 or line[i] == 46 or classes[line[i]] & DECIMAL):
        i += 1
    if i < n and lower[line[i]] in (107, 109, 98):
        i += 1
    spaces = i
    while i < n and classes[line[i]] & SPACE:
        i += 1
    if i == spaces:
        return False
    for row in range(len(_COUNTED)):
        k = 0
        while k < _COUNTED.shape[1] and _COUNTED[row, k] and i + k < n and lower[line[i + k]] == _COUNTED[row, k]:
            k += 1
        if k == _COUNTED.shape[1] or _COUNTED[row, k] == 0:
            rest = i + k
            while rest < n and not _is_word_character(line[rest], classes):
                rest += 1
            return rest == n
    return False


@helper
def _goes(line, n, rule, classes, lower):
    """Whether the whole line goes under one of the first four rules."""
    if rule == COUNTER:
        return _is_counter(line, n, classes, lower)
    if n == 0:
        return False
    if rule == SHORT:
        return _words(line, n, classes) < MIN_WORDS
    flag, most = (UPPER, MAX_UPPERCASE_FRACTION) if rule == UPPERCASE else (DIGIT, MAX_DIGIT_FRACTION)
    found = 0
    for i in range(n):
        found += classes[line[i]] & flag != 0
    return found / n > most


@helper
def _remove_phrase(line, where, n, rule, classes, lower, actions):
    """Mark the phrase of `rule` on a line of few words; True when nothing visible is left of a non-empty line."""
    if n == 0 or _words(line, n, classes) > MAX_WORDS_OF_PHRASE_LINE:
        return False
    if rule == CART:
        i = 0
        while i < n:
            space = 1 if classes[line[i]] & SPACE else 0
            if _phrase_at(line, i + space, n, lower, _CART):
                for k in range(i, i + space + len(_CART)):
                    actions[where[k]] = CART
                i += space + len(_CART)
            else:
                i += 1
    elif rule == READ_MORE:
        start = n - len(_READ_MORE) - _WILD
        if start >= 0 and _phrase_at(line, start, n, lower, _READ_MORE):
            if start > 0 and classes[line[start - 1]] & SPACE:
                start -= 1
            for k in range(start, n):
                actions[where[k]] = READ_MORE
    elif _phrase_at(line, 0, n, lower, _SIGN_IN):
        end = len(_SIGN_IN)
        if end < n and classes[line[end]] & SPACE:
            end += 1
        for k in range(end):
            actions[where[k]] = SIGN_IN
    i = 0
    while i < n and (actions[where[i]] != KEPT or classes[line[i]] & SPACE):
        i += 1
    return i == n


@helper
def _pass(cps, n, rule, classes, lower, line, where, actions):
    """Apply one rule to every line that is left, then strip the page (but after the short-line rule, which does not)."""
    length = 0
    last_kept_break = -1
    for i in range(n + 1):
        at_break = i < n and actions[i] == KEPT and cps[i] == 10
        if i < n and not at_break:
            if actions[i] == KEPT:
                line[length], where[length] = cps[i], i
                length += 1
            continue
        if rule >= CART:
            drop = _remove_phrase(line, where, length, rule, classes, lower, actions)
        else:
            drop = _goes(line, length, rule, classes, lower)
        if drop:
            for k in range(length):
                if actions[where[k]] == KEPT:
                    actions[where[k]] = rule
            if i < n:
                actions[i] = rule
            elif last_kept_break >= 0:
                actions[last_kept_break] = rule
        elif i < n:
            last_kept_break = i
        length = 0
    if rule == SHORT:
        return
    for backward in range(2):
        for k in range(n):
            i = n - 1 - k if backward else k
            if actions[i] == KEPT:
                if not classes[cps[i]] & SPACE:
                    break
                actions[i] = WHITE_SPACE


@helper
def scan(cps, n, classes, lower, line, where, actions):
    """Fill actions[:n]; `line` and `where` are scratch of n code points."""
    actions[:n] = KEPT
    for rule in range(UPPERCASE, SIGN_IN + 1):
        _pass(cps, n, rule, classes, lower, line, where, actions)


@helper
def _count_words(cps, n, classes, actions):
    """fastText tokens (cut at ASCII white space and NUL) of the kept text whose first character is alphanumeric."""
    words, inside = 0, False
    for i in range(n):
        if actions[i] != KEPT:
            continue
        cp = cps[i]
        if cp == 32 or 9 <= cp <= 13 or cp == 0:
            inside = False
        elif not inside:
            words += classes[cp] & ALNUM != 0
            inside = True
    return words


@kernel
def word_counts(data, offsets, longest, classes, lower, counts):
    """Fill counts[row] with (words of the text, words that the line rules leave)."""
    cps = np.empty(longest, np.int32)
    line = np.empty(longest, np.int32)
    where = np.empty(longest, np.int64)
    actions = np.empty(longest, np.uint8)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        actions[:n] = KEPT
        counts[row, 0] = _count_words(cps, n, classes, actions)
        scan(cps, n, classes, lower, line, where, actions)
        counts[row, 1] = _count_words(cps, n, classes, actions)


@kernel
def edit_spans(data, offsets, longest, classes, lower, edit_offsets, starts, ends, codes, fill):
    """Runs of removed code points as byte spans with their action; with fill=False only edit_offsets is written.

    A run ends with its line, so that two removed lines are two edits.
    """
    cps = np.empty(longest, np.int32)
    line = np.empty(longest, np.int32)
    where = np.empty(longest, np.int64)
    actions = np.empty(longest, np.uint8)
    edits = 0
    edit_offsets[0] = 0
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        scan(cps, n, classes, lower, line, where, actions)
        byte = 0
        for i in range(n):
            width = utf8_width(cps[i])
            if actions[i] != KEPT:
                if i == 0 or actions[i] != actions[i - 1] or cps[i - 1] == 10:
                    if fill:
                        starts[edits], codes[edits] = byte, actions[i]
                    edits += 1
                if fill:
                    ends[edits - 1] = byte + width
            byte += width
        edit_offsets[row + 1] = edits
