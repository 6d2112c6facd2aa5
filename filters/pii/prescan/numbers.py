# mypy: disallow-untyped-defs=False
"""Rows of numbers: where one begins and ends, and whether any part of it is written like a value.

Most numbers are nobody's. A row is worth a look beside a word for telephones or cards; without one, only where its groups
are a telephone number that the numbering plans know, a card number with its check digit, or a dashed social security
number. What is tried is any sequence of groups that a recogniser could take for one.
"""

import numpy as np
from gristmill.filters.pii.cards import ISSUER_RANGES, MAX_CARD_DIGITS, MIN_CARD_DIGITS
from gristmill.filters.pii.kinds import MAY_BE_CARD, MAY_BE_PHONE, MAY_BE_SOCIAL_SECURITY
from gristmill.filters.pii.numbering_plan.parse import is_of_region, region_of
from gristmill.filters.pii.phones.dialled import (
    AMERICAN_CODE,
    MAX_NATIONAL_DIGITS,
    MIN_INTERNATIONAL_DIGITS,
    MIN_NATIONAL_DIGITS,
    MIN_OPENED_DIGITS,
)
from gristmill.filters.pii.prescan.characters import DIGIT, LETTER, UNDERSCORE, is_of
from gristmill.filters.text.unicode_tables import ALNUM, DECIMAL
from gristmill.kernels.compile import helper
from gristmill.kernels.utf8 import next_code_point

MIN_DIGITS = 7
MAX_GAP = 4  # characters between two numbers of one row, as in libphonenumber
GAP = np.zeros(256, np.bool_)
GAP[list(b" -.()[]/~+")] = True
MAX_AMERICAN_DIGITS = 11  # with the 1 in front
_ISSUERS = np.array(ISSUER_RANGES, np.int64)


@helper
def number_run(data, start, end, classes):
    """(digits, end of the row) of numbers from `start`: decimal digits of any script, at most MAX_GAP marks between.

    A number that runs into a letter ends the row; what stands before the extension `x12`, or before a word that has lost
    its blank (`8264Sales`), belongs to it.
    """
    digits = 0
    i = start
    stop = start
    while True:
        here = 0
        j = i
        while j < end:
            byte = data[j]
            if is_of(byte, DIGIT):
                here += 1
                j += 1
            elif byte >= 128:
                cp, after = next_code_point(data, j)
                if classes[cp] & DECIMAL == 0:
                    break
                here += 1
                j = after
            else:
                break
        if here == 0:
            break
        if j < end and is_of(data[j], LETTER | UNDERSCORE):
            extended = data[j] | 0x20 == 120 and j + 1 < end and is_of(data[j + 1], DIGIT)
            glued = 65 <= data[j] <= 90 and j + 1 < end and 97 <= data[j + 1] <= 122
            if extended or (glued and digits > 0):
                digits += here
                stop = j
            elif digits == 0:
                return 0, j
            break
        digits += here
        stop = j
        gap = 0
        while j < end and gap <= MAX_GAP:
            byte = data[j]
            if byte < 128:
                if not GAP[byte]:
                    break
                j += 1
            else:
                cp, after = next_code_point(data, j)
                if classes[cp] & (ALNUM | DECIMAL) or cp == 0x2028 or cp == 0x2029 or cp == 0x85:
                    break
                j = after
            gap += 1
        if gap > MAX_GAP:
            break
        i = j
    return digits, stop


@helper
def number_bits(data, base, start, stop, card_named, plan, regions, work):
    """What the row data[start:stop] of a text that begins at `base` can hold without a word for it; bits of MAY_BE_*.

    A row with digits of another script is not looked into: it can be a telephone or a card number.
    regions: rows of the numbering plan in which a number without a country code is read. card_named: whether a word for
    cards stands near. work: room for MAX_CARD_DIGITS digits.
    """
    bits = 0
    previous = -2  # the end of the group before
    i = start
    while i < stop:
        if data[i] >= 128:
            if _is_foreign_digit(data, i):
                return MAY_BE_PHONE | MAY_BE_CARD
            i += 1
        elif is_of(data[i], DIGIT):
            first = i
            while i < stop and is_of(data[i], DIGIT):
                i += 1
            follows = first - previous == 1 and data[previous] == 32
            bits |= _groups_from(data, base, first, i - first, stop, follows, card_named, plan, regions, work)
            previous = i
        else:
            i += 1
    return bits


@helper
def _is_foreign_digit(data, i):
    """Whether a byte begins a character that is no blank, dash or other mark that typesetting puts into numbers."""
    if data[i] & 0xC0 == 0x80:
        return False
    cp, _ = next_code_point(data, i)
    return not (
        cp < 0x100 or 0x2000 <= cp <= 0x2BFF or 0x3000 <= cp <= 0x303F or cp == 0x30FB or cp == 0x30FC
    ) and not (0xFF08 <= cp <= 0xFF0F)


@helper
def _groups_from(data, base, first, size, stop, follows, card_named, plan, regions, work):
    """What the groups that begin with data[first : first + size] can be, however many of those behind belong to them.

    follows: one blank stands between the group and the one before.
    """
    joined = _is_joined(data, base, first)
    plus = not joined and _is_behind_plus(data, base, first)
    opened = first > base and (data[first - 1] == 40 or data[first - 1] == 91 or data[first - 1] >= 128)
    zero = not joined and data[first] == 48 and size > 1
    american = not joined and ((size == 3 and data[first] >= 50) or (size == 1 and data[first] == 49))
    card = size == 4 or size >= MIN_CARD_DIGITS
    if not (plus or opened or zero or american or card or size == 3):
        return 0
    bits = 0
    groups, total, before_last, last = 0, 0, 0, 0  # the sizes of the two groups before the one that is read
    spaced, blank, dashed, pairs = True, True, True, True  # what all marks, or all groups, are so far
    i = first
    while i < stop:
        begin = i
        while i < stop and is_of(data[i], DIGIT):
            if total == MAX_CARD_DIGITS:
                return bits
            work[total] = data[i] - 48
            total += 1
            i += 1
        here = i - begin
        groups += 1
        pairs = pairs and here == 2
        after, gap = _next_group(data, i, stop)
        leads = gap == 1 and data[i] == 32
        in_row = blank and not opened and (follows or leads)
        if (plus and total >= MIN_INTERNATIONAL_DIGITS) or (opened and groups > 2 and total >= MIN_OPENED_DIGITS):
            bits |= MAY_BE_PHONE
        elif not in_row and (zero or opened or (american and not blank)):
            american_groups = groups > 2 and here == 4 and last == 3 and before_last == 3
            if _is_dialled(plan, regions, work, total, groups, zero, opened, pairs, american_groups):
                bits |= MAY_BE_PHONE
        if groups == 3 and here == 4 and last == 2 and before_last == 3 and dashed:
            bits |= MAY_BE_SOCIAL_SECURITY
        if card and spaced and total >= MIN_CARD_DIGITS and (groups == 1 or total - here >= 8):
            alone = not (follows and leads) or (dashed and groups > 1) or _is_month(data, after, stop)
            if (card_named or (alone and _has_issuer(work, total))) and _passes_luhn(work, total):
                bits |= MAY_BE_CARD
        if after < 0:
            break
        spaced = spaced and gap == 1
        blank = blank and leads
        dashed = dashed and gap == 1 and (data[i] == 45 or data[i] >= 128)
        before_last, last = last, here
        i = after
    return bits


@helper
def _is_dialled(plan, regions, work, total, groups, zero, opened, pairs, american_groups):
    """Whether the digits are a number that is dialled without a `+`: with 00, in America, in pairs, or in a region."""
    if zero and work[1] == 0 and total >= MIN_INTERNATIONAL_DIGITS + 2:
        return True
    if (
        american_groups
        and total <= MAX_AMERICAN_DIGITS
        and region_of(plan, work, total - 10, total, AMERICAN_CODE) >= 0
    ):
        return True
    if groups < 2 or not (zero or opened) or total < MIN_NATIONAL_DIGITS or total > MAX_NATIONAL_DIGITS:
        return False
    return (pairs and groups == 5) or _is_national(plan, regions, work, total)


@helper
def _next_group(data, i, stop):
    """(start of the next group, characters between); -1: none so near."""
    gap = 0
    while i < stop and gap <= MAX_GAP:
        if is_of(data[i], DIGIT):
            return i, gap
        if data[i] & 0xC0 != 0x80:
            gap += 1
        i += 1
    return -1, gap


@helper
def _is_joined(data, base, first):
    """Whether a mark joins the group to a letter or digit before it, so that no telephone number begins here."""
    if first - 2 < base:
        return False
    mark = data[first - 1]
    return (mark == 46 or mark == 45) and is_of(data[first - 2], DIGIT | LETTER)


@helper
def _is_month(data, start, stop):
    """Whether the group at `start` can be a month with a slash and a year behind: the card's, not a row of numbers."""
    while start < stop and is_of(data[start], DIGIT):
        start += 1
    return start == stop or data[start] == 47


@helper
def _is_behind_plus(data, base, first):
    """Whether a plus sign stands before `first`, a blank or a bracket between at most."""
    i = first - 1
    for _ in range(3):
        if i < base:
            return False
        if data[i] == 43 or (data[i] == 0x8B and i >= base + 2 and data[i - 1] == 0xBC and data[i - 2] == 0xEF):
            return True
        if data[i] != 32 and data[i] != 40 and data[i] != 91 and data[i] < 128:
            return False
        i -= 1
    return False


@helper
def _is_national(plan, regions, work, total):
    """Whether the digits, with or without a zero in front, are a number of one of the regions."""
    for k in range(len(regions)):
        if is_of_region(plan, work, 0, total, regions[k]):
            return True
        if work[0] == 0 and is_of_region(plan, work, 1, total, regions[k]):
            return True
    return False


@helper
def _has_issuer(work, total):
    """Whether the first digits are an issuer's that gives cards of this length."""
    for k in range(len(_ISSUERS)):
        size = _ISSUERS[k, 0]
        value = 0
        for d in range(size):
            value = value * 10 + work[d]
        if _ISSUERS[k, 1] <= value <= _ISSUERS[k, 2] and _ISSUERS[k, 3] >> total & 1:
            return True
    return False


@helper
def _passes_luhn(work, total):
    doubled_sum = 0
    for k in range(total):
        value = work[total - 1 - k] * (1 + k % 2)
        doubled_sum += value - 9 if value > 9 else value
    return doubled_sum % 10 == 0
