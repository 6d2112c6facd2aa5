"""WARC and WET archives: response, resource and conversion records as documents, all others counted as skipped."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
from fastwarc.warc import WarcRecord
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.gzip_records import gzip_records
from gristmill.pipelines.sources.readers.http_body import BodyTooLarge, decode_body
from gristmill.pipelines.sources.readers.identity import id_from_warc_record
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.warc_frames import NextFrame, WarcFrame, frames
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.schemas.recipe.source import Source
from resiliparse.parse.encoding import detect_mime

__all__ = ["read", "splits"]

_HTML = {"text/html", "application/xhtml+xml"}
_HTML_START = re.compile(
    rb"\s*(<!doctype html|<html|<head|<!--.{0,500}?-->\s*<(!doctype|html))", re.IGNORECASE | re.DOTALL
)
_OPT_OUT_HEADERS = ("x-robots-tag", "tdm-reservation", "tdm-policy")
_KNOWN_MIME_KINDS = ("application", "audio", "font", "image", "message", "multipart", "text", "video")
_MAX_NOTE_CHARACTERS = 300
_PARSED_BYTES = 1 << 14  # of a block: room for the headers of HTTP
_EXPLAINED = {
    "invalid_warc_header": "no WARC start line and headers with a Content-Length where a record should begin",
    "invalid_arc_header": "no line of an ARC record, with address, date and length, where one should begin",
    "wrong_content_length": "no record begins where the Content-Length says this one ends",
    "truncated_record": "the stream ends within the record",
    "corrupt_record": "the compressed data of the record is damaged",
    "too_large": "the block is above max_document_bytes",
}


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    yield from read_archive(split, rows, isolate, b"WARC/")


def read_archive(
    split: Split, rows: ReaderRows, isolate: Isolate | None, start: bytes, next_frame: NextFrame | None = None
) -> Iterator[pa.RecordBatch]:
    """The documents of an archive. start: what records begin with. next_frame: how they are framed, see `frames`."""
    pages = Pages(rows, isolate)
    rows.bytes_consumed = split.size
    with open_split(split) as stored:
        blocks: Iterator[bytes | None]
        if split.compression == "gzip":
            blocks = gzip_records(stored, rows.disturb, start)
        else:
            blocks = chunks(stored, split.compression, rows.disturb)
        for frame in frames(blocks, rows.source.max_document_bytes, next_frame):
            rows.frame()
            take_record(frame, rows, pages)
            if pages.full:
                yield from pages.flush()
            if rows.full:
                yield rows.take()


def take_record(frame: WarcFrame, rows: ReaderRows, pages: Pages) -> None:
    """Sort one frame: a page to extract, a quarantined or a skipped record."""
    if frame.content is None:
        if frame.defect != "too_large":
            rows.disturb(f"{frame.defect} at byte {frame.offset} of the uncompressed stream")
        rows.quarantine(frame.defect, _EXPLAINED[frame.defect], frame.size, frame.offset)
        return
    try:
        record = _parse(frame, _PARSED_BYTES)
    except OSError as error:
        rows.quarantine("invalid_warc_header", str(error), frame.size, frame.offset)
        return
    kind = (record.headers.get("WARC-Type") or "missing").lower()
    if kind == "response":
        _take_response(record, frame, rows, pages)
    elif kind in ("conversion", "resource") and _is_web(record):
        _take_stored(record, frame, rows, pages)
    else:
        rows.skip(f"warc_{kind}" if kind in _SKIPPED_KINDS else "warc_other")


def _parse(frame: WarcFrame, block_bytes: int | None = None) -> WarcRecord:
    """The headers of a record, and the first `block_bytes` of its block behind them, by default the whole block. The
    parser copies what it is given."""
    content, end = frame.content or b"", frame.header_bytes
    head, block = content[:end], content[end : None if block_bytes is None else end + block_bytes]
    if b"\r\n" not in head:  # the parser would take the whole block for headers
        head = head.replace(b"\n", b"\r\n")
    return WarcRecord.from_bytes(head + block)


def _http_response(record: WarcRecord, frame: WarcFrame) -> tuple[WarcRecord, bytes]:
    """(record with its HTTP headers, what is behind them) of a response. record: parsed with _PARSED_BYTES of its block.
    OSError and ValueError where there are no headers of HTTP."""
    content = frame.content or b""
    left = memoryview(content)[frame.header_bytes + _PARSED_BYTES :]
    if not left:
        return record, _behind_http_headers(record)
    with suppress(OSError, ValueError):
        if rest := _behind_http_headers(record):
            return record, b"".join((rest, left))
    record = _parse(frame)  # the headers go on
    return record, _behind_http_headers(record)


def _behind_http_headers(record: WarcRecord) -> bytes:
    record.is_http = True  # some writers leave the record's Content-Type out
    record.parse_http(quirks_mode=True)
    return record.reader.read()


_SKIPPED_KINDS = ("continuation", "conversion", "metadata", "missing", "request", "resource", "revisit", "warcinfo")


def _is_web(record: WarcRecord) -> bool:
    """Not a crawler's own log, which wget stores as a resource under `metadata:`."""
    return not (record.headers.get("WARC-Target-URI") or "").strip("<>").startswith(("metadata:", "urn:", "dns:"))


def _take_response(record: WarcRecord, frame: WarcFrame, rows: ReaderRows, pages: Pages) -> None:
    identity = _identity(record)
    if frame.content[frame.header_bytes : frame.header_bytes + 5] != b"HTTP/":  # type: ignore[index]
        target = record.headers.get("WARC-Target-URI") or ""
        if target.strip("<>").startswith(("http:", "https:")):
            rows.quarantine("invalid_http", "the block is no HTTP response", frame.size, frame.offset, **identity)
        else:
            rows.skip("not_http")  # dns: and ftp: captures
        return
    try:
        record, body = _http_response(record, frame)
        status = record.http_headers.status_code
    except (OSError, ValueError) as error:
        rows.quarantine("invalid_http", str(error), frame.size, frame.offset, **identity)
        return
    if status is not None and not 200 <= status < 300:
        rows.skip("http_redirect" if 300 <= status < 400 else "http_error_status")
        return
    headers = record.http_headers
    try:
        encodings = (headers.get("Transfer-Encoding") or "", headers.get("Content-Encoding") or "")
        body, defect = decode_body(body, *encodings, rows.source.max_document_bytes)
    except BodyTooLarge as error:
        rows.quarantine("too_large", str(error), frame.size, frame.offset, **identity)
        return
    metadata = _notes(record, http_status=status, transfer=defect)
    opt_out = {name: _short(headers.get(name)) for name in _OPT_OUT_HEADERS if headers.get(name)}
    if opt_out:
        metadata["opt_out"] = opt_out
    _queue(record, body, record.http_content_type, record.http_charset, metadata, frame, rows, pages)


def _take_stored(record: WarcRecord, frame: WarcFrame, rows: ReaderRows, pages: Pages) -> None:
    """A resource or conversion record: its block is the page or the text itself."""
    mime, _, parameters = (record.headers.get("Content-Type") or "").partition(";")
    charset = parameters.partition("charset=")[2].strip(" \"'") or None
    block = frame.content[frame.header_bytes :]  # type: ignore[index]
    _queue(record, block, mime.strip(), charset, _notes(record), frame, rows, pages)


def _queue(
    record: WarcRecord,
    body: bytes,
    mime: str | None,
    charset: str | None,
    metadata: dict[str, Any],
    frame: WarcFrame,
    rows: ReaderRows,
    pages: Pages,
) -> None:
    mime = (mime or _sniffed(body)).lower()
    if mime not in _HTML and mime != "text/plain":
        kind = mime.partition("/")[0]
        rows.skip(f"mime_{kind if kind in _KNOWN_MIME_KINDS else 'other'}")
        return
    metadata["mime"] = mime
    timestamp = record.headers.get("WARC-Date")
    pages.add(
        PendingPage(
            *(body, charset, mime in _HTML, frame.offset),
            timestamp=timestamp,
            metadata=metadata,
            snapshot=rows.snapshot,
            **_identity(record),
        )
    )


def _sniffed(body: bytes) -> str:
    return "text/html" if _HTML_START.match(body) else detect_mime(body)


def _identity(record: WarcRecord) -> dict[str, Any]:
    record_id = record.headers.get("WARC-Record-ID")
    target = record.headers.get("WARC-Target-URI")
    return {
        "doc_id": id_from_warc_record(record_id) if record_id else None,
        "url": target.strip("<>") if target else None,
    }


def _notes(record: WarcRecord, **found: Any) -> dict[str, Any]:
    found["warc_record_id"] = record.headers.get("WARC-Record-ID")
    found["truncated"] = record.headers.get("WARC-Truncated")  # the crawler cut the page, and says why
    return {name: _short(value) for name, value in found.items() if value is not None}


def _short(value: Any) -> Any:
    return value[:_MAX_NOTE_CHARACTERS] if isinstance(value, str) else value
