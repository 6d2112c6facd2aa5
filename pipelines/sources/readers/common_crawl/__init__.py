"""Common Crawl as it is published: lists of its files, results of its index, and the archives themselves.

A list (`warc.paths.gz`) stands for the files that it names, an index result for the records that it names: lines of a CDX
or CDXJ file, answers of an index server, or rows of the columnar index in Parquet. Records are fetched as byte ranges from
the archives, which lie in a folder or store; what an index says has no page in it is not fetched. The snapshot of a document
is the crawl in the name of its archive, where the recipe names none.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from gristmill.pipelines.sources.readers import jsonl
from gristmill.pipelines.sources.readers.common_crawl.captures import (
    Capture,
    CaptureError,
    capture_of,
    captures_of_lines,
    columns_of,
    missing_columns,
)
from gristmill.pipelines.sources.readers.common_crawl.ranges import FIRST_BYTES, Archives, Unreachable, below
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile, inspected, listed
from gristmill.pipelines.sources.readers.locate import locate as locate_files
from gristmill.pipelines.sources.readers.parquet import stored_bytes
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split, crawl_of
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.warc import take_record
from gristmill.pipelines.sources.readers.warc_frames import frames
from gristmill.pipelines.sources.readers.web import Pages
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

AT_ONCE = 64  # captures that are fetched before any of them is read
BYTES_AT_ONCE = 64 << 20
INDEX_BYTES_A_SPLIT = 1 << 20  # of an index: some thousand records
LISTING_THREADS = 16
_ARCHIVE = re.compile(r"\.(warc|wet|wat|arc)(\.gz|\.zst|\.bz2|\.xz)?$", re.IGNORECASE)
_LIST = re.compile(r"\.paths(\.gz|\.zst|\.bz2|\.xz)?$", re.IGNORECASE)
_SHOWN = 3


def locate(source: Source, left_out: list[str] | None = None) -> list[InputFile]:
    """Archives and index results as they are; for a list, the archives that it names."""
    found: dict[str, InputFile] = {}
    for file in locate_files(source, left_out):
        name = posixpath.basename(file.path)
        if _LIST.search(name):
            found |= {one.path: one for one in _named_by(source, file)}
        elif archive := _ARCHIVE.search(name):
            found[file.path] = replace(file, format="arc" if archive[1].lower() == "arc" else "warc")
        else:
            found[file.path] = file
    return list(found.values())


def _named_by(source: Source, file: InputFile) -> list[InputFile]:
    """The archives that a list names; InputError when one of them is not there."""
    where = f"source {source.name}: {file.url}"
    damage: list[str] = []
    split = Split(source.name, file.url, file.path, file.format, 0, file.size, file.size, file.compression)
    with open_split(split) as stored:
        content = b"".join(chunks(stored, file.compression, damage.append))
    if damage:
        raise InputError(damage[0], expected="a whole list of files", where=where, next_step="fetch the list again")
    names = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()]
    names = [name for name in dict.fromkeys(names) if name and not name.startswith("#")]
    wrong = [name for name in names if not _ARCHIVE.search(name)]
    if wrong or not names:
        raise InputError(
            f"the list names {wrong[0]!r}" if wrong else "the list names no file",
            expected="a list of WARC, WET, WAT or ARC files, such as warc.paths.gz",
            where=where,
            next_step="for an index, name its files in `path` (cdx-00000.gz, or Parquet)",
        )
    chosen = _spread(names, source.crawl.files)
    store = (source.crawl.store or posixpath.dirname(file.url)).rstrip("/")
    with ThreadPoolExecutor(LISTING_THREADS) as threads:
        files = list(threads.map(lambda name: _archive(source, store, name), chosen))
    missing = [name for name, one in zip(chosen, files, strict=True) if one is None]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise InputError(
            f"{', '.join(missing[:_SHOWN])}{more} are not below {store}",
            expected="the files that the list names",
            where=where,
            next_step="set `crawl: {store: ...}` to where they lie (s3://commoncrawl, https://data.commoncrawl.org, a folder)",
        )
    return [one for one in files if one is not None]


def _spread(names: Sequence[str], count: int | None) -> list[str]:
    """That many of them, evenly spread; all for None."""
    if count is None or count >= len(names):
        return list(names)
    return [names[number * len(names) // count] for number in range(count)]


def _archive(source: Source, store: str, name: str) -> InputFile | None:
    try:
        fs, path = url_to_fs(below(store, name))
        entry = listed(fs, fs.info(path))
    except (FileNotFoundError, Unreachable):
        return None
    by_name = source.model_copy(update={"format": "auto"})
    return inspected(entry, path, name, by_name, first=False)


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """Of an index: row groups of Parquet, ranges of bytes of plain lines; a packed file is one split."""
    if not file.path.lower().endswith(".parquet"):
        return jsonl.splits(source, file, INDEX_BYTES_A_SPLIT)
    try:
        with file.fs.open(url_to_fs(file.url)[1], "rb") as stored, pq.ParquetFile(stored) as parquet:
            missing = missing_columns(columns_of(_column_names(parquet)))
            groups = parquet.num_row_groups
    except (pa.ArrowInvalid, OSError):
        return [(0, 0)]  # reading says in its tally what is wrong
    if missing:
        raise InputError(
            f"no column {missing[0]}",
            expected="the columnar index of Common Crawl, or its columns warc_filename, warc_record_offset, warc_record_length",
            where=f"source {source.name}: {file.url}",
            next_step="take these columns into the query's result, or set `format: parquet` for a table of texts",
        )
    return [(group, group + 1) for group in range(groups)] or [(0, 0)]


def _column_names(parquet: pq.ParquetFile) -> list[str]:
    """Names of the leaves, those of nested columns with a dot."""
    return [parquet.schema.column(number).path for number in range(len(parquet.schema))]


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    """The documents of the records that a part of an index names."""
    store = source.crawl.store or posixpath.dirname(split.url)
    archives = Archives(store, source.name, source.crawl.connections, source.max_document_bytes)
    pages, unreachable = Pages(rows, isolate), 0
    first = ""
    for positions, captures in _batches(_wanted(source, split, rows)):
        for position, capture, content in zip(positions, captures, archives.contents(captures), strict=True):
            rows.snapshot = source.snapshot or crawl_of(capture.filename)
            if isinstance(content, Unreachable):
                unreachable += 1
                first = first or str(content)
                rows.quarantine("unreachable_record", str(content), capture.length or 0, position, url=capture.url)
                continue
            record = next(frames(iter([content]), source.max_document_bytes), None)
            if record is None:
                rows.quarantine("corrupt_record", "no bytes", 0, position, url=capture.url)
                continue
            take_record(record._replace(offset=position), rows, pages)
            if pages.full:
                yield from pages.flush()
            if rows.full:
                yield rows.take()
    if unreachable:
        rows.disturb(f"{unreachable} records could not be fetched, the first: {first}")


def _wanted(source: Source, split: Split, rows: ReaderRows) -> Iterator[tuple[int, Capture]]:
    """(position, capture) of the records to fetch; every other row of the index is counted as what it is."""
    is_table = split.path.lower().endswith(".parquet")
    for position, size, found in _table(split, rows) if is_table else _lines(split, rows):
        if found is None:
            continue
        rows.frame()
        if isinstance(found, CaptureError):
            rows.quarantine("invalid_index_line", str(found), size, position)
        elif reason := _without_page(found):
            rows.skip(reason)
        else:
            yield position, found


def _without_page(capture: Capture) -> str | None:
    """Why the record holds no page, as far as the index says so."""
    if capture.mime == "warc/revisit":
        return "warc_revisit"
    if capture.status and capture.status.isdigit() and not 200 <= int(capture.status) < 300:
        return "http_redirect" if capture.status.startswith("3") else "http_error_status"
    return None


def _lines(split: Split, rows: ReaderRows) -> Iterator[tuple[int, int, Capture | CaptureError | None]]:
    with open_split(split) as stored:
        place = [(0, 0)]  # of the line that was read last

        def contents() -> Iterator[bytes]:
            if split.start:  # the header of CDX is the first line of the file
                yield stored.readline(1 << 16)
            for line in jsonl.framed_lines(stored, split, rows):
                place[0] = (line.offset, line.size)
                yield b"?" if line.content is None else line.content

        header = split.start > 0
        for found in captures_of_lines(contents()):
            yield *place[0], None if header else found
            header = False


def _table(split: Split, rows: ReaderRows) -> Iterator[tuple[int, int, Capture | CaptureError | None]]:
    with open_split(split) as stored:
        try:
            with pq.ParquetFile(stored) as parquet:
                columns = columns_of(_column_names(parquet))
                metadata = parquet.metadata
                rows.bytes_consumed = stored_bytes(metadata, split)
                position = sum(metadata.row_group(group).num_rows for group in range(split.start))
                for group in range(split.start, split.end):
                    for batch in parquet.iter_batches(1024, [group], list(columns.values())):
                        for row in pa.Table.from_batches([batch]).flatten().to_pylist():
                            yield position, 0, _of_row({name: row[column] for name, column in columns.items()})
                            position += 1
        except (pa.ArrowInvalid, OSError) as error:
            rows.disturb(f"no Parquet file: {str(error)[:200]}")
            rows.bytes_consumed = split.size


def _of_row(values: dict[str, object]) -> Capture | CaptureError:
    try:
        return capture_of(values)
    except CaptureError as error:
        return error


def _batches(wanted: Iterator[tuple[int, Capture]]) -> Iterator[tuple[list[int], list[Capture]]]:
    """Captures that are fetched together, bounded in number and in bytes."""
    positions: list[int] = []
    captures: list[Capture] = []
    size = 0
    for position, capture in wanted:
        positions.append(position)
        captures.append(capture)
        size += FIRST_BYTES if capture.length is None else capture.length
        if len(captures) == AT_ONCE or size >= BYTES_AT_ONCE:
            yield positions, captures
            positions, captures, size = [], [], 0
    if captures:
        yield positions, captures
