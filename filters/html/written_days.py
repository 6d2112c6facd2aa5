"""Days as people write them: 5 March 2024, March 5th, 2024, 5. März 2024, 05.03.2024, 2024年3月5日."""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

FIRST_YEAR, LAST_YEAR = 1990, 2099
_WORD = r"([^\W\d_]{3,14})\.?"
_DAY = r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|[.ºª])?"
_YEAR = r"((?:19|20)\d\d)(?!\d)"
_DAY_MONTH_YEAR = re.compile(rf"{_DAY}(?: de| of)?[ -]{_WORD},?(?: del?| of)?[ -]{_YEAR}", re.IGNORECASE)
_MONTH_DAY_YEAR = re.compile(rf"(?<![^\W\d_]){_WORD} {_DAY},? {_YEAR}", re.IGNORECASE)
_YEAR_MONTH_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)(?: ?[-/.年년] ?)(\d{1,2})(?: ?[-/.月월] ?)(\d{1,2})(?!\d)")
_NUMBERS = re.compile(rf"(?<!\d)(\d{{1,2}})([./-])(\d{{1,2}})\2{_YEAR}")
_BLANKS = re.compile(r"[\s\u200b]+")


class _Calendar(NamedTuple):
    """What a language calls its months, case folded, and whether the day comes before the month in its numbers."""

    months: dict[str, int]
    day_first: bool


def written_day(text: str, language: str | None) -> str | None:
    """The first day that a text names, as YYYY-MM-DD. language: of the page as declared, for its months; English beside it."""
    text = _BLANKS.sub(" ", text)
    calendars = [_calendar(name) for name in dict.fromkeys((language or "en", "en"))]
    found: list[tuple[int, str]] = []
    for calendar in calendars:
        for match in _DAY_MONTH_YEAR.finditer(text):
            _add(found, match, match[3], calendar.months.get(match[2].casefold()), match[1])
        for match in _MONTH_DAY_YEAR.finditer(text):
            _add(found, match, match[3], calendar.months.get(match[1].casefold()), match[2])
    for match in _YEAR_MONTH_DAY.finditer(text):
        _add(found, match, match[1], int(match[2]), match[3])
    for match in _NUMBERS.finditer(text):
        first, second = int(match[1]), int(match[3])
        day_first = match[2] == "." or calendars[0].day_first or first > 12
        day, month = (first, second) if day_first and second <= 12 else (second, first)
        _add(found, match, match[4], month, day)
    return min(found)[1] if found else None


@lru_cache(256)
def month_names(language: str | None) -> frozenset[str]:
    """What months are called in a language and in English, case folded and without a mark behind them."""
    return frozenset(_calendar(language or "en").months) | frozenset(_calendar("en").months)


def iso_day(year: int, month: int, day: int) -> str | None:
    """A day as YYYY-MM-DD; None where the calendar has no such day."""
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _add(found: list[tuple[int, str]], match: re.Match[str], year: str, month: int | None, day: str | int) -> None:
    named = iso_day(int(year), month, int(day)) if month and FIRST_YEAR <= int(year) <= LAST_YEAR else None
    if named:
        found.append((match.start(), named))


@lru_cache(256)
def _calendar(language: str) -> _Calendar:
    """Of a language tag; of one that is not known, English."""
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(language.replace("-", "_")[:30])
    except (ValueError, UnknownLocaleError):
        locale = Locale.parse("en_US")
    months = {
        name.casefold().rstrip("."): number
        for context in locale.months.values()
        for width in ("wide", "abbreviated")
        for number, name in context.get(width, {}).items()
    }
    pattern = locale.date_formats["short"].pattern.lower()
    return _Calendar(months | {"sept": 9} if months.get("sep") == 9 else months, pattern.find("d") < pattern.find("m"))
