"""The pre-scan's rules in plain Python, over text: what may be, for whoever doubts the kernel."""

import re
from itertools import pairwise

import phonenumbers
from gristmill.filters.pii import kinds
from gristmill.filters.pii.cards import has_issuer, luhn
from gristmill.filters.pii.phones.dialled import NATIONAL_REGIONS
from gristmill.filters.pii.prescan.secret_words import KEY_PREFIXES, SECRET_NAMES, SHORT_PREFIXES

_GAP = re.compile(r"[ \-.()\[\]/~+]|[^\x00-\x7f]")
_LOCAL = r"(?:[\w!#$%&'*+\-/=?^`{|}~.]|[^\x00-\x7f])"
_DOMAIN = r"(?:[A-Za-z0-9_]|[^\x00-\x7f])"
_EMAIL = re.compile(rf"{_LOCAL}[@＠](?={_DOMAIN})(?:{_DOMAIN}|-|\.(?={_DOMAIN}))*?(?:\.{_DOMAIN}|．(?s:.))", re.ASCII)
_CREDENTIALS = re.compile(r"://(?=[^@]*:)[^\x00-\x20/\"<>@]{1,255}@")
_IPV4 = re.compile(r"(?<![A-Za-z0-9_])(?<![0-9]\.)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![A-Za-z0-9_])")
_IPV6 = re.compile(r"(?<![A-Za-z0-9_:])(?=[23][0-9A-Za-z_]{3}:)[0-9A-Fa-f:.]+")


def is_seen(text: str, kind: int) -> bool:
    """Whether the pre-scan must report a candidate of this class in a text of a few words on one line."""
    return {
        kinds.MAY_BE_EMAIL: lambda: _EMAIL.search(text) is not None,
        kinds.MAY_BE_URL_CREDENTIALS: lambda: _CREDENTIALS.search(text) is not None,
        kinds.MAY_BE_IPV4: lambda: any(is_like_address(text, match) for match in _IPV4.finditer(text)),
        kinds.MAY_BE_IPV6: lambda: any("::" in run or run.count(":") >= 7 for run in _IPV6.findall(text)),
        kinds.MAY_BE_IBAN: lambda: any(is_iban_like(text, m.start()) for m in re.finditer(r"[A-Za-z0-9_]+", text)),
    }[kind]()


def is_like_address(text: str, match: re.Match[str]) -> bool:
    """Whether four numbers have a large part, or stand in a URL, before a port or before the size of a network."""
    before, behind = text[: match.start()], text[match.end() :]
    return re.search(r"\d{3}", match.group()) is not None or before[-1:] in {"/", "@", "["} or behind[:1] in {"/", ":"}


def rows_of_numbers(text: str) -> list[tuple[int, int]]:
    """(start, end) of rows of seven decimal digits or more, with at most four marks between two numbers.

    An ASCII digit begins a number where it begins a word, a digit of another script anywhere.
    """
    rows, position = [], 0
    while match := re.compile(r"(?<![A-Za-z0-9_])\d+|(?![0-9])\d+").search(text, position):
        digits, end = row_from(text, match.start())
        if digits >= 7:
            rows.append((match.start(), end))
        position = max(end, match.end())
    return rows


def row_from(text: str, start: int) -> tuple[int, int]:
    """(digits, end) of the row of numbers that begins at `start`."""
    digits, i, stop = 0, start, start
    while match := re.compile(r"\d+").match(text, i):
        after = text[match.end() : match.end() + 2]
        if after and re.match(r"[A-Za-z_]", after):
            if re.match(r"[xX][0-9]", after) or (digits and re.match(r"[A-Z][a-z]", after)):
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


def bits_of_row(text: str, start: int, end: int) -> int:
    """What a row of ASCII digits with ASCII marks can hold where no word stands near."""
    groups = [match.span() for match in re.finditer(r"\d+", text[start:end])]
    groups = [(start + a, start + b) for a, b in groups]
    bits = 0
    for first in range(len(groups)):
        for last in range(first, len(groups)):
            if sum(b - a for a, b in groups[first : last + 1]) > 19:
                break
            bits |= bits_of_groups(text, groups, first, last)
    return bits


def bits_of_groups(text: str, groups: list[tuple[int, int]], first: int, last: int) -> int:
    """What the groups first..last can be, and nothing that begins or ends elsewhere."""
    chosen = groups[first : last + 1]
    parts = [text[a:b] for a, b in chosen]
    sizes, digits = [len(part) for part in parts], "".join(parts)
    gaps = [text[b:c] for (_, b), (c, _) in pairwise(chosen)]
    before, behind = text[: chosen[0][0]], text[chosen[-1][1] :]
    bits = 0
    joined = re.search(r"[A-Za-z0-9][.\-]\Z", before) is not None
    plus = not joined and re.search(r"\+[ (\[]{0,2}\Z", before) is not None
    opened = before[-1:] in ("(", "[")
    zero = not joined and len(parts[0]) > 1 and digits[0] == "0"
    blank = set(gaps) <= {" "}
    in_row = blank and not opened and bool((first and re.search(r"\d \Z", before)) or re.match(r" \d", behind))
    if (plus and len(digits) >= 8) or (zero and digits[1] == "0" and len(digits) >= 10 and not in_row):
        bits |= kinds.MAY_BE_PHONE
    if opened and len(parts) > 2 and len(digits) >= 8:
        bits |= kinds.MAY_BE_PHONE
    many = len(parts) > 1 and (zero or opened) and not in_row and 9 <= len(digits) <= 12
    if many and (sizes == [2] * 5 or is_national(digits)):
        bits |= kinds.MAY_BE_PHONE
    american = opened or zero
    if not joined and sizes[0] in (1, 3):
        american = american or digits[0] >= "2" if sizes[0] == 3 else american or digits[0] == "1"
    american = american and sizes[-3:] == [3, 3, 4] and len(digits) <= 11 and not in_row
    if american and not (blank and not zero and not opened) and is_american(digits[-10:]):
        bits |= kinds.MAY_BE_PHONE
    if sizes == [3, 2, 4] and gaps == ["-", "-"]:
        bits |= kinds.MAY_BE_SOCIAL_SECURITY
    card = sizes[0] == 4 or sizes[0] >= 12
    if (
        card
        and len(digits) >= 12
        and all(len(gap) == 1 for gap in gaps)
        and (len(parts) == 1 or len(digits) - sizes[-1] >= 8)
    ):
        follows = first > 0 and text[groups[first - 1][1] : groups[first][0]] == " "
        leads = last + 1 < len(groups) and text[groups[last][1] : groups[last + 1][0]] == " "
        leads = leads and last + 2 < len(groups) and text[groups[last + 1][1]] != "/"
        dashed = len(gaps) > 0 and set(gaps) == {"-"}
        if (dashed or not (follows and leads)) and has_issuer(digits) and luhn(digits):
            bits |= kinds.MAY_BE_CARD
    return bits


def is_national(digits: str) -> bool:
    """Whether the digits, with or without a zero in front, are a valid number of one of the regions."""
    numbers = {digits, digits[1:] if digits[0] == "0" else digits}
    return any(is_of_region(number, region) for region in NATIONAL_REGIONS for number in numbers)


def is_american(digits: str) -> bool:
    """Whether a region with the calling code 1 knows the number, or has its first digits."""
    return phonenumbers.region_code_for_number(national_number(digits, 1)) is not None


def is_of_region(digits: str, region: str) -> bool:
    number = national_number(digits, phonenumbers.country_code_for_region(region))
    return phonenumbers.is_valid_number_for_region(number, region)


def national_number(digits: str, calling_code: int) -> phonenumbers.PhoneNumber:
    zeros = len(digits) - len(digits.lstrip("0"))
    return phonenumbers.PhoneNumber(
        country_code=calling_code,
        national_number=int(digits),
        italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


def is_iban_like(text: str, start: int) -> bool:
    """Two letters, two digits, then groups of letters and digits: 15 at least."""
    if not re.compile(r"[A-Za-z]{2}[0-9]{2}").match(text, start):
        return False
    match = re.compile(r"[A-Za-z0-9](?:[ \-\u00a0\u2000-\u203f\u3000-\u303f]?[A-Za-z0-9]){0,39}").match(text, start)
    assert match
    return sum(map(str.isalnum, match.group())) >= 15


def is_key_like(word: str) -> bool:
    """A word of 20 characters or more, with a digit, that begins as a key does; long prefixes need no length."""
    long_prefixes = [prefix for prefix in KEY_PREFIXES if prefix not in SHORT_PREFIXES]
    if word.startswith(tuple(long_prefixes)):
        return True
    return len(word) >= 20 and any(map(str.isdigit, word)) and word.startswith(SHORT_PREFIXES)


def names_secret(word: str) -> bool:
    return any(name in word.lower() for name in SECRET_NAMES) or word.lower().endswith("key")
