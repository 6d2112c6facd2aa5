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
from gristmill.kernels.compile import helper, kernel

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


@helper
def _is_closing(cp):
    return cp in (34, 39, 41, 93, 125, 0x201D, 0x2019, 0xBB)


@kernel
def _closes(cps, start, end, next_upper, classes, lower, keys):
    """Whether the word cps[start:end] closes a sentence, given how the next word begins."""
    while end > start and _is_closing(cps[end - 1]):
        end -= 1
    if end == start:
        return False
    mark = cps[end - 1]
    if mark == 63 or mark == 33:
        return True
    if mark == 0x2026:
        return next_upper
    if mark != 46:
        return False
    if end - start >= 2 and cps[end - 2] == 46:
        return next_upper
    while start < end - 1 and not classes[cps[start]] & ALPHA:
        start += 1
    letters = end - 1 - start
    if letters == 1:
        return False
    key = np.int64(0)
    inner_stop = False
    only_letters = letters > 0
    for i in range(start, end - 1):
        cp = cps[i]
        if cp == 46:
            inner_stop = True
        elif not classes[cp] & ALPHA:
            only_letters = False
        if letters <= 7:
            key = key << 8 | (lower[cp] if lower[cp] < 128 else 1)
    if only_letters and inner_stop:
        return False
    if only_letters and letters <= 7:
        at = np.searchsorted(keys, key)
        if at < len(keys) and keys[at] == key:
            return False
    return True


@kernel
def count_sentences(cps, start, end, classes, lower, keys):
    """Sentences of the line cps[start:end]; 0 when it has no word. Looks closely only at marks before white space."""
    while start < end and classes[cps[start]] & SPACE:
        start += 1
    if start == end:
        return 0
    sentences = 1
    i = start
    while i < end:
        cp = cps[i]
        i += 1
        if cp != 46 and cp != 63 and cp != 33 and cp != 0x2026:
            continue
        word_end = i
        while word_end < end and _is_closing(cps[word_end]):
            word_end += 1
        following = word_end
        while following < end and classes[cps[following]] & SPACE:
            following += 1
        if following in (word_end, end):
            continue
        word_start = i - 1
        while word_start > start and not classes[cps[word_start - 1]] & SPACE:
            word_start -= 1
        upper = classes[cps[following]] & UPPER != 0
        sentences += _closes(cps, word_start, word_end, upper, classes, lower, keys)
        i = following
    return sentences
