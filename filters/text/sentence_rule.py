# mypy: disallow-untyped-defs=False
"""A small rule for English sentence ends on one line, compiled, for definitions whose own splitter cannot be shipped.

C4's code counts sentences with NLTK's trained Punkt model, a download that is no part of any package. This rule names
no model: a white-space word closes a sentence when, after closing quotes and brackets, it ends in `.`, `?`, `!` or `…`
and another word follows, unless the mark is

- one full stop after a known abbreviation (`Dr.`, `etc.`), a single letter (`J.`) or letters with inner stops (`U.S.`),
- an ellipsis (`…` or two and more full stops) and the next word does not begin with an upper-case letter.

The end of the line closes the last sentence. C4 keeps only lines that end in a mark, so each kept line counts at least
once and a minimum of 3 is rarely decided by the inner breaks.
"""

import numpy as np
from gristmill.filters.text.unicode_tables import ALPHA, SPACE, UPPER
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.utf8 import code_point_before, next_code_point
from gristmill.kernels.vectors import LANES, equal_mask, lowest_bit

ABBREVIATIONS = frozenset(
    """
    adm al apr apt art assn aug ave bldg blvd bros ca capt cf ch cmdr co col corp dec dept dr ed eds eq esp est
    etc feb fig figs fri ft gen gov hon hr hrs inc jan jr jul jun lt ltd maj mar messrs min mon mr mrs ms mt no
    nos nov oct op pg pp pres prof pt rep rev sat sec sen sep sept sgt sq sr st sun thu thur thurs tue tues univ
    viz vol vols vs wed
    """.split()  # noqa: SIM905
)


def _key(word: str) -> int:
    key = 0
    for char in word:
        key = key << 8 | ord(char)
    return key


ABBREVIATION_KEYS = np.array(sorted(map(_key, ABBREVIATIONS)), dtype=np.int64)


@inlined
def _is_closing(cp):
    if cp < 0x80:
        return cp == 34 or cp == 39 or cp == 41 or cp == 93 or cp == 125
    return cp == 0x201D or cp == 0x2019 or cp == 0xBB


@helper
def _is_known(keys, key):
    at = np.searchsorted(keys, key)
    return at < len(keys) and keys[at] == key


@helper
def _closes(text, start, end, next_upper, classes, lower, keys):
    """Whether the word text[start:end] closes a sentence, given how the next word begins."""
    mark = np.int32(0)
    while end > start:
        mark, before = code_point_before(text, end)
        if not _is_closing(mark):
            break
        end = before
    if end == start:
        return False
    if mark == 63 or mark == 33:
        return True
    if mark == 0x2026:
        return next_upper
    if mark != 46:
        return False
    end -= 1
    if end > start and text[end - 1] == 46:
        return next_upper
    letters = 0
    key = np.int64(0)
    inner_stop = False
    only_letters = True
    while start < end:
        cp, start = next_code_point(text, start)
        alpha = classes[cp] & ALPHA != 0
        if letters == 0 and not alpha:
            continue  # what stands before the first letter is no part of the word
        letters += 1
        inner_stop = inner_stop or cp == 46
        only_letters = only_letters and (alpha or cp == 46)
        if letters <= 7:
            key = key << 8 | (lower[cp] if lower[cp] < 128 else 1)
    if letters == 1:
        return False
    abbreviated = inner_stop or (letters <= 7 and _is_known(keys, key))
    return not (letters and only_letters and abbreviated)


@inlined
def _word_start(text, start, end, classes):
    """Where the word begins that goes on to `end`, inside text[start:end]."""
    while end > start:
        cp, before = code_point_before(text, end)
        if classes[cp] & SPACE:
            break
        end = before
    return end


@inlined
def _skip_space(text, start, end, classes):
    while start < end:
        cp, after = next_code_point(text, start)
        if not classes[cp] & SPACE:
            break
        start = after
    return start


@inlined
def _skip_closing(text, start, end):
    while start < end:
        cp, after = next_code_point(text, start)
        if not _is_closing(cp):
            break
        start = after
    return start


@helper
def count_sentences(text, start, end, classes, lower, keys):
    """Sentences of the line text[start:end], UTF-8 with 64 more bytes behind it; 0 when it has no word.

    Looks closely only at marks before white space.
    """
    start = _skip_space(text, start, end, classes)
    if start == end:
        return 0
    sentences = 1
    looked_to = start
    for at in range(start, end, LANES):
        marks = (
            equal_mask(text, at, 46)
            | equal_mask(text, at, 63)
            | equal_mask(text, at, 33)
            | equal_mask(text, at, 0xE2) & equal_mask(text, at + 1, 0x80) & equal_mask(text, at + 2, 0xA6)
        )
        while marks:
            mark = at + lowest_bit(marks)
            marks &= marks - np.uint32(1)
            if mark >= end:
                break
            if mark < looked_to:
                continue
            mark_end = mark + (1 if text[mark] < 0x80 else 3)
            word_end = _skip_closing(text, mark_end, end)
            following = _skip_space(text, word_end, end, classes)
            if following in (word_end, end):
                looked_to = mark_end
                continue
            word_start = _word_start(text, start, mark, classes)
            cp = next_code_point(text, following)[0]
            upper = classes[cp] & UPPER != 0
            sentences += _closes(text, word_start, word_end, upper, classes, lower, keys)
            looked_to = following
    return sentences
