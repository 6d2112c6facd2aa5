"""Rows of a DataFrame back to the parts of the documents they belong to: one unit per part, rows in document order."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import DatasetSpec, PartWriter, commit_unit, read_part
from gristmill.schemas.manifest import DatasetManifest, Part


def part_key(part: int) -> str:
    """The unit key of the rows that belong to part number `part` of the documents."""
    return f"part-{part:08d}"


def write_by_part(engine: Engine, frame: Any, storage: Storage, spec: DatasetSpec) -> int:
    """Write a DataFrame with the columns of `spec` (among them `part` and `row`); returns the number of rows.

    One shuffle. Parts without rows get no unit.
    """
    partitions = engine.partitions or engine.cores
    ordered = frame.select(*spec.schema.names).repartition(partitions, "part").sortWithinPartitions("part", "row")
    written = ordered.mapInArrow(partial(_write_parts, storage, spec), "rows long").toArrow()
    return sum(written.column("rows").to_pylist())


def _write_parts(storage: Storage, spec: DatasetSpec, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    current: int | None = None
    writer: PartWriter | None = None
    rows = 0
    for batch in batches:
        parts = batch.column("part").to_numpy(zero_copy_only=False)
        starts = np.flatnonzero(np.diff(parts, prepend=parts[:1] - 1)) if len(parts) else np.zeros(0, np.int64)
        for start, end in zip(starts, [*starts[1:], len(parts)], strict=True):
            if parts[start] != current:
                if writer is not None and current is not None:
                    commit_unit(storage, spec, part_key(current), writer, {})
                current = int(parts[start])
                writer = PartWriter(storage, spec, part_key(current), single=True)
            assert writer is not None
            writer.write(batch.slice(start, end - start))
            rows += int(end - start)
    if writer is not None and current is not None:
        commit_unit(storage, spec, part_key(current), writer, {})
    yield pa.record_batch({"rows": pa.array([rows], pa.int64())})


def parts_by_number(manifest: DatasetManifest | None) -> dict[int, Part]:
    """Part number of the documents -> this dataset's part for it."""
    return {int(part.key.removeprefix("part-")): part for part in manifest.parts} if manifest else {}


def read_rows(storage: Storage, spec: DatasetSpec, part: Part | None, columns: list[str] | None = None) -> pa.Table:
    """The rows of one part; an empty table when the part has none."""
    if part is None:
        chosen = spec.schema if columns is None else pa.schema([spec.schema.field(name) for name in columns])
        return chosen.empty_table()
    return read_part(storage, part, columns or spec.schema.names)
