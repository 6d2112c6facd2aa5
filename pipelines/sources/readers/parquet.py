"""Parquet: split by row groups, decoded a few rows at a time; a document's position is its row number in the file.

Memory follows the largest page and the batch: a page, which the file's writer sized, is unpacked as a whole.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from gristmill.pipelines.sources.readers.clean_batches import MIN_ROWS, as_documents
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.records import add_record, check_columns
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import open_split
from gristmill.pipelines.sources.readers.tables import check_text_type, records
from gristmill.schemas.recipe.source import Source

DECODED_BYTES = 4 << 20
MAX_DECODED_ROWS = 1024
_BUFFER_BYTES = 1 << 20


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """Row-group ranges of about `split_bytes` of text each; a file without a readable footer is one split."""
    if not file.size:
        return [(0, 0)]
    try:
        with file.fs.open(url_to_fs(file.url)[1], "rb") as stored, pq.ParquetFile(stored) as parquet:
            check_columns(source, parquet.schema_arrow.names, file.path)
            check_text_type(source, parquet.schema_arrow, file.path)
            sizes = [_group_bytes(parquet.metadata, g) for g in range(parquet.num_row_groups)]
    except (pa.ArrowInvalid, OSError):
        return [(0, 0)]  # reading says in its tally what is wrong
    return _ranges(sizes, split_bytes) or [(0, 0)]


def _group_bytes(metadata: pq.FileMetaData, group: int) -> int:
    return metadata.row_group(group).total_byte_size


def _ranges(sizes: list[int], limit: int) -> list[tuple[int, int]]:
    """Consecutive groups as long as together they stay within the limit; at least one each."""
    ranges, start, filled = [], 0, 0
    for index, size in enumerate(sizes):
        if index > start and filled + size > limit:
            ranges.append((start, index))
            start, filled = index, 0
        filled += size
    return [*ranges, (start, len(sizes))] if sizes else []


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    if not split.size:
        return
    with open_split(split) as stored:
        try:
            metadata = pq.read_metadata(stored)
            packed = _dictionary_columns(source, metadata)
            parquet = pq.ParquetFile(
                stored, metadata=metadata, read_dictionary=packed, buffer_size=_BUFFER_BYTES, pre_buffer=False
            )
        except (pa.ArrowInvalid, OSError) as error:
            rows.disturb(f"no Parquet file: {str(error)[:200]}")
            rows.bytes_consumed = split.size
            return
        with parquet:
            check_columns(source, parquet.schema_arrow.names, split.path)
            check_text_type(source, parquet.schema_arrow, split.path)
            rows.bytes_consumed = stored_bytes(parquet.metadata, split)
            for group in range(split.start, split.end):
                yield from _read_group(source, parquet, group, rows)


def _columns_read(source: Source, found: list[str]) -> list[str]:
    """The columns to decode: of a text made of several strings the outer ones, as lists may lie inside."""
    several = source.columns.only_text is None
    nested = {name: name.split(".")[0] for name in source.wanted_columns(found) if name.split(".")[0] in found}
    return list(
        dict.fromkeys(head if several and name in source.columns.texts else name for name, head in nested.items())
    )


def _dictionary_columns(source: Source, metadata: pq.FileMetaData) -> list[str]:
    """The text column, if it may be stored as a dictionary: then repeated long texts take no room when read so."""
    first = [metadata.row_group(0).column(c) for c in range(metadata.num_columns)] if metadata.num_row_groups else []
    texts = [column for column in first if column.path_in_schema in source.columns.texts]
    return [column.path_in_schema for column in texts if column.has_dictionary_page]


def _read_group(source: Source, parquet: pq.ParquetFile, group: int, rows: ReaderRows) -> Iterator[pa.RecordBatch]:
    """The documents of one row group; a page that cannot be decoded ends the group, its other rows are counted."""
    metadata = parquet.metadata
    position = sum(metadata.row_group(g).num_rows for g in range(group))
    count = metadata.row_group(group).num_rows
    average = max(_group_bytes(metadata, group) // max(count, 1), 1)
    size = max(1, min(DECODED_BYTES // average, MAX_DECODED_ROWS))
    names = _columns_read(source, parquet.schema_arrow.names)
    done = 0
    batches = parquet.iter_batches(batch_size=size, row_groups=[group], columns=names, use_threads=False)
    while done < count:
        try:
            batch = next(batches)
        except StopIteration:
            break
        except (pa.ArrowException, OSError, ValueError) as error:
            rows.disturb(f"row group {group} cannot be decoded after row {position + done}: {str(error)[:200]}")
            break
        whole = batch.num_rows >= MIN_ROWS
        documents = as_documents(batch, source, rows.split, position + done) if whole else None
        if documents is not None:
            if len(rows):
                yield rows.take()
            rows.count_plain(documents.num_rows)
            done += documents.num_rows
            yield documents
            continue
        for record, text_bytes in records(batch, source.columns.texts):
            rows.frame()
            add_record(rows, record, position + done, text_bytes, {})
            done += 1
            if rows.full:
                yield rows.take()
    for row in range(done, count):
        rows.frame()
        rows.quarantine("undecodable_row", f"row group {group} is damaged", 0, position + row)
        if rows.full:
            yield rows.take()


def stored_bytes(metadata: pq.FileMetaData, split: Split) -> int:
    """The stretch of the file from this split's first row group to the next split's; the ends go to the outer ones."""
    first = 0 if split.start == 0 else _group_offset(metadata, split.start)
    last = split.size if split.end >= metadata.num_row_groups else _group_offset(metadata, split.end)
    return last - first


def _group_offset(metadata: pq.FileMetaData, group: int) -> int:
    column = metadata.row_group(group).column(0)
    return min(o for o in (column.dictionary_page_offset, column.data_page_offset) if o is not None)
