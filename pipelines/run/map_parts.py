"""A part of a dataset through a function, batch by batch: its answers are a unit of another dataset."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import iterate_part
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part

BatchFunction = Callable[[pa.RecordBatch, Any], pa.RecordBatch]


def map_part(
    storage: Storage,
    spec: DatasetSpec,
    part: Part,
    function: Callable[[pa.RecordBatch, int], pa.RecordBatch],
    *,
    columns: Sequence[str] | None = None,
    key: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Write a unit of `spec` from the batches of a part; returns the number of rows read.

    function: `(batch, row) -> batch`, row: the place of the batch's first row in the part. columns: those that are read,
    in this order; None for all. key: of the unit; None for the part's. facts: of the unit.
    """
    row = 0
    with UnitWriter(storage, spec, key or part.key) as unit:
        for batch in iterate_part(storage, part, None if columns is None else list(columns)):
            unit.write(function(batch if columns is None else batch.select(columns), row))
            row += batch.num_rows
        unit.facts.update(facts or {})
    return row


def map_documents_part(
    storage: Storage, spec: DatasetSpec, columns: Sequence[str], function: BatchFunction, arguments: Any, part: Part
) -> int:
    """Write a unit of `spec` from a part of the documents by `function(batch, arguments)`; returns the bytes of its text."""
    map_part(storage, spec, part, lambda batch, _row: function(batch, arguments), columns=columns)
    return part.text_bytes
