"""Captures: what a line or row of an index of web archives says of one record.

Read are CDX with a header line (` CDX N b a m s k r M S V g`; fields as the Internet Archive names them), CDXJ (key, time,
JSON), JSON lines as index servers answer, and the columnar index of Common Crawl, flat or nested.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_FIELDS = {"a": "url", "m": "mime", "s": "status", "S": "length", "V": "offset", "g": "filename", "b": "timestamp"}
_COLUMNAR = {
    "url": ("url",),
    "status": ("fetch_status", "fetch.status"),
    "mime": ("content_mime_type", "content.mime_type"),
    "filename": ("warc_filename", "warc.filename"),
    "offset": ("warc_record_offset", "warc.record_offset"),
    "length": ("warc_record_length", "warc.record_length"),
}
_REQUIRED = ("filename", "offset", "length")
_JSON_AFTER_KEY = re.compile(rb"^\S+ (\d{4,14}) (\{.*)$", re.DOTALL)


class Capture(NamedTuple):
    """One record. length: stored bytes, None where the index does not say. status, mime: None where it does not say."""

    filename: str
    offset: int
    length: int | None
    url: str | None = None
    status: str | None = None
    mime: str | None = None


class CaptureError(ValueError):
    """A line or row that names no record."""


def captures_of_lines(lines: Iterator[bytes]) -> Iterator[Capture | CaptureError | None]:
    """One for each line: a capture, what is wrong with it, or None for a header or an empty line."""
    fields: list[str] | None = None
    for line in lines:
        line = line.rstrip(b"\r\n")
        if not line.strip():
            yield None
        elif line.startswith((b" CDX ", b"CDX ")):
            fields = line.decode("ascii", "replace").split()[1:]
            yield None
        elif line.startswith((b"!", b"#")):
            yield None
        else:
            yield _capture(line, fields)


def _capture(line: bytes, fields: Sequence[str] | None) -> Capture | CaptureError:
    try:
        found = _JSON_AFTER_KEY.match(line)
        if found or line.startswith(b"{"):
            values = json.loads(found[2] if found else line)
            return capture_of(values if isinstance(values, dict) else {})
        if fields is None:
            raise CaptureError("neither JSON nor a line of CDX behind its header")
        words = line.decode("utf-8", "replace").split(" ")
        if len(words) != len(fields):
            raise CaptureError(f"{len(words)} fields, the header has {len(fields)}")
        named = {_FIELDS[letter]: word for letter, word in zip(fields, words, strict=True) if letter in _FIELDS}
        return capture_of({name: word for name, word in named.items() if word != "-"})
    except CaptureError as error:
        return error
    except ValueError as error:
        return CaptureError(f"no JSON: {error}")


def capture_of(values: Mapping[str, Any]) -> Capture:
    """From the names of index servers. CaptureError where a file or an offset is missing or no number."""
    filename = values.get("filename")
    if not isinstance(filename, str) or not filename:
        raise CaptureError("no name of a file")
    offset, length = _number(values, "offset"), _number(values, "length")
    if offset is None:
        raise CaptureError("no offset")
    texts = {name: str(values[name]) for name in ("url", "status", "mime") if values.get(name) not in (None, "", "-")}
    return Capture(filename, offset, length, **texts)


def _number(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if value in (None, "", "-"):
        return None
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number < 0:
        raise CaptureError(f"{name} is {str(value)[:40]!r}")
    return number


def columns_of(found: Sequence[str]) -> dict[str, str]:
    """Which columns of a Parquet file say what, of the names of the columnar index or of index servers."""
    chosen = {}
    for name, known in _COLUMNAR.items():
        column = next((one for one in (*known, name) if one in found), None)
        if column:
            chosen[name] = column
    return chosen


def missing_columns(chosen: Mapping[str, str]) -> list[str]:
    """The columns of the columnar index that must be there and are not."""
    return [_COLUMNAR[name][0] for name in _REQUIRED if name not in chosen]
