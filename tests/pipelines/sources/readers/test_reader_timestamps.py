from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from gristmill.pipelines.sources.readers.timestamps import iso_utc


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-03-01T12:00:00Z", "2024-03-01T12:00:00Z"),
        ("2024-03-01T12:00:00.5Z", "2024-03-01T12:00:00.500000Z"),
        ("2024-03-01T13:00:00+01:00", "2024-03-01T12:00:00Z"),
        ("2024-03-01 12:00:00", "2024-03-01T12:00:00Z"),
        ("2024-03-01", "2024-03-01T00:00:00Z"),
        ("20240301", "2024-03-01T00:00:00Z"),
        ("20240301120000", "2024-03-01T12:00:00Z"),
        ("Fri, 01 Mar 2024 12:00:00 GMT", "2024-03-01T12:00:00Z"),
        ("1709294400", "2024-03-01T12:00:00Z"),
        (1709294400, "2024-03-01T12:00:00Z"),
        (1709294400.25, "2024-03-01T12:00:00.250000Z"),
        (1709294400000, "2024-03-01T12:00:00Z"),
        (1709294400123456, "2024-03-01T12:00:00.123456Z"),
        (1709294400123456789, "2024-03-01T12:00:00.123456Z"),
        (-86400, "1969-12-31T00:00:00Z"),
        (date(2024, 3, 1), "2024-03-01T00:00:00Z"),
        (datetime(2024, 3, 1, 12, tzinfo=timezone(timedelta(hours=-2))), "2024-03-01T14:00:00Z"),
        (2024, None),
        ("2024", None),
        ("last week", None),
        ("2024-13-01T12:00:00Z", None),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        (10**30, None),
        ([2024], None),
    ],
)
def test_moments(value: Any, expected: str | None) -> None:
    assert iso_utc(value) == expected
