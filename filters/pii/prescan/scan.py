# mypy: disallow-untyped-defs=False
"""One pass over a text: its candidates, each a span with the kinds of values that it can hold.

A text is read once as words (`[A-Za-z0-9_]+`) and what is between them. A candidate needs no more than a shape: an `@`
between the right characters, a row of numbers that is written like a telephone number or stands beside a word for one,
`://...:...@`, four numbers with dots, the text behind a word that names an identity number, the first letters of a kind
of key. The recognisers decide; the pre-scan may only be too generous. `tests/filters/pii` holds the same rules in
plain Python.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.filters.pii.cards import MAX_CARD_DIGITS
from gristmill.filters.pii.kinds import (
    MAY_BE_CARD,
    MAY_BE_CRYPTO,
    MAY_BE_EMAIL,
    MAY_BE_FISCAL_CODE,
    MAY_BE_IBAN,
    MAY_BE_IPV4,
    MAY_BE_IPV6,
    MAY_BE_KEY,
    MAY_BE_NAMED_IDENTITY,
    MAY_BE_NAMED_SECRET,
    MAY_BE_PHONE,
    MAY_BE_URL_CREDENTIALS,
)
from gristmill.filters.pii.numbering_plan.parse import plan_record
from gristmill.filters.pii.phones.dialled import NATIONAL_REGIONS
from gristmill.filters.pii.prescan.characters import DIGIT, LETTER, WORD, is_of
from gristmill.filters.pii.prescan.numbers import MIN_DIGITS, number_bits, number_run
from gristmill.filters.pii.prescan.secret_words import foreign_value, given_value, key_end
from gristmill.filters.pii.prescan.shapes import (
    credentials_end,
    email_span,
    follows_number,
    iban_end,
    ipv4_end,
    ipv6_end,
    is_like_address,
    may_be_crypto,
    may_be_fiscal_code,
)
from gristmill.filters.pii.prescan.word_lists import ADDRESS, CARD, CLASSES, IDENTITY, PHONE, PLACE, find_words
from gristmill.filters.pii.window import BEFORE_BYTES
from gristmill.filters.text.unicode_tables import CLASS, DECIMAL
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import next_code_point

PLACE_BYTES = 20  # between a word such as `office` and a number, `no.` and marks alone
WORDS_BEHIND_BYTES = 48  # behind a number, where `office` or `fax` may stand
IDENTITY_BYTES = BEFORE_BYTES + 40  # behind a word that names an identity number
_UNSEEN = -(1 << 40)


class PrescanCandidates(NamedTuple):
    """Spans in UTF-8 bytes of the row's text, by row, then start; `classes` are bits of kinds.MAY_BE_*."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    classes: np.ndarray


def candidates(texts: pa.Array, every_number: bool = False) -> PrescanCandidates:
    """Every span that can hold something; a null text has none.

    every_number: rows of seven digits or more are candidates whatever stands beside them, for a scan that wants unlikely
    values too.
    """
    data, offsets = string_buffers(texts)
    plan, rows, _ = plan_record()
    regions = np.array([rows[name] for name in NATIONAL_REGIONS], np.int64)
    found, count = _scan(data, offsets, CLASS, plan, regions, every_number)
    order = np.lexsort((found[3, :count], found[2, :count], found[1, :count], found[0, :count]))
    return PrescanCandidates(*(found[i, :count][order] for i in range(4)))


@kernel
def _put(found, count, row, start, end, bits):
    """`found` (4 x capacity), grown when it is full, with one span more.

    `bits` is an int64: numba would compile this once for every literal that it is called with.
    """
    if count == found.shape[1]:
        larger = np.empty((4, 2 * count), np.int64)
        for i in range(4):
            for j in range(count):
                larger[i, j] = found[i, j]
        found = larger
    found[0, count], found[1, count], found[2, count], found[3, count] = row, start, end, bits
    return found, count + 1


@helper
def _look_back(data, base, start, end, words):
    """Find the words before `start` that were not looked for yet; `words` has their ends, and where the search stopped."""
    first = max(words[CLASSES], start - BEFORE_BYTES, base)
    if first < start:
        find_words(data, first, start, base, end, words)
        words[CLASSES] = start


@helper
def _number_classes(data, base, start, stop, end, words, plan, regions, work):
    """Bits of the row of numbers data[start:stop], with the words around it."""
    _look_back(data, base, start, end, words)
    bits = 0
    if words[PHONE] >= start - BEFORE_BYTES or words[PLACE] >= start - PLACE_BYTES or _is_initial(data, base, start):
        bits |= MAY_BE_PHONE
    for class_ in range(CLASSES):
        words[CLASSES + 1 + class_] = _UNSEEN
    find_words(data, stop, min(end, stop + WORDS_BEHIND_BYTES), base, end, words[CLASSES + 1 :])
    if words[CLASSES + 1 + PHONE] > 0:
        bits |= MAY_BE_PHONE
    card_named = words[CARD] >= start - BEFORE_BYTES or words[CLASSES + 1 + CARD] > 0
    return bits | number_bits(data, base, start, stop, card_named, plan, regions, work)


@helper
def _is_initial(data, base, start):
    """Whether a letter and a colon stand before a number, as in `T: 020 7946 0958`; brackets and signs between."""
    i = start - 1
    while i > base and i >= start - 4 and data[i] != 58:
        i -= 1
    return i > base and data[i] == 58 and is_of(data[i - 1], LETTER) and (i - 2 < base or not is_of(data[i - 2], WORD))


@helper
def _is_wide_at(data, i, end):
    """Whether the full-width @ of East Asian typing stands at data[i]."""
    return data[i] == 0xEF and i + 2 < end and data[i + 1] == 0xBC and data[i + 2] == 0xA0


@helper
def _word_end(data, start, end):
    """The end of the word or character that data[start] is in."""
    while start < end and (is_of(data[start], WORD) or data[start] & 0xC0 == 0x80):
        start += 1
    return start


@kernel
def _scan(data, offsets, classes, plan, regions, every_number):
    work = np.empty(MAX_CARD_DIGITS, np.int64)
    found = np.empty((4, 1024), np.int64)
    count = 0
    words = np.empty(
        2 * CLASSES + 1, np.int64
    )  # ends of words by class, where the search stopped, ends of those behind
    for row in range(len(offsets) - 1):
        base, end = offsets[row], offsets[row + 1]
        for class_ in range(len(words)):
            words[class_] = _UNSEEN
        i = base
        numbers_until = base  # digits before this are part of a run already seen
        identities_until = base  # names before this have their candidate
        while i < end:
            byte = data[i]
            if not is_of(byte, WORD):
                behind = i + 1 if byte == 64 else i + 3 if _is_wide_at(data, i, end) else i
                if behind > i:
                    start, stop = email_span(data, i, behind, base, end)
                    if start >= 0:
                        found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_EMAIL))
                if byte == 58 and i + 3 < end and data[i + 1] == 47 and data[i + 2] == 47:
                    stop = credentials_end(data, i + 3, end)
                    if stop > 0:
                        found, count = _put(
                            found, count, row, i + 3 - base, stop - base, np.int64(MAY_BE_URL_CREDENTIALS)
                        )
                elif byte >= 128:
                    cp, after = next_code_point(data, i)
                    if classes[cp] & DECIMAL:
                        if i >= numbers_until:
                            many, stop = number_run(data, i, end, classes)
                            numbers_until = max(stop, after)
                            if many >= MIN_DIGITS:
                                found, count = _put(
                                    found, count, row, i - base, stop - base, np.int64(MAY_BE_PHONE | MAY_BE_CARD)
                                )
                    else:
                        stop = foreign_value(data, i, end)
                        if stop > 0:
                            found, count = _put(found, count, row, i - base, stop - base, np.int64(MAY_BE_NAMED_SECRET))
                    i = after
                    continue
                i += 1
                continue
            start, digits, letters = i, 0, 0
            while i < end and is_of(data[i], WORD):
                if is_of(data[i], DIGIT):
                    digits += 1
                else:
                    letters += 1
                i += 1
            bits, until = 0, i
            if digits:
                _look_back(data, base, start, end, words)
                name = words[IDENTITY]
                if name >= start - BEFORE_BYTES and name > identities_until:
                    identities_until = name
                    stop = _word_end(data, min(end, name + IDENTITY_BYTES), end)
                    found, count = _put(found, count, row, name - base, stop - base, np.int64(MAY_BE_NAMED_IDENTITY))
                if is_of(data[start], DIGIT):
                    if start >= numbers_until:
                        many, stop = number_run(data, start, end, classes)
                        numbers_until = stop
                        if many >= MIN_DIGITS:
                            may_be = _number_classes(data, base, start, stop, end, words, plan, regions, work)
                            if every_number:
                                may_be |= MAY_BE_PHONE | MAY_BE_CARD
                            if may_be:
                                found, count = _put(found, count, row, start - base, stop - base, np.int64(may_be))
                    if not letters and digits <= 3 and i < end and data[i] == 46:
                        stop = -1 if follows_number(data, base, start) else ipv4_end(data, start, end)
                        named = every_number or words[ADDRESS] >= start - BEFORE_BYTES
                        if stop > 0 and (named or is_like_address(data, base, start, stop, end)):
                            found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_IPV4))
                    first = data[start]
                    if i - start == 4 and (first == 50 or first == 51) and i < end and data[i] == 58:
                        stop = ipv6_end(data, start, end)
                        if stop > 0 and (start == base or data[start - 1] != 58):
                            found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_IPV6))
                elif digits >= 2 and letters >= 2:
                    stop = iban_end(data, start, end)
                    if stop > 0:
                        found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_IBAN))
                if letters and may_be_crypto(data, start, i):
                    bits |= MAY_BE_CRYPTO
                if letters and may_be_fiscal_code(data, start, i):
                    bits |= MAY_BE_FISCAL_CODE
            stop = key_end(data, start, i, end, digits, letters)
            if stop > 0:
                bits, until = bits | MAY_BE_KEY, stop
            if letters:
                first_byte, stop = given_value(data, base, start, i, end)
                if stop > 0:
                    found, count = _put(
                        found, count, row, first_byte - base, stop - base, np.int64(MAY_BE_NAMED_SECRET)
                    )
            if bits:
                found, count = _put(found, count, row, start - base, until - base, np.int64(bits))
    return found, count
