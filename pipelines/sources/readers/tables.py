"""Arrow batches of any schema as records, for the columnar formats."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from gristmill.pipelines.sources.readers.records import listed
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source


def check_text_type(source: Source, schema: pa.Schema, where: str) -> None:
    """InputError when the text column is of a type that cannot hold text."""
    name = source.columns.only_text if source.has_documents else None
    if name is None or name not in schema.names:
        return  # several, or a nested `a.b`: seen record by record
    kind = schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not _is_text(kind) and not pa.types.is_null(kind):
        raise InputError(
            f"column {name!r} is {kind}; columns found: {listed(schema.names)}",
            expected="string",
            where=where,
            next_step="map another column with `columns: {text: COLUMN}`",
        )


def _is_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(check(kind) for check in (*checks, *binary))


def records(batch: pa.RecordBatch, texts: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], int]]:
    """(record, bytes of its text) for each row; text columns come as bytes, as files may hold invalid UTF-8 there."""
    columns = {name: _values(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    names = list(columns)
    for row in zip(*columns.values(), strict=True):
        record = dict(zip(names, row, strict=True))
        values = [record.get(name) for name in texts]
        yield record, sum(len(value) for value in values if isinstance(value, bytes))


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        # Rows share one object per value: decoding would copy a 10 MB text for each row that repeats it.
        values = _values(column.dictionary)
        return [None if index is None else values[index] for index in column.indices.to_pylist()]
    if not _is_text(kind):
        return column.to_pylist()
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary()).to_pylist()
    return column.view(pa.large_binary() if "large" in str(kind) else pa.binary()).to_pylist()
