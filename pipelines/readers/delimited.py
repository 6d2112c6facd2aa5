"""CSV and TSV with a header line; quoted fields may hold line ends, so a file is read whole, a chunk at a time.

A document's position is its row number, counted from 0 after the header. Every value is text.
"""

import codecs
import csv
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs
from gristmill.pipelines.readers.decoding import MARKS, SURROGATES
from gristmill.pipelines.readers.extract import Isolate
from gristmill.pipelines.readers.locate import InputFile
from gristmill.pipelines.readers.records import add_record, check_columns
from gristmill.pipelines.readers.rows import Rows
from gristmill.pipelines.readers.split import Split
from gristmill.pipelines.readers.streams import chunks, open_split
from gristmill.schemas.source import Source

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def plan(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """One split; InputError when the header lacks a required column."""
    with file.fs.open(url_to_fs(file.url)[1], "rb") as stored:
        header = next(_table(_lines(chunks(stored, file.compression, _ignore), source.encoding), file.path), None)
    if header:
        check_columns(source, header, file.path)
    return [(0, file.size)]


def _ignore(defect: str) -> None:
    """Planning reads the header only; a defect is told when the file is read."""


def read(source: Source, split: Split, rows: Rows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    # The limit is the process's, other sources may be read beside this one: it only grows, and rows are checked below.
    csv.field_size_limit(max(csv.field_size_limit(), source.max_document_bytes))
    with open_split(split) as stored:
        table = _table(_lines(chunks(stored, split.compression, rows.disturb), source.encoding), split.path)
        header = next(table, None)
        if header is None:
            return
        check_columns(source, header, split.path)
        position = 0
        while True:
            try:
                values = next(table)
            except StopIteration:
                return
            except csv.Error as error:
                rows.frame()
                reason = "too_large" if "field limit" in str(error) else "invalid_csv"
                rows.quarantine(reason, str(error), 0, position)
                position += 1
                continue
            rows.frame()
            _take(header, values, position, rows)
            position += 1
            if rows.full:
                yield rows.take()


def _table(lines: Iterator[str], path: str) -> Iterator[list[str]]:
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes[-2:]]
    separator = next((_SEPARATORS[suffix] for suffix in suffixes if suffix in _SEPARATORS), ",")
    return csv.reader(lines, delimiter=separator)


def _lines(blocks: Iterator[bytes], encoding: str) -> Iterator[str]:
    """Decoded lines with their ends. Undecodable bytes stay as lone surrogates, so that they can be counted by row."""
    first = next(blocks, b"")
    skip = 0
    if encoding == "auto":
        skip, encoding = next(((len(m), n) for m, n in MARKS if first.startswith(m)), (0, "utf-8"))
    decoder = codecs.getincrementaldecoder(encoding)(_KEEP_UNDECODABLE)
    rest = decoder.decode(first[skip:])
    while True:
        # csv wants "\n", "\r\n" or "\r" at the end of what it is given; str.splitlines would cut at U+2028 as well.
        *complete, rest = rest.split("\n")
        yield from (line + "\n" for line in complete)
        block = next(blocks, b"")
        if not block:
            break
        rest += decoder.decode(block)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _take(header: list[str], values: list[str], position: int, rows: Rows) -> None:
    if not values:
        rows.skip("blank_line")
        return
    size = sum(map(len, values))
    longest = max(map(len, values))
    if longest > rows.source.max_document_bytes:
        detail = f"a field of {longest} characters; the limit is {rows.source.max_document_bytes}"
        rows.quarantine("too_large", detail, size, position)
        return
    if len(values) != len(header):
        detail = f"{len(values)} fields where the header has {len(header)}"
        rows.quarantine("wrong_field_count", detail, size, position)
        return
    notes: dict[str, Any] = {}
    raw = dict(zip(header, values, strict=True))
    record = {name: _clean(value) for name, value in raw.items()}
    if count := sum(len(SURROGATES.findall(raw.get(name, ""))) for name in rows.source.columns.texts):
        notes["replaced_bytes"] = count
    add_record(rows, record, position, size, notes)


def _clean(value: str) -> str:
    return value if value.isascii() else SURROGATES.sub("\ufffd", value)


def _as_surrogates(error: UnicodeError) -> tuple[str, int]:
    """Each undecodable byte as one lone surrogate, for every codec (surrogateescape cannot do UTF-16)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


_KEEP_UNDECODABLE = "gristmill_as_surrogates"
codecs.register_error(_KEEP_UNDECODABLE, _as_surrogates)
