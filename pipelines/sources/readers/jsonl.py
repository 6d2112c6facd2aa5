"""JSON Lines: one object a line, split at LF only; plain files are split by byte ranges.

A line belongs to the split it begins in. Its position, part of a document's identity, is its byte offset in the
uncompressed stream, so neither splitting nor packing changes an id. JSON is UTF-8; a file of UTF-16 or UTF-32, by its byte
order mark or the recipe's word, is turned into UTF-8 and read as one split.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.labels import codec_of
from gristmill.pipelines.sources.readers.decoding import AUTO, SURROGATES, repair_utf8
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.records import MISSING, add_record, missing_column, text_of
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import CHUNK_BYTES, chunks, open_split
from gristmill.pipelines.sources.readers.text_lines import TextLines
from gristmill.schemas.recipe.source import Source
from pydantic_core import from_json

CHECKED_RECORDS = 1000
_BOM = b"\xef\xbb\xbf"
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


class JsonLine(NamedTuple):
    """One framed record: where it begins, how long it is with its LF, its bytes without; None when above the limit."""

    offset: int
    size: int
    content: bytes | None


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    if file.compression or not file.size or _encoding(source).startswith(_WIDE):
        return [(0, file.size)]
    return [(start, min(start + split_bytes, file.size)) for start in range(0, file.size, split_bytes)]


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    check = TextCheck(source, split)
    with open_split(split) as stored:
        for line in framed_lines(stored, split, rows):
            check.see(take(line, rows), rows)
            if rows.full:
                yield rows.take()


class TextCheck:
    """Sees the first records of a split; InputError with the mapping to write when none of them has the text's column."""

    def __init__(self, source: Source, split: Split) -> None:
        self._source, self._split = source, split
        self._without_text = 0

    def see(self, record: dict[str, Any] | None, rows: ReaderRows) -> None:
        """Count one record, None for what was none."""
        if record is None:
            return
        columns = self._source.columns
        self._without_text += self._source.has_documents and text_of(record, columns) is MISSING
        if self._without_text == rows.framed == CHECKED_RECORDS:
            raise missing_column(columns, columns.texts[0], record, f"{self._split.path}, first records")


def _encoding(source: Source) -> str:
    """The encoding that the recipe says, else UTF-8."""
    return "utf-8" if source.encoding == AUTO else codec_of(source.encoding) or source.encoding


def framed_lines(stored: BinaryIO, split: Split, rows: ReaderRows) -> Iterator[JsonLine]:
    """The lines that begin in a split, in UTF-8; counts the bytes they take."""
    limit = rows.source.max_document_bytes
    if _encoding(rows.source).startswith(_WIDE):
        yield from _wide_lines(split, rows)
        return
    if split.compression:
        rows.bytes_consumed = split.size
        for line in lines(chunks(stored, split.compression, rows.disturb), 0, limit):
            if _is_wide(line, split):
                yield from _wide_lines(split, rows)
                return
            yield line
        return
    first = _first_line(stored, split.start)
    stored.seek(first)
    rows.bytes_consumed = 0
    for line in lines(chunks(stored, "", rows.disturb), first, limit):
        if line.offset >= split.end:
            break
        if _is_wide(line, split):
            yield from _wide_lines(split, rows)
            return
        rows.bytes_consumed = line.offset + line.size - first
        yield line


def _is_wide(line: JsonLine, split: Split) -> bool:
    """Whether a file read as one split begins with the byte order mark of UTF-16 or UTF-32."""
    mark = mark_of(line.content or b"") if line.offset == 0 and split.end == split.size else None
    return mark is not None and mark[1].startswith(_WIDE)


def _wide_lines(split: Split, rows: ReaderRows) -> Iterator[JsonLine]:
    """Lines of UTF-16 or UTF-32 as UTF-8, in which their offsets count."""
    rows.bytes_consumed = split.size

    def blocks() -> Iterator[bytes]:
        with open_split(split) as stored:
            yield from chunks(stored, split.compression, rows.disturb)

    lines = TextLines(blocks, rows.source.encoding, rows.source.max_document_bytes)
    offset = 0
    while (line := lines.next()) is not None:
        content = None if isinstance(line, int) else SURROGATES.sub("\ufffd", line).encode()
        size = line if isinstance(line, int) else len(content or b"")
        yield JsonLine(offset, size, None if content is None else content.rstrip(b"\r\n"))
        offset += size


def _first_line(stored: BinaryIO, start: int) -> int:
    """Offset of the first line that begins at or after `start`."""
    if start == 0:
        return 0
    position = start - 1
    stored.seek(position)
    while block := stored.read(CHUNK_BYTES):
        found = block.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(block)
    return position


def lines(blocks: Iterator[bytes], position: int, limit: int) -> Iterator[JsonLine]:
    """Lines of a chunked stream that starts at `position`; one above `limit` bytes is measured, never held."""
    parts: list[bytes] = []
    size = 0
    for block in blocks:
        *complete, tail = block.split(b"\n")
        for piece in complete:
            size += len(piece)
            content = None if size > limit else (b"".join(parts) + piece if parts else piece)
            yield JsonLine(position, size + 1, content)
            position += size + 1
            parts, size = [], 0
        size += len(tail)
        if size > limit:
            parts = []
        elif tail:
            parts.append(tail)
    if size:
        yield JsonLine(position, size, None if size > limit else b"".join(parts))


def take(line: JsonLine, rows: ReaderRows) -> dict[str, Any] | None:
    """Count a record and give it to `rows`; returns the object it held, if it held one."""
    rows.frame()
    if line.content is None:
        detail = f"a record of {line.size} bytes; the limit is {rows.source.max_document_bytes}"
        rows.quarantine("too_large", detail, line.size, line.offset)
        return None
    content = line.content.removeprefix(_BOM) if line.offset == 0 else line.content
    if not content or content.isspace():
        rows.skip("blank_line")
        return None
    notes: dict[str, Any] = {}
    try:
        record = parse(content, notes, _encoding(rows.source))
    except (ValueError, RecursionError) as error:
        rows.quarantine("invalid_json", f"{error}: {content[:80]!r}", line.size, line.offset)
        return None
    if not isinstance(record, dict):
        detail = f"a JSON {type(record).__name__}, not an object: {content[:80]!r}"
        rows.quarantine("not_an_object", detail, line.size, line.offset)
        return None
    add_record(rows, record, line.offset, line.size, notes)
    return record


def parse(content: bytes, notes: dict[str, Any], encoding: str = "utf-8") -> Any:
    """The JSON value of a line; ValueError when it is none.

    The fast parser refuses lone surrogates and bytes that are not UTF-8; those lines take the tolerant way.
    """
    if encoding != "utf-8" and not encoding.startswith(_WIDE):
        content = decode(content, encoding).encode("utf-8", "surrogatepass")
    try:
        return from_json(content, cache_strings="keys")
    except ValueError:
        return json.loads(repair_utf8(content, notes))
