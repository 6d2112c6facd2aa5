"""Delimited text with a header line (CSV, TSV, ...); quoted fields may hold line ends, so a file is read as one split.

A document's position is its row number, counted from 0 after the header. Every value is text.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs
from gristmill.pipelines.sources.readers.decoding import AUTO, SURROGATES
from gristmill.pipelines.sources.readers.delimited_records import NOT_CLOSED, Grammar, Record, records
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.records import add_record, check_columns
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.text_lines import TextLines
from gristmill.schemas.recipe.source import Source

_OF_SUFFIX = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
_DELIMITERS = (",", ";", "\t", "|")
_NAMED_DELIMITER = re.compile("sep=(.)[\r\n]*", re.IGNORECASE)  # Excel's first line
_SAMPLE_LINES = 200


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """One split; InputError when the header lacks a required column."""

    def blocks() -> Iterator[bytes]:
        with file.fs.open(url_to_fs(file.url)[1], "rb") as stored:
            yield from chunks(stored, file.compression, _ignore)

    if file.size:
        _, header = _opened(TextLines(blocks, source.encoding, source.max_document_bytes), source, file.path)
        if header:
            check_columns(source, header, file.path)
    return [(0, file.size)]


def _ignore(defect: str) -> None:
    """Planning reads the header only, and encodings are found by reading twice; a defect is told once, while reading."""


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    tellers = iter([rows.disturb])  # of the first reading

    def blocks() -> Iterator[bytes]:
        with open_split(split) as stored:
            yield from chunks(stored, split.compression, next(tellers, _ignore))

    lines = TextLines(blocks, source.encoding, source.max_document_bytes)
    grammar, header = _opened(lines, source, split.path)
    if not header:
        return
    check_columns(source, header, split.path)
    for position, record in enumerate(records(lines, grammar, source.max_document_bytes, header)):
        rows.frame()
        _take(header, record, position, rows, lines.encoding)
        if rows.full:
            yield rows.take()


def _opened(lines: TextLines, source: Source, path: str) -> tuple[Grammar, list[str]]:
    """The grammar of a table and its header, [] for none; `lines` go on behind the header."""
    delimiter = source.delimiter
    sample = _sample(lines)
    if sample and (named := _NAMED_DELIMITER.fullmatch(sample[0])):
        sample = sample[1:]
        delimiter = named[1] if delimiter == AUTO else delimiter
    if delimiter == AUTO:
        delimiter = _found_delimiter(sample, source, path)
    grammar = Grammar(delimiter, max_field_lines=source.max_field_lines)
    if delimiter == "\t" and not _uses_quotes(sample, grammar):
        grammar = grammar._replace(quotes=False)
    lines.put_back(sample)
    header = next(records(lines, grammar, source.max_document_bytes), Record([], 0))
    return grammar, header.fields or []


def _sample(lines: TextLines) -> list[str]:
    """The first lines, without blank ones before the header."""
    found: list[str | int] = []
    while len(found) < _SAMPLE_LINES and (line := lines.next()) is not None:
        if isinstance(line, int):
            lines.put_back([line])
            break
        if found or line.strip("\r\n"):
            found.append(line)
    return [line for line in found if isinstance(line, str)]


def _sampled(sample: list[str], grammar: Grammar) -> list[Record]:
    lines = TextLines(lambda: iter(()), "utf-8", 0)
    lines.put_back(sample)
    return list(records(lines, grammar, sum(map(len, sample))))


def _found_delimiter(sample: list[str], source: Source, path: str) -> str:
    """The one that gives the columns asked for, else most columns; the suffix decides between equals."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes[-2:]]
    usual = next((_OF_SUFFIX[suffix] for suffix in suffixes if suffix in _OF_SUFFIX), ",")

    def fitness(delimiter: str) -> tuple[bool, int, int, bool]:
        found = [record.fields for record in _sampled(sample, Grammar(delimiter)) if record.fields]
        header = found[0] if found else []
        has_columns = all(name in header or name.split(".")[0] in header for name in source.required_columns)
        alike = sum(len(fields) == len(header) for fields in found)
        return has_columns, alike if has_columns else 0, len(header), delimiter == usual

    return max(_DELIMITERS, key=fitness)


def _uses_quotes(sample: list[str], grammar: Grammar) -> bool:
    """Whether every quote at the start of a field is well formed; tab-separated files often know no quoting."""
    cut = len(sample) == _SAMPLE_LINES  # the last field of the sample may go on
    return not any(
        record.stray_quote or (record.defect and not (cut and NOT_CLOSED in record.detail))
        for record in _sampled(sample, grammar)
    )


def _take(header: list[str], record: Record, position: int, rows: ReaderRows, encoding: str) -> None:
    if record.fields is None:
        rows.quarantine(record.defect, record.detail, record.size, position)
        return
    if not record.fields:
        rows.skip("blank_line")
        return
    longest = max(map(len, record.fields))
    if longest > rows.source.max_document_bytes:
        detail = f"a field of {longest} characters; the limit is {rows.source.max_document_bytes}"
        rows.quarantine("too_large", detail, record.size, position)
        return
    if len(record.fields) != len(header):
        detail = f"{len(record.fields)} fields where the header has {len(header)}"
        rows.quarantine("wrong_field_count", detail, record.size, position)
        return
    notes: dict[str, Any] = {} if encoding == "utf-8" else {"charset": encoding}
    raw = dict(zip(header, record.fields, strict=True))
    values = {name: _clean(value) for name, value in raw.items()}
    if count := sum(len(SURROGATES.findall(raw.get(name, ""))) for name in rows.source.columns.texts):
        notes["replaced_bytes"] = count
    add_record(rows, values, position, record.size, notes)


def _clean(value: str) -> str:
    return value if value.isascii() else SURROGATES.sub("\ufffd", value)
