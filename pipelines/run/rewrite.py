"""Datasets written anew where rows of their documents go: new parts beside the old ones, then a manifest that lists them.

The old parts are removed when the manifest no longer lists them, and what an interrupted attempt left behind goes with
the next one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.map_parts import map_part
from gristmill.pipelines.run.stages import remade
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part


@dataclass(frozen=True)
class RewriteTask:
    """One part of a dataset measured on documents, and rows of the documents' part."""

    storage: Storage
    spec: DatasetSpec
    part: Part
    rows: np.ndarray


def null_rows(task: RewriteTask) -> int:
    """Write one part of signals with nulls for everything but the id in those rows."""
    return map_part(task.storage, task.spec, task.part, partial(_nulled, task.rows))


def drop_rows(task: RewriteTask) -> int:
    """Write one part of rows with a column `row` without those rows."""
    return map_part(
        *(task.storage, task.spec, task.part),
        lambda batch, _row: batch.filter(pc.invert(_is_in(batch.column("row"), task.rows))),
    )


def only_rows(task: RewriteTask) -> int:
    """Write one part of rows with a column `row` with those rows alone."""
    return map_part(
        *(task.storage, task.spec, task.part), lambda batch, _row: batch.filter(_is_in(batch.column("row"), task.rows))
    )


def _nulled(rows: np.ndarray, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    gone = _is_in(pa.array(np.arange(first, first + batch.num_rows)), rows)
    columns = [
        column if name == "doc_id" else pc.if_else(gone, pa.scalar(None, column.type), column)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _is_in(places: pa.Array, rows: np.ndarray) -> pa.BooleanArray:
    return pc.is_in(places, value_set=pa.array(rows, places.type))


def beside(spec: DatasetSpec, name: object) -> DatasetSpec:
    """Where the new parts of a dataset are written: a folder inside it for each time."""
    return replace(spec, folder=f"{spec.folder}/scrubbed-{name}")


def publish(
    storage: Storage,
    spec: DatasetSpec,
    manifest: DatasetManifest,
    units: Mapping[str, Mapping[str, Any]],
    changes: Mapping[str, Any],
) -> DatasetManifest:
    """The dataset with the units' parts in place of those of the same key, which are removed."""
    rewritten = {part["key"]: Part.model_validate(part) for unit in units.values() for part in unit["parts"]}
    found = remade(manifest, [rewritten.get(part.key, part) for part in manifest.parts], changes)
    storage.write_json(f"{spec.folder}/{layout.MANIFEST}", found.model_dump())
    remove_unlisted(storage, spec.folder, found)
    return found


def remove_unlisted(storage: Storage, folder: str, manifest: DatasetManifest) -> None:
    """Remove every file of data that the manifest does not list, and the markers of the work that made it."""
    listed = {part.path for part in manifest.parts}
    storage.remove_files([path for path in _data_files(storage, folder) if path not in listed])
    storage.remove(f"{folder}/units")
    storage.remove_file(f"{folder}/{layout.STARTED}")
    for name in storage.list(folder):
        storage.remove(f"{folder}/{name}/units")


def _data_files(storage: Storage, folder: str) -> Iterator[str]:
    """Files in `data` of a dataset's folder and of the folders in it."""
    for place in (folder, *(f"{folder}/{name}" for name in storage.list(folder))):
        if place.endswith("/data"):
            continue
        for name in storage.list(f"{place}/data"):
            yield f"{place}/data/{name}"
