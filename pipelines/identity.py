"""Document ids that collide: every document that shares its id gets one made from id, content and a running number.

The number orders documents of equal id and equal content by everything else about them, so the new ids do not depend
on partitions or arrival; rows alike in every column are interchangeable.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.by_part import part_key, parts_by_number, write_by_part
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import (
    DatasetSpec,
    PartWriter,
    commit_unit,
    iterate_part,
    read_manifest,
    read_part,
)
from gristmill.pipelines.run.stages import Stage
from gristmill.schemas.manifest import DatasetManifest, Part

_ORDER = ("content_hash", "source", "snapshot", "url", "timestamp", "metadata", "location")
ROWS = DatasetSpec(
    "documents/ids/rows",
    pa.schema(
        [
            pa.field("doc_id", pa.large_string(), nullable=False),
            pa.field("part", pa.int64(), nullable=False),
            pa.field("row", pa.int64(), nullable=False),
            *[pa.field(name, pa.large_string()) for name in _ORDER],
        ]
    ),
    ("doc_id",),
)
NEW_IDS = DatasetSpec(
    "documents/ids/new",
    pa.schema(
        [
            pa.field("doc_id", pa.large_string(), nullable=False),
            pa.field("part", pa.int64(), nullable=False),
            pa.field("row", pa.int64(), nullable=False),
            pa.field("content_hash", pa.large_string()),
            pa.field("number", pa.int64(), nullable=False),
        ]
    ),
    ("doc_id", "content_hash", "number"),
)
"""documents/ids/ is written only when ids collide; the old parts stay until their replacements are listed."""


@dataclass(frozen=True)
class _RowsTask:
    storage: Storage
    part: Part
    number: int


def separate_colliding_ids(storage: Storage, engine: Engine, spec: DatasetSpec) -> int:
    """Give colliding documents new ids in the units written so far; returns how many documents shared an id."""
    done = f"{spec.folder}/ids/done.json"
    if storage.exists(done):
        return int(storage.read_json(done)["documents"])
    parts = _unit_parts(storage, spec)
    numbered = read_manifest(storage, NEW_IDS.folder)  # there when an earlier attempt stopped while renaming
    if numbered is None and _has_collisions(
        engine, [storage.engine_path(part.path) for *_, part in parts if part.rows]
    ):
        numbered = _number_collisions(storage, engine, parts)
    new_ids = parts_by_number(numbered)
    for number, (unit, index, _) in enumerate(parts):
        if number in new_ids:
            _rename(storage, spec, unit, index, new_ids[number])
    count = numbered.rows if numbered else 0
    storage.write_json(done, {"documents": count})
    return count


def _unit_parts(storage: Storage, spec: DatasetSpec) -> list[tuple[str, int, Part]]:
    """(unit, index in the unit, part) of everything written, in order of unit names."""
    found = []
    for name in storage.list(f"{spec.folder}/units"):
        if not name.endswith(".json"):
            continue  # a marker whose writing was interrupted
        marker = storage.read_json(f"{spec.folder}/units/{name}")
        found += [(marker["key"], index, Part.model_validate(part)) for index, part in enumerate(marker["parts"])]
    return found


def _has_collisions(engine: Engine, paths: list[str]) -> bool:
    if not paths:
        return False
    counts = engine.read(paths, ["doc_id"]).groupBy("doc_id").count().where("count > 1")
    return bool(counts.limit(1).toArrow().num_rows)


def _number_collisions(storage: Storage, engine: Engine, parts: list[tuple[str, int, Part]]) -> DatasetManifest:
    """Numbers for the documents of every shared id."""
    from pyspark.sql.connect import functions as F
    from pyspark.sql.connect.window import Window

    rows = Stage(storage, ROWS, config={}, inputs={})
    rows.start()
    engine.run_tasks(_write_rows, [_RowsTask(storage, part, number) for number, (_, _, part) in enumerate(parts)])
    manifest = rows.finish({})
    frame = engine.read([storage.engine_path(part.path) for part in manifest.parts])
    shared = F.count("*").over(Window.partitionBy("doc_id"))
    order = Window.partitionBy("doc_id", "content_hash").orderBy(*_ORDER)
    numbered = frame.withColumn("shared", shared).withColumn("number", F.row_number().over(order).cast("long"))
    new_ids = Stage(storage, NEW_IDS, config={}, inputs={})
    new_ids.start()
    write_by_part(engine, numbered.where("shared > 1"), storage, NEW_IDS)
    return new_ids.finish({})


def _write_rows(task: _RowsTask) -> int:
    writer = PartWriter(task.storage, ROWS, part_key(task.number), single=True)
    row = 0
    for batch in iterate_part(task.storage, task.part, ["doc_id", *_ORDER]):
        places = {"part": pa.array([task.number] * batch.num_rows), "row": pa.array(range(row, row + batch.num_rows))}
        writer.write(pa.record_batch({**dict(zip(batch.schema.names, batch.columns, strict=True)), **places}))
        row += batch.num_rows
    commit_unit(task.storage, ROWS, part_key(task.number), writer, {})
    return task.part.rows


def _rename(storage: Storage, spec: DatasetSpec, unit: str, index: int, new_ids: Part) -> None:
    """Write the part anew with its new ids and put it in the unit's marker in place of the old one; repeatable."""
    changes = read_part(storage, new_ids, NEW_IDS.schema.names).to_pylist()
    new = {change["row"]: _new_id(change) for change in changes}
    marker = storage.read_json(spec.unit_path(unit))
    old = Part.model_validate(marker["parts"][index])
    writer = PartWriter(storage, spec, unit, single=True)
    row = 0
    for batch in iterate_part(storage, old):
        ids = batch.column("doc_id").to_pylist()
        ids = [new.get(row + offset, doc_id) for offset, doc_id in enumerate(ids)]
        writer.write(
            batch.set_column(batch.schema.get_field_index("doc_id"), "doc_id", pa.array(ids, pa.large_string()))
        )
        row += batch.num_rows
    (replacement,) = writer.close()
    marker["parts"][index] = replacement.model_copy(update={"key": old.key}).model_dump()
    storage.write_json(spec.unit_path(unit), marker)
    storage.remove(old.path)


def _new_id(change: dict[str, Any]) -> str:
    content = f"{change['doc_id']}:{change['content_hash']}:{change['number']}"
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
