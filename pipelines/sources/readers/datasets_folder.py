"""Folders written by Hugging Face `datasets` `save_to_disk`: their Arrow files, read with pyarrow alone.

`state.json` beside the files lists the ones that are the dataset; others (caches of `map` and `filter`) are left out
when files are located. A document's position is its row number in the file.
"""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
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

_FILE_MAGIC = b"ARROW1"
_SLICE_ROWS = 256


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """One split a file, as `save_to_disk` shards by size already; InputError for missing columns."""
    if file.size:
        with file.fs.open(url_to_fs(file.url)[1], "rb") as stored:
            try:
                schema, _ = _open(stored)
            except (pa.ArrowInvalid, OSError):
                return [(0, file.size)]  # reading says in its tally what is wrong
        check_columns(source, schema.names, file.path)
        check_text_type(source, schema, file.path)
    return [(0, file.size)]


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    if not split.size:
        return
    position = 0
    with open_split(split) as stored:
        try:
            schema, batches = _open(stored)
            check_columns(source, schema.names, split.path)
            wanted = {name.split(".")[0] for name in source.wanted_columns(schema.names)}
            names = [name for name in schema.names if name in wanted]
            for batch in batches:
                for part in _slices(batch.select(names)):
                    whole = part.num_rows >= MIN_ROWS
                    documents = as_documents(part, source, split, position) if whole else None
                    if documents is not None:
                        if len(rows):
                            yield rows.take()
                        rows.count_plain(documents.num_rows)
                        position += documents.num_rows
                        yield documents
                        continue
                    for record, size in records(part, source.columns.texts):
                        rows.frame()
                        add_record(rows, record, position, size, {})
                        position += 1
                        if rows.full:
                            yield rows.take()
        except (pa.ArrowInvalid, OSError) as error:
            rows.disturb(f"no whole Arrow file after row {position}: {str(error)[:200]}")


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (batch.slice(start, _SLICE_ROWS) for start in range(0, batch.num_rows, _SLICE_ROWS))


def _open(stored: BinaryIO) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """(schema, batches) of an Arrow stream, which `datasets` writes, or of an Arrow file."""
    is_file = stored.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    stored.seek(0)
    if not is_file:
        stream = pa.ipc.open_stream(stored)
        return stream.schema, iter(stream)
    reader = pa.ipc.open_file(stored)
    return reader.schema, (reader.get_batch(index) for index in range(reader.num_record_batches))
