"""Frames written as Parquet between rounds of DataFrame operations, so that no plan grows from round to round.

A round is one JSON file, written last, that names the files of its frames; after an interruption the rounds go on after
the last one that has it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import PartWriter
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part


def write_frame(engine: Engine, frame: Any, storage: Storage, spec: DatasetSpec, name: str) -> list[Part]:
    """Write a frame with the columns of `spec`, each partition its own files; returns them."""
    written = frame.select(*spec.schema.names).mapInArrow(partial(_write, storage, spec, name), "part string").toArrow()
    return [Part.model_validate(json.loads(text)) for text in written.column("part").to_pylist()]


def _write(
    storage: Storage, spec: DatasetSpec, name: str, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    with PartWriter(storage, spec, name) as writer:
        for batch in batches:
            writer.write(batch)
    parts = [json.dumps(part.model_dump()) for part in writer.parts]
    yield pa.record_batch({"part": pa.array(parts, pa.string())})


class Rounds:
    """The rounds under one folder: `state` of the last finished one, and the files it names."""

    def __init__(self, engine: Engine, storage: Storage, folder: str) -> None:
        self.engine, self.storage, self.folder = engine, storage, folder
        finished = [name for name in storage.list(folder) if name.startswith("round-")]
        self.number = len(finished)
        self.state: dict[str, Any] = storage.read_json(f"{folder}/{finished[-1]}") if finished else {}

    def write(self, frame: Any, name: str, schema: pa.Schema) -> list[Part]:
        """A frame of the round being made."""
        spec = DatasetSpec(f"{self.folder}/{name}", schema, ())
        return write_frame(self.engine, frame, self.storage, spec, f"{self.number:04d}")

    def finish(self, frames: Mapping[str, list[Part]], facts: Mapping[str, Any]) -> None:
        """Make the round count, and remove the frames of the one before that this one does not name."""
        before = {path for parts in self.state.get("frames", {}).values() for path in paths_of(parts)}
        frames_as_json = {name: [part.model_dump() for part in parts] for name, parts in frames.items()}
        self.state = {"frames": frames_as_json, "facts": dict(facts)}
        self.storage.put_if_absent(f"{self.folder}/round-{self.number:06d}.json", self.state)
        self.number += 1
        now = {path for parts in frames_as_json.values() for path in paths_of(parts)}
        self.storage.remove_files(sorted(before - now))

    def parts(self, name: str) -> list[Part]:
        """The files of a frame in the last finished round."""
        return [Part.model_validate(part) for part in self.state.get("frames", {}).get(name, [])]

    def read(self, name: str) -> Any:
        """The frame, None when it has no rows."""
        return read_parts(self.engine, self.storage, self.parts(name))


def read_parts(engine: Engine, storage: Storage, parts: Iterable[Part]) -> Any:
    """A DataFrame over files that have rows, None when there are none."""
    paths = [storage.address(part.path) for part in parts if part.rows]
    return engine.read(paths) if paths else None


def paths_of(parts: Iterable[Mapping[str, Any]]) -> list[str]:
    return [part["path"] for part in parts]


def row_count(parts: Iterable[Part]) -> int:
    return sum(part.rows for part in parts)
