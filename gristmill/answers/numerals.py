"""Numbers as people write them: signs, separators, decimals, fractions, percent, in any script's digits; exact values.

A value is a Fraction, so that nothing is rounded. `1,234.5`, `1.234,5`, `1 234,5` and `1'234.5` are one number. Where a
separator is ambiguous, the decimal mark that the caller names decides: `1,234` is a thousand with a decimal point, and `1.234`
with a decimal comma; a comma before any other number of digits than three is a decimal comma (`3,5`, `0,125`).
"""

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

MAX_DIGITS = 1_000  # of a number; longer runs of digits are no answer
MAX_EXPONENT = 400
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "k": 10**3}

_GROUP = "[,.'’ \u00a0\u2009\u202f_]"  # what stands between groups of three digits
_DIGITS = rf"(?:\d{{1,3}}(?:{_GROUP}\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+)"
_PLAIN = rf"{_DIGITS}(?:[eE][+-]?\d{{1,4}}(?![\w.]))?"
_LATEX_FRACTION = (
    r"\\[dtc]?frac\s*(?:\{\s*(?P<top>-?\d[\d,.]*)\s*\}\s*\{\s*(?P<bottom>\d[\d,.]*)\s*\}|(?P<t>\d)\s*(?P<b>\d))"
)
NUMBER = re.compile(
    rf"(?P<sign>[-+](?:\s?(?=[$€£¥₹₽₩]))?)?(?:[$€£¥₹₽₩]\s?)?"
    rf"(?:(?:(?P<whole>\d+)\s*)?(?:{_LATEX_FRACTION})"
    rf"|(?P<mixed>\d+)\s+(?P<mt>\d+)\s?/\s?(?P<mb>\d+)(?![\d/])"
    rf"|(?P<ft>{_PLAIN})\s?/\s?(?P<fb>\d+(?:\.\d+)?)(?![\d/])"
    rf"|(?P<plain>{_PLAIN}))"
    r"(?P<percent>\s?(?:%|percent\b|per cent\b))?(?:\s?(?P<scale>thousand|million|billion|trillion|k)\b)?",
    re.IGNORECASE,
)
_LATEX_NOISE = re.compile(
    r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname)\s*\{([^{}]*)\}|\\(?=[%$#&])|\\[,;:! ]|\\(?:left|right)\b"
)
_MARKS = {
    "٫": ".",
    "．": ".",
    "٬": ",",
    "，": ",",
    "−": "-",
    "﹣": "-",
    "－": "-",
    "⁄": "/",
    "∕": "/",
    "٪": "%",
    "؉": "%",
    "％": "%",
}


class Number(NamedTuple):
    """A number in a text: where it stands, its value, and whether it is a percentage (whose value is the 50 of 50 %)."""

    start: int
    end: int
    value: Fraction
    percent: bool


@lru_cache(maxsize=1024)
def _plain_character(character: str) -> str:
    mark = _MARKS.get(character)
    if mark is not None:
        return mark
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return " " + unicodedata.normalize("NFKC", character).replace("⁄", "/")
    return character


def with_plain_digits(text: str) -> str:
    """The text with the decimal digits, signs, separators and fractions of every script as ASCII writes them.

    >>> with_plain_digits("١٢٫٥ ５０％ −３ 2½")
    '12.5 50% -3 2 1/2'
    """
    return text if text.isascii() else "".join(map(_plain_character, text))


def without_latex(text: str) -> str:
    """The text without LaTeX's commands around numbers: `\\text{…}`, escaped signs, thin spaces, `1{,}000`.

    >>> without_latex(r"\\$1{,}000\\,\\text{ km}")
    '$1,000 km'
    """
    if "\\" not in text and "{" not in text:
        return text
    return _LATEX_NOISE.sub(lambda found: found[1] or "", text.replace("{,}", ","))


def numbers_in(text: str, decimal: str = ".") -> list[Number]:
    """Every number in a text of plain digits, from left to right.

    decimal: the mark that decides where a separator is ambiguous, `.` or `,`.

    >>> [str(number.value) for number in numbers_in("from -1,234.5 to 3 1/2, or 25%")]
    ['-2469/2', '7/2', '25']
    """
    return [number for match in NUMBER.finditer(text) if (number := _number(text, match, decimal)) is not None]


def _number(text: str, match: re.Match[str], decimal: str) -> Number | None:
    value = _magnitude(match, decimal)
    if value is None:
        return None
    start = match.start()
    if match["sign"] == "-" and _is_sign(text, start):
        value = -value
    if match["scale"] and not match["percent"]:
        value *= SCALES[match["scale"].lower()]
    return Number(start, match.end(), value, bool(match["percent"]))


def _is_sign(text: str, place: int) -> bool:
    """A minus behind a digit, a letter or a closing bracket is an operator or a hyphen (`10-3`, `COVID-19`), not a sign."""
    before = text[place - 1] if place else " "
    return not (before.isalnum() or before in ")]}")


def _magnitude(match: re.Match[str], decimal: str) -> Fraction | None:
    if match.end() - match.start() > MAX_DIGITS:
        return None
    if match["plain"]:
        return plain_value(match["plain"], decimal)
    if match["mixed"]:
        return _sum(Fraction(int(match["mixed"])), _quotient(match["mt"], match["mb"], decimal))
    if match["ft"]:
        return _quotient(match["ft"], match["fb"], decimal)
    quotient = _quotient(match["top"] or match["t"], match["bottom"] or match["b"], decimal)
    return _sum(Fraction(int(match["whole"] or 0)), quotient)


def _sum(whole: Fraction, part: Fraction | None) -> Fraction | None:
    return None if part is None else whole + part


def _quotient(top: str, bottom: str, decimal: str) -> Fraction | None:
    above, below = plain_value(top, decimal), plain_value(bottom, decimal)
    return above / below if above is not None and below else None


def plain_value(text: str, decimal: str = ".") -> Fraction | None:
    """The value of digits with separators, perhaps with an exponent; None for what is no number, or too large to be one.

    >>> [str(plain_value(text)) for text in ("1,234", "3,5", "1.234,5", "1.234.567", "2e3")]
    ['1234', '7/2', '2469/2', '1234567', '2000']
    >>> str(plain_value("1.234", decimal=","))
    '1234'
    """
    body, _, exponent = re.sub("['’ \u00a0\u2009\u202f_]", "", text).lower().partition("e")
    power = int(exponent or 0)
    if abs(power) > MAX_EXPONENT or len(body) > MAX_DIGITS:
        return None
    mark = _decimal_mark(body, decimal)
    other = "," if mark == "." else "."
    try:
        value = Fraction(body.replace(other, "").replace(mark, ".") if mark else re.sub("[.,]", "", body))
    except ValueError:
        return None
    return value * Fraction(10) ** power


def _decimal_mark(body: str, decimal: str) -> str:
    """Which of `.` and `,` is the decimal mark in digits that hold them; empty where both or all are between thousands."""
    points, commas = body.count("."), body.count(",")
    if points and commas:
        last = "." if body.rfind(".") > body.rfind(",") else ","
        return last if body.count(last) == 1 else ""
    if points + commas != 1:
        return ""
    mark = "." if points else ","
    before, after = body.split(mark)
    grouped = len(after) == 3 and 1 <= len(before.lstrip("-")) <= 3 and not before.startswith("0")
    return mark if mark == decimal or not grouped else ""
