"""Batches of documents through a function, part by part: how a step of one's own writes what it measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import PartWriter, iterate_part
from gristmill.pipelines.run.units import commit_unit
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part

BatchFunction = Callable[[pa.RecordBatch, Any], pa.RecordBatch]


@dataclass(frozen=True)
class MapTask:
    """One part of the documents, what is read of it, and the function that its batches go through."""

    storage: Storage
    spec: DatasetSpec
    part: Part
    columns: tuple[str, ...]
    function: BatchFunction
    arguments: Any


def map_part(task: MapTask) -> int:
    """Write the unit of one part. Returns the bytes of its text."""
    writer = PartWriter(task.storage, task.spec, task.part.key, single=True)
    try:
        for batch in iterate_part(task.storage, task.part, list(task.columns)):
            writer.write(task.function(batch.select(list(task.columns)), task.arguments))
    except BaseException:
        writer.abandon()
        raise
    commit_unit(task.storage, task.spec, task.part.key, writer, {})
    return task.part.text_bytes


def map_tasks(
    storage: Storage,
    spec: DatasetSpec,
    parts: Sequence[Part],
    columns: Sequence[str],
    function: BatchFunction,
    arguments: Any,
) -> list[MapTask]:
    """A task for every part."""
    return [MapTask(storage, spec, part, tuple(columns), function, arguments) for part in parts]
