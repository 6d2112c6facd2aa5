"""Document ids that collide: every document that shares its id gets one made from id, content and a running number.

The number orders documents of equal id and equal content by everything else about them, so the new ids do not depend
on partitions or arrival; rows alike in every column are interchangeable.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import NumberedPart, parts_by_number, write_by_part
from gristmill.pipelines.run.dataset import PartWriter, iterate_part, read_each, read_manifest, read_part
from gristmill.pipelines.run.map_parts import map_part
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.run.units import Marker, read_units, unfinished
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.rows.document import CONTENT_ORDER

IN_MEMORY_ROWS = 500_000  # of ids, about 90 bytes each: more are compared sooner by an engine, with its start


@dataclass(frozen=True)
class _RenameTask:
    """A unit with colliding ids: its marker, and the new ids of its parts by their index in the unit."""

    storage: Storage
    spec: DatasetSpec
    marker: Marker
    new_ids: Mapping[int, Part]


def separate_colliding_ids(storage: Storage, engine: Engine, spec: DatasetSpec, units: dict[str, Marker]) -> int:
    """Give colliding documents new ids in the units written so far; returns how many documents shared an id.

    units: the markers of all units; those of renamed units are read again.
    """
    done = f"{spec.folder}/ids/done.json"
    known = storage.read_json_if_there(done)
    if known is not None:
        return int(known["documents"])
    parts = _unit_parts(units)
    numbered = read_manifest(storage, layout.NEW_IDS.folder)  # there when an earlier attempt stopped while renaming
    if numbered is None and _has_collisions(storage, engine, [part for *_, part in parts if part.rows]):
        numbered = _number_collisions(storage, engine, parts)
    if numbered is not None:
        tasks = _rename_tasks(storage, spec, units, parts, numbered)
        engine.run_tasks(_rename, tasks)
        units.update(read_units(storage, spec, [task.marker["key"] for task in tasks]))
    count = numbered.rows if numbered else 0
    storage.write_json(done, {"documents": count})
    return count


def _unit_parts(units: Mapping[str, Marker]) -> list[tuple[str, int, Part]]:
    """(unit, index in the unit, part) of everything written, in order of unit names."""
    return [
        (key, index, Part.model_validate(part))
        for key, marker in sorted(units.items())
        for index, part in enumerate(marker["parts"])
    ]


def _rename_tasks(
    storage: Storage,
    spec: DatasetSpec,
    units: Mapping[str, Marker],
    parts: Sequence[tuple[str, int, Part]],
    numbered: DatasetManifest,
) -> list[_RenameTask]:
    """A task for every unit in which a document is renamed."""
    new_ids = parts_by_number(numbered)
    found: dict[str, dict[int, Part]] = {}
    for number, (unit, index, _) in enumerate(parts):
        if number in new_ids:
            found.setdefault(unit, {})[index] = new_ids[number]
    return [_RenameTask(storage, spec, units[unit], chosen) for unit, chosen in found.items()]


def _has_collisions(storage: Storage, engine: Engine, parts: Sequence[Part]) -> bool:
    """Whether two documents share an id; below IN_MEMORY_ROWS no engine is started for it."""
    if not parts:
        return False
    rows = sum(part.rows for part in parts)
    if rows <= IN_MEMORY_ROWS:
        ids = pa.chunked_array(
            [chunk for part in read_each(storage, parts, ["doc_id"]) for chunk in part.column(0).chunks]
        )
        return int(pc.count_distinct(ids, mode="all").as_py()) < rows
    frame = engine.read([storage.address(part.path) for part in parts], ["doc_id"])
    return bool(frame.groupBy("doc_id").count().where("count > 1").limit(1).toArrow().num_rows)


def _number_collisions(storage: Storage, engine: Engine, parts: list[tuple[str, int, Part]]) -> DatasetManifest:
    """Numbers for the documents of every shared id."""
    from pyspark.sql.connect import functions as F
    from pyspark.sql.connect.window import Window

    rows = Stage(storage, layout.COLLIDING_IDS, config={}, inputs={})
    if rows.manifest is None:
        rows.start()
        tasks = [NumberedPart(number, part) for number, (_, _, part) in enumerate(parts)]
        engine.run_tasks(
            partial(_write_rows, storage),
            unfinished(storage, tasks, (layout.COLLIDING_IDS, lambda documents: documents.key)),
        )
        rows.finish({})
    assert rows.manifest is not None
    frame = engine.read([storage.address(part.path) for part in rows.manifest.parts])
    shared = F.count("*").over(Window.partitionBy("doc_id"))
    order = Window.partitionBy("doc_id", "content_hash").orderBy(*CONTENT_ORDER)
    numbered = frame.withColumn("shared", shared).withColumn("number", F.row_number().over(order).cast("long"))
    new_ids = Stage(storage, layout.NEW_IDS, config={}, inputs={})
    new_ids.start()
    write_by_part(engine, numbered.where("shared > 1"), storage, layout.NEW_IDS)
    return new_ids.finish({})


def _write_rows(storage: Storage, documents: NumberedPart) -> int:
    def placed(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        number, rows = [documents.number] * batch.num_rows, range(row, row + batch.num_rows)
        places = {"part": pa.array(number), "row": pa.array(rows)}
        return pa.record_batch({**dict(zip(batch.schema.names, batch.columns, strict=True)), **places})

    columns = ["doc_id", *CONTENT_ORDER]
    return map_part(storage, layout.COLLIDING_IDS, documents.part, placed, columns=columns, key=documents.key)


def _rename(task: _RenameTask) -> int:
    """Write the unit's parts anew with their new ids and put them in its marker in place of the old ones; repeatable."""
    old = [Part.model_validate(part) for part in task.marker["parts"]]
    replaced = {index: _renamed(task, old[index], new_ids) for index, new_ids in task.new_ids.items()}
    parts = [replaced.get(index, part).model_dump() for index, part in enumerate(old)]
    task.storage.write_json(task.spec.unit_path(task.marker["key"]), {**task.marker, "parts": parts})
    task.storage.remove_files([old[index].path for index in replaced])
    return sum(part.rows for part in replaced.values())


def _renamed(task: _RenameTask, old: Part, new_ids: Part) -> Part:
    """A part of documents written again, those in `new_ids` under their new id."""
    changes = read_part(task.storage, new_ids, layout.NEW_IDS.schema.names).to_pylist()
    new = {change["row"]: _new_id(change) for change in changes}
    row = 0
    with PartWriter(task.storage, task.spec, task.marker["key"], single=True) as writer:
        for batch in iterate_part(task.storage, old):
            ids = batch.column("doc_id").to_pylist()
            ids = [new.get(row + offset, doc_id) for offset, doc_id in enumerate(ids)]
            place = batch.schema.get_field_index("doc_id")
            writer.write(batch.set_column(place, "doc_id", pa.array(ids, pa.large_string())))
            row += batch.num_rows
    (replacement,) = writer.parts
    return replacement.model_copy(update={"key": old.key})


def _new_id(change: dict[str, Any]) -> str:
    content = f"{change['doc_id']}:{change['content_hash']}:{change['number']}"
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
