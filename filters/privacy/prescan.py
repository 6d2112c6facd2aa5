# mypy: disallow-untyped-defs=False
"""The compiled pre-scan: which spans of a text can hold personal data or a secret; everything else is never looked at.

A text is read once as words (`[A-Za-z0-9_]+`) and what is between them. A candidate needs no more than a shape: an `@`
between the right characters, seven digits in a row of numbers, `://...:...@`, four numbers with dots, the first letters
of a kind of key. The recognisers decide; the pre-scan may only be too generous. `tests/filters/privacy` holds the same
rules in plain Python.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.filters.privacy.kinds import (
    MAY_BE_CRYPTO,
    MAY_BE_EMAIL,
    MAY_BE_IBAN,
    MAY_BE_ID,
    MAY_BE_IPV4,
    MAY_BE_IPV6,
    MAY_BE_NUMBER,
    MAY_BE_SECRET,
    MAY_BE_URL_CREDENTIALS,
)
from gristmill.filters.text.unicode_tables import ALNUM, CLASS, DECIMAL
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import next_code_point

MIN_NUMBER_DIGITS = 7
MAX_GAP = 4  # characters between two numbers of one phone number, as in libphonenumber
MAX_CREDENTIALS_BYTES = 256
MAX_EMAIL_BYTES = 320  # RFC 5321: 64 before the @, 255 after it
MIN_CRYPTO_CHARACTERS = 26
MIN_ID_DIGITS = 5
ID_CHARACTERS = (7, 18)

DIGIT, LETTER, UNDERSCORE, LOCAL, HEX = 1, 2, 4, 8, 16
BYTES = np.zeros(256, np.uint8)
for _byte in range(256):
    _character = chr(_byte)
    if _character in "0123456789":
        BYTES[_byte] = DIGIT | HEX | LOCAL
    elif "a" <= _character.lower() <= "z" and _byte < 128:
        BYTES[_byte] = LETTER | LOCAL | (HEX if _character.lower() in "abcdef" else 0)
    elif _character == "_":
        BYTES[_byte] = UNDERSCORE | LOCAL
    elif _character in "!#$%&'*+-/=?^`{|}~." or _byte >= 128:
        BYTES[_byte] = LOCAL
WORD = DIGIT | LETTER | UNDERSCORE
_GAP = np.zeros(256, np.bool_)
_GAP[list(b" -.()[]/~+")] = True

# Beginnings of words that are keys whatever follows; the recognisers ask for the rest.
KEY_PREFIXES = """
    AKIA ASIA ABIA ACCA A3T AGPA AIDA AROA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat glrt gldt glft glsoat glimt
    glagent glcbt glptt GR1348941 gloas xox xapp hooks eyJ sk_live rk_live sk_test rk_test pk_live sk SG sq0 pypi npm_
    AIza ya29 hf_ AKC AP AccountKey EAAA dop_v1_ shpat_ shpss_ key BEGIN AC SK dckr_pat_ lin_api_ tfp_
    _authToken discord discordapp M N O
""".split()  # noqa: SIM905
SHORT_PREFIXES = ("sk", "SG", "AP", "AC", "SK", "M", "N", "O", "AKC", "key")  # only in long or punctuated words
# Parts of names of variables that hold secrets.
SECRET_NAMES = "pass pwd secret token apikey api_key _key auth credential accesskey privatekey".split()  # noqa: SIM905


def _packed(words):
    """(bytes, offsets, buckets) of the sorted words: those that begin with byte b are buckets[b] .. buckets[b + 1]."""
    encoded = sorted(word.encode() for word in words)
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    buckets = np.searchsorted([word[0] for word in encoded], np.arange(257)).astype(np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8).copy(), offsets, buckets


_PREFIX_DATA, _PREFIX_OFFSETS, _PREFIX_BUCKETS = _packed(set(KEY_PREFIXES) - set(SHORT_PREFIXES))
_SHORT_DATA, _SHORT_OFFSETS, _SHORT_BUCKETS = _packed(SHORT_PREFIXES)
_NAME_DATA, _NAME_OFFSETS, _NAME_BUCKETS = _packed(SECRET_NAMES)
MIN_KEY_BYTES = 20


class Candidates(NamedTuple):
    """Spans in UTF-8 bytes of the row's text, by row, then start; `classes` are bits of kinds.MAY_BE_*."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    classes: np.ndarray


def candidates(texts: pa.Array) -> Candidates:
    """Every span that can hold something; a null text has none."""
    data, offsets = string_buffers(texts)
    found, count = _scan(data, offsets, CLASS)
    order = np.lexsort((found[3, :count], found[2, :count], found[1, :count], found[0, :count]))
    return Candidates(*(found[i, :count][order] for i in range(4)))


@helper
def _is(byte, mask):
    return BYTES[byte] & mask != 0


@kernel
def _begins_with(data, start, end, words, offsets, buckets):
    """Whether one of the packed words stands at data[start:end]."""
    for w in range(buckets[data[start]], buckets[data[start] + 1]):
        size = offsets[w + 1] - offsets[w]
        if start + size > end:
            continue
        k = 1
        while k < size and data[start + k] == words[offsets[w] + k]:
            k += 1
        if k == size:
            return True
    return False


@helper
def _holds_secret_name(data, start, end):
    """Whether the word data[start:end], its letters lower-cased, contains one of SECRET_NAMES."""
    for i in range(start, end):
        lowered = data[i] if data[i] == 95 else data[i] | 0x20
        for w in range(_NAME_BUCKETS[lowered], _NAME_BUCKETS[lowered + 1]):
            size = _NAME_OFFSETS[w + 1] - _NAME_OFFSETS[w]
            if i + size > end:
                continue
            k = 1
            while k < size:
                byte = data[i + k]
                if (byte if byte == 95 else byte | 0x20) != _NAME_DATA[_NAME_OFFSETS[w] + k]:
                    break
                k += 1
            if k == size:
                return True
    return False


@helper
def _line_end(data, start, end, most):
    """The end of the line that data[start] is in, at most `most` bytes on, on a character boundary."""
    stop = min(end, start + most)
    i = start
    while i < stop and data[i] != 10 and data[i] != 13:
        i += 1
    while i < end and data[i] & 0xC0 == 0x80:
        i += 1
    return i


@helper
def _joined_length(data, start, end):
    """Bytes from `start` of words joined by `-` and `.`, no more than are asked for."""
    i = start
    while i < end and i < start + MIN_KEY_BYTES and (_is(data[i], WORD) or data[i] == 45 or data[i] == 46):
        i += 1
    return i - start


@helper
def _assignment_end(data, end, limit):
    """Where the value ends that a name ending at `end` is given (`name = value`, `"name": value`), or -1."""
    i = end
    while i < limit and i < end + 6 and (data[i] == 32 or data[i] == 34 or data[i] == 39 or data[i] == 93):
        i += 1
    if i < limit and (data[i] == 61 or data[i] == 58):
        return _line_end(data, i, limit, 400)
    return -1


@helper
def _email_span(data, at, first, end):
    """(start, end) of what may be an address around the @ at `at`; (-1, -1): none."""
    start = at
    while start > first and start > at - MAX_EMAIL_BYTES and _is(data[start - 1], LOCAL):
        start -= 1
    if start == at or at + 1 >= end or not (_is(data[at + 1], WORD) or data[at + 1] >= 128):
        return -1, -1
    stop = at + 1
    dot = False
    while stop < end and stop < at + MAX_EMAIL_BYTES:
        byte = data[stop]
        if byte == 46:
            if stop + 1 < end and (_is(data[stop + 1], WORD) or data[stop + 1] >= 128):
                dot = True
            else:
                break
        elif not (_is(byte, WORD) or byte >= 128 or byte == 45):
            break
        stop += 1
    while start < at and data[start] & 0xC0 == 0x80:
        start += 1
    while stop < end and data[stop] & 0xC0 == 0x80:
        stop += 1
    if not dot:
        return -1, -1
    return start, stop


@helper
def _credentials_end(data, start, end):
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
def _number_run(data, start, end, classes):
    """(digits, end of the run) of numbers from `start`: decimal digits of any script, at most MAX_GAP marks between.

    A number that runs into a letter ends the run; the extension `x12` and leading zeros of any length belong to it.
    """
    digits = 0
    i = start
    stop = start
    while True:
        here = 0
        j = i
        while j < end:
            byte = data[j]
            if _is(byte, DIGIT):
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
        if j < end and _is(data[j], LETTER | UNDERSCORE):
            if data[j] | 0x20 == 120 and j + 1 < end and _is(data[j + 1], DIGIT):
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
                if not _GAP[byte]:
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
def _follows_number(data, base, start):
    """Whether a digit and a dot stand before `start`."""
    return start >= base + 2 and data[start - 1] == 46 and _is(data[start - 2], DIGIT)


@helper
def _ipv4_end(data, start, end):
    """The end of four numbers of one to three digits with dots at `start`, or -1."""
    i = start
    for part in range(4):
        first = i
        while i < end and i < first + 3 and _is(data[i], DIGIT):
            i += 1
        if i == first:
            return -1
        if part < 3:
            if i >= end or data[i] != 46:
                return -1
            i += 1
    if i < end and _is(data[i], WORD):
        return -1
    return i


@helper
def _ipv6_end(data, start, end):
    """The end of hexadecimal groups with colons at `start`, with `::` or seven colons; -1: no such run."""
    colons, double = 0, False
    i = start
    while i < end and (_is(data[i], HEX) or data[i] == 58 or data[i] == 46):
        if data[i] == 58:
            colons += 1
            double = double or (i > start and data[i - 1] == 58)
        i += 1
    if double or colons >= 7:
        return i
    return -1


@helper
def _iban_end(data, start, end):
    """The end of letters and digits in groups from `start`, which has two letters and two digits; -1: fewer than 15."""
    if start + 4 > end or not (_is(data[start], LETTER) and _is(data[start + 1], LETTER)):
        return -1
    if not (_is(data[start + 2], DIGIT) and _is(data[start + 3], DIGIT)):
        return -1
    count, digits, i, stop = 4, 2, start + 4, start + 4
    while i < end and count < 40:
        if _is(data[i], DIGIT | LETTER):
            count += 1
            digits += _is(data[i], DIGIT)
            i += 1
            stop = i
        elif (data[i] == 32 or data[i] == 45) and i + 1 < end and _is(data[i + 1], DIGIT | LETTER):
            i += 1
        else:
            break
    if count < 15 or digits < 8:
        return -1
    return stop


@kernel
def _put(found, count, row, start, end, bits):
    """`found` (4 x capacity), grown when it is full, with one span more.

    `bits` is an int64: numba would compile this once for every literal that it is called with.
    """
    if count == found.shape[1]:
        larger = np.empty((4, 2 * count), np.int64)
        larger[:, :count] = found
        found = larger
    found[0, count], found[1, count], found[2, count], found[3, count] = row, start, end, bits
    return found, count + 1


@helper
def _word_classes(data, start, stop, end, digits, letters):
    """(bits, end) for the word data[start:stop] of a text that ends at `end`."""
    size = stop - start
    bits = 0
    until = stop
    if size >= MIN_CRYPTO_CHARACTERS and letters and digits:
        hexadecimal = size == 42 and data[start] == 48 and data[start + 1] == 120
        prefix = data[start] == 49 or data[start] == 51 or (data[start] | 0x20 == 98 and data[start + 1] | 0x20 == 99)
        if hexadecimal or prefix:
            bits |= MAY_BE_CRYPTO
    if letters and digits >= MIN_ID_DIGITS and ID_CHARACTERS[0] <= size <= ID_CHARACTERS[1]:
        bits |= MAY_BE_ID
    if letters:
        known = _begins_with(data, start, end, _PREFIX_DATA, _PREFIX_OFFSETS, _PREFIX_BUCKETS)
        continued = stop < end and (data[stop] == 45 or data[stop] == 46)
        if not known and ((size >= MIN_KEY_BYTES and digits) or continued):
            known = _begins_with(data, start, end, _SHORT_DATA, _SHORT_OFFSETS, _SHORT_BUCKETS) and (
                (size >= MIN_KEY_BYTES and digits) or _joined_length(data, start, end) >= MIN_KEY_BYTES
            )
        if not known and size == 32 and digits and stop + 4 <= end and data[stop] == 45:
            known = data[stop + 1] == 117 and data[stop + 2] == 115 and _is(data[stop + 3], DIGIT)
        if not known and stop < end and (data[stop] in (32, 34, 39, 58, 61, 93)):
            value_end = _assignment_end(data, stop, end)
            if value_end > 0 and _holds_secret_name(data, start, stop):
                bits |= MAY_BE_SECRET
                until = value_end
        if known:
            bits |= MAY_BE_SECRET
            until = _line_end(data, stop, end, 256)
    elif 8 <= digits <= 10 and stop + 36 <= end and data[stop] == 58 and _is(data[stop + 1], LETTER):
        bits |= MAY_BE_SECRET  # a bot's number and its token
        until = _line_end(data, stop, end, 64)
    return bits, until


@kernel
def _scan(data, offsets, classes):
    found = np.empty((4, 1024), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        base, end = offsets[row], offsets[row + 1]
        i = base
        numbers_until = base  # digits before this are part of a run already seen
        while i < end:
            byte = data[i]
            if not _is(byte, WORD):
                if byte == 64:
                    start, stop = _email_span(data, i, base, end)
                    if start >= 0:
                        found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_EMAIL))
                elif byte == 58 and i + 3 < end and data[i + 1] == 47 and data[i + 2] == 47:
                    stop = _credentials_end(data, i + 3, end)
                    if stop > 0:
                        found, count = _put(
                            found, count, row, i + 3 - base, stop - base, np.int64(MAY_BE_URL_CREDENTIALS)
                        )
                elif byte >= 128:
                    cp, after = next_code_point(data, i)
                    if classes[cp] & DECIMAL and i >= numbers_until:
                        many, stop = _number_run(data, i, end, classes)
                        numbers_until = max(stop, after)
                        if many >= MIN_NUMBER_DIGITS:
                            found, count = _put(found, count, row, i - base, stop - base, np.int64(MAY_BE_NUMBER))
                    i = after
                    continue
                i += 1
                continue
            start, digits, letters = i, 0, 0
            while i < end and _is(data[i], WORD):
                if _is(data[i], DIGIT):
                    digits += 1
                else:
                    letters += 1
                i += 1
            if digits:
                if _is(data[start], DIGIT):
                    if start >= numbers_until:
                        many, stop = _number_run(data, start, end, classes)
                        numbers_until = stop
                        if many >= MIN_NUMBER_DIGITS:
                            found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_NUMBER))
                    if (
                        not letters
                        and digits <= 3
                        and i < end
                        and data[i] == 46
                        and not _follows_number(data, base, start)
                    ):
                        stop = _ipv4_end(data, start, end)
                        if stop > 0:
                            found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_IPV4))
                    first = data[start]
                    if i - start == 4 and (first == 50 or first == 51) and i < end and data[i] == 58:
                        stop = _ipv6_end(data, start, end)
                        if stop > 0 and (start == base or data[start - 1] != 58):
                            found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_IPV6))
                elif digits >= 2 and letters >= 2:
                    stop = _iban_end(data, start, end)
                    if stop > 0:
                        found, count = _put(found, count, row, start - base, stop - base, np.int64(MAY_BE_IBAN))
            bits, stop = _word_classes(data, start, i, end, digits, letters)
            if bits:
                found, count = _put(found, count, row, start - base, stop - base, bits)
    return found, count
