"""The pre-scan's rules in plain Python, over text: what may be, for whoever doubts the kernel."""

import re

from gristmill.filters.privacy import kinds
from gristmill.filters.privacy.prescan import KEY_PREFIXES, SECRET_NAMES, SHORT_PREFIXES

_GAP = re.compile(r"[ \-.()\[\]/~+]|[^\x00-\x7f]")
_LOCAL = r"(?:[\w!#$%&'*+\-/=?^`{|}~.]|[^\x00-\x7f])"
_DOMAIN = r"(?:[A-Za-z0-9_]|[^\x00-\x7f])"
_EMAIL = re.compile(rf"{_LOCAL}@(?={_DOMAIN})(?:{_DOMAIN}|-|\.(?={_DOMAIN}))*?\.{_DOMAIN}", re.ASCII)
_CREDENTIALS = re.compile(r"://(?=[^@]*:)[^\x00-\x20/\"<>@]{1,255}@")
_IPV4 = re.compile(r"(?<![A-Za-z0-9_])(?<![0-9]\.)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![A-Za-z0-9_])")
_IPV6 = re.compile(r"(?<![A-Za-z0-9_:])(?=[23][0-9A-Za-z_]{3}:)[0-9A-Fa-f:.]+")


def is_seen(text: str, kind: int) -> bool:
    """Whether the pre-scan must report a candidate of this class in a text of a few words on one line."""
    return {
        kinds.MAY_BE_EMAIL: lambda: _EMAIL.search(text) is not None,
        kinds.MAY_BE_URL_CREDENTIALS: lambda: _CREDENTIALS.search(text) is not None,
        kinds.MAY_BE_NUMBER: lambda: has_number(text),
        kinds.MAY_BE_IPV4: lambda: _IPV4.search(text) is not None,
        kinds.MAY_BE_IPV6: lambda: any("::" in run or run.count(":") >= 7 for run in _IPV6.findall(text)),
        kinds.MAY_BE_ID: lambda: any(
            7 <= len(word) <= 18 and sum(map(str.isdigit, word)) >= 5 and not word.isdigit()
            for word in re.findall(r"[A-Za-z0-9_]+", text)
        ),
        kinds.MAY_BE_IBAN: lambda: any(is_iban_like(text, m.start()) for m in re.finditer(r"[A-Za-z0-9_]+", text)),
    }[kind]()


def has_number(text: str) -> bool:
    """Seven decimal digits or more in numbers with at most four marks between two of them.

    An ASCII digit begins a number where it begins a word, a digit of another script anywhere.
    """
    position = 0
    while match := re.compile(r"(?<![A-Za-z0-9_])\d+|(?![0-9])\d+").search(text, position):
        digits, position = run_of(text, match.start())
        if digits >= 7:
            return True
        position = max(position, match.end())
    return False


def run_of(text: str, start: int) -> tuple[int, int]:
    """(digits, end) of the run of numbers that begins at `start`."""
    digits, i, stop = 0, start, start
    while match := re.compile(r"\d+").match(text, i):
        after = text[match.end() : match.end() + 2]
        if after and re.match(r"[A-Za-z_]", after):
            if re.match(r"[xX][0-9]", after):
                return digits + len(match.group()), match.end()
            return digits, stop if digits else match.end()
        digits, stop, i = digits + len(match.group()), match.end(), match.end()
        gap = 0
        while i < len(text) and gap <= 4 and is_gap(text[i]):
            i, gap = i + 1, gap + 1
        if gap > 4:
            break
    return digits, stop


def is_gap(character: str) -> bool:
    if character.isalnum() or character.isdecimal() or character in "\u2028\u2029\x85":
        return False
    return _GAP.match(character) is not None


def is_iban_like(text: str, start: int) -> bool:
    """Two letters, two digits, then groups of letters and digits: 15 at least, 8 of them digits."""
    if not re.compile(r"[A-Za-z]{2}[0-9]{2}").match(text, start):
        return False
    match = re.compile(r"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){0,39}").match(text, start)
    assert match
    value = re.sub("[ -]", "", match.group())
    return len(value) >= 15 and sum(map(str.isdigit, value)) >= 8


def is_key_like(word: str) -> bool:
    """A word of 20 characters or more, with a digit, that begins as a key does; long prefixes need no length."""
    long_prefixes = [prefix for prefix in KEY_PREFIXES if prefix not in SHORT_PREFIXES]
    if word.startswith(tuple(long_prefixes)):
        return True
    return len(word) >= 20 and any(map(str.isdigit, word)) and word.startswith(SHORT_PREFIXES)


def names_secret(word: str) -> bool:
    return any(name in word.lower() for name in SECRET_NAMES)
