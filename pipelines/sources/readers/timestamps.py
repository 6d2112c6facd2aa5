"""Any way files write a moment, as ISO 8601 UTC."""

from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# An epoch number's unit follows from its size: seconds until the year 5138, then milli-, micro-, nanoseconds.
_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))


def iso_utc(value: Any) -> str | None:
    """`value` as `2024-03-01T12:00:00Z` (fraction kept when there is one), or None when it cannot be read.

    Reads ISO 8601 strings, HTTP dates, 14-digit crawl stamps, epoch numbers, dates and datetimes; a time without a
    zone is taken as UTC. A bare number that could be a year is not guessed at.

    >>> [iso_utc(v) for v in ("2024-03-01T13:00:00+01:00", "20240301120000", 1709294400, "yesterday")]
    ['2024-03-01T12:00:00Z', '2024-03-01T12:00:00Z', '2024-03-01T12:00:00Z', None]
    """
    try:
        moment = _moment(value)
        if moment is None:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if isinstance(value, str) and len(value) == 20 and value[10] == "T" and value[-1] == "Z":
            return value
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, TypeError):
        return None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int | float):
        return _from_epoch(value)
    if isinstance(value, str):
        return _from_text(value.strip())
    return None


def _from_text(text: str) -> datetime | None:
    if text.isascii() and text.isdigit():
        if len(text) == 14:
            return datetime.strptime(text, "%Y%m%d%H%M%S")
        return datetime.fromisoformat(text) if len(text) == 8 else _from_epoch(int(text[:25]))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _from_epoch(number: int | float) -> datetime | None:
    size = abs(number)
    if 1000 <= size < 3000:  # a year, most likely
        return None
    for limit, per_second in _UNITS:
        if size < limit:
            seconds, rest = divmod(number, per_second)
            return _EPOCH + timedelta(seconds=seconds, microseconds=int(rest * 10**6 / per_second))
    return None
