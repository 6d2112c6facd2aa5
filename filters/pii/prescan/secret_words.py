# mypy: disallow-untyped-defs=False
"""Where a secret may begin: the first letters of a kind of key, and names that say secret with something given to them."""

import numpy as np
from gristmill.filters.pii.prescan.characters import DIGIT, LOWERED, WORD, is_of
from gristmill.kernels.compile import helper, kernel

# Beginnings of words that are keys whatever follows; the recognisers ask for the rest.
KEY_PREFIXES = """
    AKIA ASIA ABIA ACCA A3T AGPA AIDA AROA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat glrt gldt glft glsoat glimt
    glagent glcbt glptt GR1348941 gloas xox xapp hooks eyJ sk_live rk_live sk_test rk_test pk_live sk SG sq0 pypi npm_
    AIza ya29 hf_ AKC AP AccountKey EAAA dop_v1_ shpat_ shpss_ key BEGIN AC SK dckr_pat_ lin_api_ tfp_
    _authToken discord discordapp M N O
""".split()  # noqa: SIM905
SHORT_PREFIXES = ("sk", "SG", "AP", "AC", "SK", "M", "N", "O", "AKC", "key")  # only in long or punctuated words
# Parts of names that hold secrets, in lower case with `_` between words; those of passwords may be given theirs by a blank.
PASSWORD_NAMES = tuple(
    """
    pass pwd pw psw psk mdp parool kennwort contrasen clave senha palavra mot wachtwoord parola haslo heslo losenord
    adgangskode jelszo salasana sifre lozinka sandi identified login curl mysql
    """.split()  # noqa: SIM905
)
SECRET_NAMES = (
    *PASSWORD_NAMES,
    *["secret", "token", "apikey", "api_key", "_key", "auth", "credential", "accesskey", "privatekey", "bearer"],
)
# Names with letters beyond ASCII: what is looked for begins with the first of these letters.
FOREIGN_NAMES = tuple(
    """
    contraseña hasło lösenord şifre пароль парол κωδικός 密码 密碼 口令 パスワード 暗証番号 비밀번호 암호 المرور السر סיסמה
    รหัสผ่าน पासवर्ड khẩu
    """.split()  # noqa: SIM905
)
MIN_KEY_BYTES = 20
MAX_NAME_BYTES = 64
MAX_FOREIGN_GAP = 32  # bytes between a name in letters beyond ASCII and a digit: a word or a dash may stand between
MAX_TAG_BYTES = 64  # between a name in a tag and its `>`, or the `=` of another attribute
MAX_MARKS = 8  # bytes between a name and its `=` or `:`
MAX_VALUE_BYTES, MAX_BLANK_VALUE_BYTES = 400, 64


def _packed(words):
    """(bytes, offsets, buckets) of the sorted words: those that begin with byte b are buckets[b] .. buckets[b + 1]."""
    encoded = sorted({word.encode() for word in words})
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    buckets = np.searchsorted([word[0] for word in encoded], np.arange(257)).astype(np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8).copy(), offsets, buckets


def foreign_tails(name: str) -> set[str]:
    """What is looked for of a name: from its first letter beyond ASCII, in each case.

    >>> sorted(foreign_tails("contraseña"))
    ['ÑA', 'ña']
    """
    first = next(i for i, letter in enumerate(name) if not letter.isascii())
    return {form[first:] for form in (name, name.upper(), name.capitalize())}


_LONG_PREFIXES = sorted(set(KEY_PREFIXES) - set(SHORT_PREFIXES))
_PREFIX_STARTS = np.zeros(
    1 << 16, np.bool_
)  # of two bytes, the first in front: whether a longer prefix begins with them
_PREFIX_STARTS[[ord(prefix[0]) << 8 | ord(prefix[1]) for prefix in _LONG_PREFIXES]] = True
_PREFIX_DATA, _PREFIX_OFFSETS, _PREFIX_BUCKETS = _packed(_LONG_PREFIXES)
_SHORT_DATA, _SHORT_OFFSETS, _SHORT_BUCKETS = _packed(SHORT_PREFIXES)
_NAME_DATA, _NAME_OFFSETS, _NAME_BUCKETS = _packed(SECRET_NAMES)
_PASSWORD_DATA, _PASSWORD_OFFSETS, _PASSWORD_BUCKETS = _packed(PASSWORD_NAMES)
_FOREIGN_DATA, _FOREIGN_OFFSETS, _FOREIGN_BUCKETS = _packed(
    {tail for name in FOREIGN_NAMES for tail in foreign_tails(name)}
)
_MARK = np.zeros(256, np.bool_)  # what may stand between a name and its `=` or `:`
_MARK[list(b" \t\"'`*])\\_")] = True
_LAST_TWO = np.zeros(1 << 16, np.bool_)  # letters that a name may end with whose value comes behind a blank
for _name in (*PASSWORD_NAMES, "password", "passphrase", "passcode", "passwort", "passwd", "bearer"):
    _LAST_TWO[ord(_name[-2]) << 8 | ord(_name[-1])] = True
_GIVES = np.zeros(256, np.bool_)  # what gives a value to a name
_GIVES[list(b"=:>|(,")] = True


@kernel
def _begins_with(data, start, end, words, offsets, buckets):
    """The size of the longest packed word that stands at data[start:end], or 0."""
    longest = 0
    for w in range(buckets[data[start]], buckets[data[start] + 1]):
        size = offsets[w + 1] - offsets[w]
        if start + size > end:
            continue
        k = 1
        while k < size and data[start + k] == words[offsets[w] + k]:
            k += 1
        if k == size:
            longest = size  # sorted: a longer one comes later
    return longest


@helper
def _holds_name(data, start, end, words, offsets, buckets):
    """Whether data[start:end], its letters lower-cased and its dashes as `_`, contains one of the packed words."""
    for i in range(start, end):
        first = 95 if data[i] == 45 else LOWERED[data[i]]
        for w in range(buckets[first], buckets[first + 1]):
            size = offsets[w + 1] - offsets[w]
            if i + size > end:
                continue
            k = 1
            while k < size and (95 if data[i + k] == 45 else LOWERED[data[i + k]]) == words[offsets[w] + k]:
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
    while i < end and i < start + MIN_KEY_BYTES and (is_of(data[i], WORD) or data[i] == 45 or data[i] == 46):
        i += 1
    return i - start


@helper
def key_end(data, start, stop, end, digits, letters):
    """Where what may be a key with its first letters in the word data[start:stop] ends; -1: none."""
    size = stop - start
    if not letters:
        if 8 <= digits <= 10 and stop + 36 <= end and data[stop] == 58 and is_of(data[stop + 1], WORD):
            return _line_end(data, stop, end, 64)  # a bot's number and its token
        return -1
    known = size > 1 and _PREFIX_STARTS[np.int64(data[start]) << 8 | data[start + 1]]
    known = known and _begins_with(data, start, end, _PREFIX_DATA, _PREFIX_OFFSETS, _PREFIX_BUCKETS) > 0
    continued = stop < end and (data[stop] == 45 or data[stop] == 46)
    if not known and ((size >= MIN_KEY_BYTES and digits) or continued):
        known = _begins_with(data, start, end, _SHORT_DATA, _SHORT_OFFSETS, _SHORT_BUCKETS) > 0 and (
            (size >= MIN_KEY_BYTES and digits > 0) or _joined_length(data, start, end) >= MIN_KEY_BYTES
        )
    if not known and size == 32 and digits and stop + 4 <= end and data[stop] == 45:
        known = data[stop + 1] == 117 and data[stop + 2] == 115 and is_of(data[stop + 3], DIGIT)
    return _line_end(data, stop, end, 256) if known else -1


@helper
def given_value(data, base, start, stop, end):
    """(start of the name, end of what may be given to it) for the word data[start:stop]; (-1, -1): it names no secret."""
    if stop >= end or is_of(data[stop], WORD):
        return -1, -1
    gives = _gives_at(data, stop, end)
    if gives < 0 and _is_in_tag(data, base, start, stop, end):
        gives = _tag_gives_at(data, stop, end)
    if gives < 0 and not ((data[stop] == 32 or data[stop] == 9) and _may_be_given_by_blank(data, start, stop)):
        return -1, -1
    first = max(start, stop - MAX_NAME_BYTES)
    while first > base and first > stop - MAX_NAME_BYTES and (is_of(data[first - 1], WORD) or data[first - 1] == 45):
        first -= 1
    if gives >= 0:
        if _ends_with_key(data, start, stop) or _holds_name(
            data, first, stop, _NAME_DATA, _NAME_OFFSETS, _NAME_BUCKETS
        ):
            return first, _line_end(data, gives, end, MAX_VALUE_BYTES)
        return -1, -1
    value_end = _line_end(data, stop, end, MAX_BLANK_VALUE_BYTES)
    if _has_digit(data, stop, value_end) and _holds_name(data, first, stop, _NAME_DATA, _NAME_OFFSETS, _NAME_BUCKETS):
        return first, _line_end(data, stop, end, MAX_VALUE_BYTES)
    return -1, -1


@helper
def _is_in_tag(data, base, start, stop, end):
    """Whether the word data[start:stop] may be a tag's name, or the value of its attribute with another one behind."""
    if start > base and (data[start - 1] == 60 or data[start - 1] == 58):
        return True
    return (data[stop] == 34 or data[stop] == 39) and stop + 1 < end and data[stop + 1] == 32


@helper
def _tag_gives_at(data, start, end):
    """Where `>` or `=` stands behind `start` on the same line; -1: nowhere near."""
    for i in range(start, min(end, start + MAX_TAG_BYTES)):
        if data[i] == 10:
            return -1
        if data[i] == 61 or data[i] == 62:
            return i
    return -1


@helper
def _may_be_given_by_blank(data, start, stop):
    """Whether a word's last letters, digits left out, are those of a name whose value may come behind a blank."""
    while stop > start and is_of(data[stop - 1], DIGIT):
        stop -= 1
    return stop - start > 1 and _LAST_TWO[np.int64(LOWERED[data[stop - 2]]) << 8 | LOWERED[data[stop - 1]]]


@helper
def _ends_with_key(data, start, stop):
    """Whether the word is `key` or ends with it: `API key: ...`."""
    if stop - start < 3:
        return False
    return LOWERED[data[stop - 3]] == 107 and LOWERED[data[stop - 2]] == 101 and LOWERED[data[stop - 1]] == 121


@helper
def foreign_value(data, start, end):
    """The end of what may be given to the name, of other letters than ASCII's, that stands at `start`; -1: none."""
    size = _begins_with(data, start, end, _FOREIGN_DATA, _FOREIGN_OFFSETS, _FOREIGN_BUCKETS)
    if size == 0:
        return -1
    stop = start + size
    if _gives_at(data, stop, end) >= 0 or _has_digit(data, stop, min(end, stop + MAX_FOREIGN_GAP)):
        return _line_end(data, stop, end, MAX_VALUE_BYTES)
    return -1


@helper
def _gives_at(data, start, end):
    """Where `=`, `:` or their full-width forms stand behind a name that ends at `start`; -1: nothing is given to it."""
    i = start
    while i < end and i < start + MAX_MARKS and _MARK[data[i]]:
        i += 1
    if i >= end:
        return -1
    if _GIVES[data[i]]:
        return i
    if i + 2 < end and data[i] == 0xEF and data[i + 1] == 0xBC and (data[i + 2] == 0x9A or data[i + 2] == 0x9D):
        return i
    return -1


@helper
def _has_digit(data, start, end):
    for i in range(start, end):  # noqa: SIM110 (numba compiles no generator)
        if is_of(data[i], DIGIT):
            return True
    return False
