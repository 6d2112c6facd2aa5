"""ARC archives of early crawls (Internet Archive, Common Crawl 2008-2012): each record becomes what WARC would hold.

A record is a line (`URL IP date type length`, ten fields in version 2, the length last), so many bytes, and a line end. The
first one describes the file (`filedesc:`), as `warcinfo` does. Source: Burner and Kahle, "ARC File Format" (Internet
Archive, 1996).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.warc import read_archive
from gristmill.pipelines.sources.readers.warc_frames import RecordWindow, WarcFrame
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

MAX_LINE_BYTES = 1 << 16
_SCHEMES = rb"(?:https?|ftp|dns|nntp|gopher|filedesc|news|mailto):"
_STARTS = re.compile(_SCHEMES)
_MIDDLE = re.compile(rb" (?:[0-9a-fA-F.:]+|-) (\d{14}) ")
_LENGTH = re.compile(rb"(\d{1,12})\r?\n")
_NEXT = re.compile(rb"\n(?=" + _SCHEMES + rb"[^\n]{1,2048}? \d{14} )")


class ArcHeader(NamedTuple):
    """What the line before a record says. date: fourteen digits. length: of the record behind the line."""

    url: bytes
    date: str
    length: int


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    """The documents of an archive, as `readers.warc` reads those of WARC."""
    yield from read_archive(split, rows, isolate, b"http", _next)


def _next(window: RecordWindow, limit: int) -> WarcFrame:
    """The record at the start of the window, as one of WARC."""
    while b"\n" not in window.data and len(window.data) < MAX_LINE_BYTES and window.more():
        pass
    start = window.data.find(b"\n", 0, MAX_LINE_BYTES) + 1
    header = _header(window.data[:start])
    if header is None:
        return window.resync(_NEXT, "invalid_arc_header")
    size = start + header.length
    if header.length > limit:
        begin = window.offset
        whole = window.drop_far(size)
        return WarcFrame(begin, window.offset - begin, None, 0, "too_large" if whole else "truncated_record")
    if not window.need(size):
        return window.resync(_NEXT, "truncated_record")
    head = _as_warc(header)
    frame = WarcFrame(window.offset, size, head + window.data[start:size], len(head))
    window.drop(size)
    return frame


def _header(line: bytes) -> ArcHeader | None:
    """None for a line that is no header. A URL may hold blanks: the last address and date in the line count."""
    middle = None
    for found in _MIDDLE.finditer(line):
        middle = found
    length = _LENGTH.fullmatch(line, line.rfind(b" ") + 1)
    if middle is None or length is None or not _STARTS.match(line):
        return None
    return ArcHeader(line[: middle.start()], middle[1].decode(), int(length[1]))


def _as_warc(header: ArcHeader) -> bytes:
    """The header of a WARC record that says the same, and the blank line behind it."""
    date = header.date
    lines = (
        b"WARC/1.0",
        b"WARC-Type: " + (b"warcinfo" if header.url.startswith(b"filedesc:") else b"response"),
        b"WARC-Target-URI: " + header.url.replace(b"\r", b""),
        f"WARC-Date: {date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:]}Z".encode(),
        b"Content-Type: application/http; msgtype=response",
        b"Content-Length: %d" % header.length,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"
