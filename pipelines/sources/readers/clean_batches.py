"""Whole batches of table rows as documents at once, when no row of them needs a closer look.

Most batches of most tables are such: text without nulls, NUL characters or invalid UTF-8, nothing too large, no mapped
metadata, no timestamps. The rows are the same as `records.add_record` makes one by one.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.sources.readers.identity import content_hash, id_from_column, id_from_position
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.document import DOCUMENT, KEPT_STATUS

MIN_ROWS = 64  # below, taking a batch as a whole costs more than taking its rows one by one (1 ms and 20 us a row)
MAX_TEXT_BYTES = 32 << 20  # of a batch; beyond it rows are taken one by one, in bounded batches


def as_documents(batch: pa.RecordBatch, source: Source, split: Split, position: int) -> pa.RecordBatch | None:
    """The batch as rows of DOCUMENT, its first row being row `position` of the file; None when a row is not plain."""
    columns = source.columns
    if not source.has_documents or columns.metadata or not _absent(batch, columns.timestamp) or not batch.num_rows:
        return None
    text, url = _plain(batch, columns.only_text), _plain(batch, columns.url)
    ids = _plain(batch, columns.id)
    if text is None or (ids is None and columns.id is not None) or (url is None and not _absent(batch, columns.url)):
        return None
    sizes = pc.binary_length(text).cast(pa.int64())
    if pc.max(sizes).as_py() > source.max_document_bytes or pc.sum(sizes).as_py() > MAX_TEXT_BYTES:
        return None
    if pc.any(pc.match_substring(text, "\0")).as_py():
        return None
    rows, name, places = batch.num_rows, source.name, range(position, position + batch.num_rows)
    if ids is None:
        doc_ids = [id_from_position(name, split.path, place) for place in places]
    else:
        doc_ids = [id_from_column(name, value) for value in ids.to_pylist()]
    made = {
        "doc_id": doc_ids,
        "source": _repeated(name, rows),
        "snapshot": _repeated(source.snapshot, rows),
        "url": pa.nulls(rows, pa.large_string()) if url is None else url,
        "content_hash": _hashes(text),
        "text": text,
        "text_bytes": sizes,
        "metadata": _repeated("{}", rows),
        "location": [f"{split.path}#{place}" for place in places],
        "status": _repeated(KEPT_STATUS, rows),
    }
    arrays = [_array(made.get(field.name), field.type, rows) for field in DOCUMENT]
    return pa.RecordBatch.from_arrays(arrays, schema=DOCUMENT)


def _absent(batch: pa.RecordBatch, name: str | None) -> bool:
    """No such column, not even as the outer part of `a.b`, or nothing but nulls in it."""
    if name is None:
        return True
    found = [column for column in batch.schema.names if column == name or column == name.split(".")[0]]
    return all(batch.column(column).null_count == batch.num_rows for column in found)


def _plain(batch: pa.RecordBatch, name: str | None) -> pa.Array | None:
    """The column as large_string: strings without nulls and of valid UTF-8; None for any other."""
    if name is None or name not in batch.schema.names:
        return None
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary) if _is_string(column.dictionary.type) else None
        if lengths is None or (pc.sum(lengths.take(column.indices)).as_py() or 0) > MAX_TEXT_BYTES:
            return None
        column = column.dictionary_decode()
    if not _is_string(column.type) or column.null_count:
        return None
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return column.cast(pa.large_string())


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _hashes(text: pa.Array) -> list[str]:
    _, offsets, data = text.buffers()
    edges = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    return [content_hash(view[start:end]) for start, end in pairwise(edges)]


def _repeated(value: str | None, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.large_string()), rows)


def _array(values: pa.Array | Sequence[str] | None, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
