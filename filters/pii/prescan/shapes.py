# mypy: disallow-untyped-defs=False
"""Shapes of addresses, accounts and URLs: each function answers where what may be one ends."""

from gristmill.filters.pii.prescan.characters import DIGIT, HEX, LETTER, LOCAL, WORD, is_of
from gristmill.kernels.compile import helper

MAX_CREDENTIALS_BYTES = 256
MAX_EMAIL_BYTES = 320  # RFC 5321: 64 before the @, 255 after it
MIN_CRYPTO_CHARACTERS = 26
MIN_IBAN_CHARACTERS, MAX_IBAN_CHARACTERS = 15, 40
FISCAL_CODE_CHARACTERS = 16


@helper
def email_span(data, at, behind, first, end):
    """(start, end) of what may be an address around the @ at data[at:behind]; (-1, -1): none."""
    start = at
    while start > first and start > at - MAX_EMAIL_BYTES and is_of(data[start - 1], LOCAL):
        start -= 1
    if start == at or behind >= end or not (is_of(data[behind], WORD) or data[behind] >= 128):
        return -1, -1
    stop = behind
    dot = False
    while stop < end and stop < at + MAX_EMAIL_BYTES:
        byte = data[stop]
        if byte == 46:
            if stop + 1 < end and (is_of(data[stop + 1], WORD) or data[stop + 1] >= 128):
                dot = True
            else:
                break
        elif not (is_of(byte, WORD) or byte >= 128 or byte == 45):
            break
        elif byte == 0xEF and stop + 3 < end and data[stop + 1] == 0xBC and data[stop + 2] == 0x8E:  # full-width dot
            dot = True
        stop += 1
    while start < at and data[start] & 0xC0 == 0x80:
        start += 1
    while stop < end and data[stop] & 0xC0 == 0x80:
        stop += 1
    if not dot:
        return -1, -1
    return start, stop


@helper
def credentials_end(data, start, end):
    """The end of `user:password@` from `start`, behind `://`; -1 when there is none."""
    colon = False
    for i in range(start, min(end, start + MAX_CREDENTIALS_BYTES)):
        byte = data[i]
        if byte == 64:
            return i + 1 if colon and i > start else -1
        if byte <= 32 or byte == 47 or byte == 34 or byte == 60 or byte == 62:
            return -1
        if byte == 58:
            colon = True
    return -1


@helper
def follows_number(data, base, start):
    """Whether a digit and a dot stand before `start`."""
    return start >= base + 2 and data[start - 1] == 46 and is_of(data[start - 2], DIGIT)


@helper
def ipv4_end(data, start, end):
    """The end of four numbers of one to three digits with dots at `start`, or -1."""
    i = start
    for part in range(4):
        first = i
        while i < end and i < first + 3 and is_of(data[i], DIGIT):
            i += 1
        if i == first:
            return -1
        if part < 3:
            if i >= end or data[i] != 46:
                return -1
            i += 1
    if i < end and is_of(data[i], WORD):
        return -1
    return i


@helper
def is_like_address(data, base, start, stop, end):
    """Whether a part of the four numbers is large, or what stands beside them belongs to an address, not a version."""
    before = data[start - 1] if start > base else 0
    after = data[stop] if stop < end else 0
    if before == 47 or before == 64 or before == 91 or after == 47 or after == 58:
        return True
    for i in range(start, stop - 2):
        if is_of(data[i], DIGIT) and is_of(data[i + 1], DIGIT) and is_of(data[i + 2], DIGIT):
            return True
    return False


@helper
def ipv6_end(data, start, end):
    """The end of hexadecimal groups with colons at `start`, with `::` or seven colons; -1: no such run."""
    colons, double = 0, False
    i = start
    while i < end and (is_of(data[i], HEX) or data[i] == 58 or data[i] == 46):
        if data[i] == 58:
            colons += 1
            double = double or (i > start and data[i - 1] == 58)
        i += 1
    if double or colons >= 7:
        return i
    return -1


@helper
def iban_end(data, start, end):
    """The end of letters and digits in groups from `start`, which has two letters and two digits; -1: fewer than 15.

    An IBAN of Malta or Saint Lucia may hold no other digits.
    """
    if start + 4 > end or not (is_of(data[start], LETTER) and is_of(data[start + 1], LETTER)):
        return -1
    if not (is_of(data[start + 2], DIGIT) and is_of(data[start + 3], DIGIT)):
        return -1
    count, i, stop = 4, start + 4, start + 4
    while i < end and count < MAX_IBAN_CHARACTERS:
        if is_of(data[i], DIGIT | LETTER):
            count += 1
            i += 1
            stop = i
        else:
            after = _behind_mark(data, i, end)
            if after < 0 or after >= end or not is_of(data[after], DIGIT | LETTER):
                break
            i = after
    return stop if count >= MIN_IBAN_CHARACTERS else -1


@helper
def _behind_mark(data, i, end):
    """The position behind the blank or dash of any kind at data[i], or -1."""
    if data[i] == 32 or data[i] == 45:
        return i + 1
    if data[i] == 0xC2 and i + 1 < end and data[i + 1] == 0xA0:
        return i + 2
    if i + 2 < end and ((data[i] == 0xE2 and data[i + 1] == 0x80) or (data[i] == 0xE3 and data[i + 1] == 0x80)):
        return i + 3
    return -1


@helper
def may_be_crypto(data, start, stop):
    """Whether the word data[start:stop], or its part behind an underscore, begins like an address and is long enough."""
    for i in range(start, stop - MIN_CRYPTO_CHARACTERS + 1):
        if i > start and data[i - 1] != 95:
            continue
        if data[i] == 49 or data[i] == 51 or (data[i] | 0x20 == 98 and data[i + 1] | 0x20 == 99):
            return True
        if data[i] == 48 and data[i + 1] == 120 and stop - i == 42:
            return True
    return False


@helper
def may_be_fiscal_code(data, start, stop):
    """Whether the word has the length of an Italian fiscal code, six letters in front and one at the end."""
    if stop - start != FISCAL_CODE_CHARACTERS or not is_of(data[stop - 1], LETTER):
        return False
    for i in range(start, start + 6):  # noqa: SIM110 (numba compiles no generator)
        if not is_of(data[i], LETTER):
            return False
    return True
