"""ARC archives of early crawls (Internet Archive, Common Crawl 2008-2012): each record becomes what WARC would hold.

A record is a line (`URL IP date type length`, ten fields in version 2, the length last), so many bytes, and a line end. The
first one describes the file (`filedesc:`). Source: Burner and Kahle, "ARC File Format" (Internet Archive, 1996).
"""

import re
from collections.abc import Iterator

import pyarrow as pa
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, gzip_records, open_split
from gristmill.pipelines.sources.readers.warc import take_record
from gristmill.pipelines.sources.readers.warc_frames import RecordWindow, WarcFrame
from gristmill.pipelines.sources.readers.web import Pages
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

MAX_LINE_BYTES = 1 << 16
_SCHEMES = rb"(?:https?|ftp|dns|nntp|gopher|filedesc|news|mailto)"
_HEADER = re.compile(
    rb"(?P<url>" + _SCHEMES + rb":[^\n]*) (?P<ip>[0-9a-fA-F.:]+|-) (?P<date>\d{14}) "
    rb"(?P<type>[^\n]*?) ?(?P<length>\d{1,12})\r?\n"
)
_NEXT = re.compile(rb"\n(?=" + _SCHEMES + rb":[^\n]{1,8192} (?:[0-9a-fA-F.:]+|-) \d{14} [^\n]{0,256}\d\r?\n)")


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    """The documents of an archive, as `readers.warc` reads those of WARC."""
    pages = Pages(rows, isolate)
    rows.bytes_consumed = split.size
    with open_split(split) as stored:
        blocks: Iterator[bytes | None]
        if split.compression == "gzip":
            blocks = gzip_records(stored, rows.disturb, b"http")
        else:
            blocks = chunks(stored, split.compression, rows.disturb)
        for frame in arc_frames(blocks, source.max_document_bytes):
            rows.frame()
            if frame.content == b"":
                rows.skip("arc_filedesc")
            else:
                take_record(frame, rows, pages)
            if pages.full:
                yield from pages.flush()
            if rows.full:
                yield rows.take()


def arc_frames(blocks: Iterator[bytes | None], limit: int) -> Iterator[WarcFrame]:
    """The records of an uncompressed ARC stream as WARC records; the description of the file has no content.

    Defects are those of `warc_frames.frames`.
    """
    window = RecordWindow(blocks)
    while True:
        window.skip_line_ends()
        if window.data:
            yield _next(window, limit)
        elif window.at_gap:
            window.cross_gap()
            yield WarcFrame(window.offset - 1, 0, None, 0, "corrupt_record")
        elif window.at_end:
            return


def _next(window: RecordWindow, limit: int) -> WarcFrame:
    while b"\n" not in window.data and len(window.data) < MAX_LINE_BYTES and window.more():
        pass
    header = _HEADER.match(window.data[:MAX_LINE_BYTES])
    if header is None:
        return window.resync(_NEXT, "invalid_arc_header")
    start, length = header.end(), int(header["length"])
    if length > limit:
        begin = window.offset
        whole = window.drop_far(start + length)
        return WarcFrame(begin, window.offset - begin, None, 0, "too_large" if whole else "truncated_record")
    if not window.need(start + length):
        return window.resync(_NEXT, "truncated_record")
    block = window.data[start : start + length]
    content = b"" if header["url"].startswith(b"filedesc:") else _as_warc(header, block)
    frame = WarcFrame(window.offset, start + length, content, len(content) - length if content else 0)
    window.drop(start + length)
    return frame


def _as_warc(header: re.Match[bytes], block: bytes) -> bytes:
    """A response record of WARC with the record's block: header, blank line and block."""
    date = header["date"].decode()
    moment = f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:14]}Z"
    lines = (
        b"WARC/1.0",
        b"WARC-Type: response",
        b"WARC-Target-URI: " + header["url"].replace(b"\r", b""),
        b"WARC-Date: " + moment.encode(),
        b"Content-Type: application/http; msgtype=response",
        b"Content-Length: %d" % len(block),
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + block
