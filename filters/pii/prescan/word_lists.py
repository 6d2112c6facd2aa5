# mypy: disallow-untyped-defs=False
"""Words that make what follows worth a look: searched for as bytes, with ASCII letters in either case.

The search is generous where the recognisers are exact: of a phrase it wants one word, of a long word any occurrence. What
it may never do is miss one of theirs; `tests/filters/pii/test_prescan.py` asks for each.
"""

from collections.abc import Iterable

import numpy as np
from gristmill.filters.pii.cards import CONTEXT_WORDS as CARD_WORDS
from gristmill.filters.pii.identities import NAMED_BY
from gristmill.filters.pii.network import CONTEXT_WORDS as ADDRESS_WORDS
from gristmill.filters.pii.phones.vocabulary import ALL_WORDS, PLACES, STEMS
from gristmill.filters.pii.prescan.characters import LETTER, LOWERED, is_of
from gristmill.kernels.compile import helper

PHONE, PLACE, IDENTITY, CARD, ADDRESS = range(5)  # classes of words
CLASSES = 5
MAX_BOUNDED_LETTERS = 4  # shorter words stand in too many others: only as words
# Of a phrase that names a number, the word is looked for that stands in fewest other texts: one that is not here, else the
# first of these. `is` or `no` would make candidates of most numbers in prose.
_COMMON = """
    nr numer numéro documento identification identity licence license permanent resident drivers driver driving health
    authority tax reference common card south personal social national service account pass mon file code de di number
    numbers no is
""".split()  # noqa: SIM905
_RANK = {word: place for place, word in enumerate(_COMMON)}


def _variants(word: str) -> Iterable[str]:
    """The word in lower, upper and title case, its ASCII letters always in lower case."""
    for form in {word, word.lower(), word.upper(), word.capitalize()}:
        yield "".join(c.lower() if c.isascii() else c for c in form)


def _trigger(phrase: str) -> str:
    """The word of a phrase that is looked for."""
    words = [word for word in phrase.replace("'", " ").replace("-", " ").split() if len(word) > 1]
    return min(words, key=lambda word: _RANK.get(word, -1))


def _packed() -> tuple[np.ndarray, ...]:
    """(bytes, offsets, classes as bits, bounded, first word by two bytes) of the sorted words."""
    found: dict[bytes, int] = {}
    phrases = {phrase for phrases in NAMED_BY.values() for phrase in phrases}
    for class_, wanted in (
        (PHONE, ALL_WORDS),
        (PLACE, PLACES),
        (IDENTITY, {_trigger(phrase) for phrase in phrases}),
        (CARD, {_trigger(phrase) for phrase in CARD_WORDS}),
        (ADDRESS, ADDRESS_WORDS),
    ):
        for word in wanted:
            for form in _variants(word):
                found[form.encode()] = found.get(form.encode(), 0) | 1 << class_
    forms = sorted(found)
    sizes = [len(form) for form in forms]
    bounded = [len(form) <= MAX_BOUNDED_LETTERS and form.isalpha() and form.decode() not in STEMS for form in forms]
    beginnings = [form[0] << 8 | form[1] for form in forms]
    return (
        np.frombuffer(b"".join(forms), np.uint8).copy(),
        np.cumsum([0, *sizes]).astype(np.int64),
        np.array([found[form] for form in forms], np.int64),
        np.array(bounded, np.bool_),
        np.searchsorted(beginnings, np.arange((1 << 16) + 1)).astype(np.int16),
    )


_DATA, _OFFSETS, _BITS, _BOUNDED, _BUCKETS = _packed()


@helper
def find_words(data, start, stop, base, end, ends):
    """Put into `ends` by class where the last word that begins in data[start:stop] ends; others stay as they are.

    The text is data[base:end].
    """
    for i in range(start, min(stop, end - 1)):
        two = np.int64(LOWERED[data[i]]) << 8 | LOWERED[data[i + 1]]
        for w in range(_BUCKETS[two], _BUCKETS[two + 1]):
            begin = _OFFSETS[w]
            size = _OFFSETS[w + 1] - begin
            if i + size > end:
                continue
            k = 2
            while k < size and LOWERED[data[i + k]] == _DATA[begin + k]:
                k += 1
            if k < size:
                continue
            if _BOUNDED[w]:
                if i > base and is_of(data[i - 1], LETTER):
                    continue
                if i + size < end and is_of(data[i + size], LETTER):
                    continue
            for class_ in range(CLASSES):
                if _BITS[w] >> class_ & 1 and i + size > ends[class_]:
                    ends[class_] = i + size
