"""Rows of a DataFrame back to the parts of the documents they belong to: one unit per part."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.ahead import map_ahead
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.regroup import Regroup
from gristmill.pipelines.run.units import UnitWriter, read_units
from gristmill.schemas.errors import RunError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.signals import FamilyKey

REMOTE_WRITES = 8  # parts written side by side: putting a small file takes a store longer than it takes us


@dataclass(frozen=True)
class NumberedPart:
    """A part by the number of the part of the documents whose rows it has, with the parts of signals that a task reads."""

    number: int
    part: Part
    signals: Mapping[FamilyKey, Part] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the unit that a task makes of it."""
        return part_key(self.number)


def part_key(part: int) -> str:
    """The unit key of the rows that belong to part number `part` of the documents."""
    return f"part-{part:08d}"


def part_number(part: Part) -> int:
    """The number of the documents part that a part with such a unit key belongs to."""
    return int(part.key.removeprefix("part-"))


def write_by_part(engine: Engine, frame: Any, storage: Storage, spec: DatasetSpec) -> int:
    """Write a DataFrame with the columns of `spec` (among them `part` and `row`); returns the number of rows.

    One shuffle. Parts without rows get no unit. RunError when not every row arrived in a unit.
    """
    partitions = engine.partitions or engine.cores
    shuffled = frame.select(*spec.schema.names).repartition(partitions, "part")
    answers = shuffled.mapInArrow(partial(write_parts, storage, spec), "part long, rows long").toArrow()
    sent = dict.fromkeys(answers.column("part").to_pylist(), 0)
    for part, rows in zip(answers.column("part").to_pylist(), answers.column("rows").to_pylist(), strict=True):
        sent[part] += rows
    units = read_units(storage, spec, [part_key(part) for part in sent])
    for part, rows in sent.items():
        written = sum(entry["rows"] for entry in units[part_key(part)]["parts"])
        if written != rows:
            raise RunError(
                f"{written:,} rows were written for part {part}, {rows:,} were computed",
                where=spec.folder,
                expected="the same number",
                next_step=f"remove {spec.folder} and run again; if it comes back, report it",
            )
    return sum(sent.values())


def write_parts(storage: Storage, spec: DatasetSpec, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write the rows of each part as its unit.

    The engine promises that a part comes to one task, not that its rows come together or in order: Sail leaves out a
    sort whose order no operator asks for.
    """

    with Regroup(spec.schema, "part") as regroup:
        for batch in batches:
            regroup.add(batch)
        written = write_regrouped(storage, spec, regroup)
    parts, rows = list(written), list(written.values())
    yield pa.record_batch({"part": pa.array(parts, pa.int64()), "rows": pa.array(rows, pa.int64())})


def write_table(storage: Storage, spec: DatasetSpec, table: pa.Table) -> int:
    """Write rows that were computed in memory as `write_by_part` writes those of an engine; returns their number."""
    for _ in write_parts(storage, spec, table.to_batches()):
        pass
    return int(table.num_rows)


def write_regrouped(storage: Storage, spec: DatasetSpec, regroup: Regroup) -> dict[int, int]:
    """Write what was regrouped by part as one unit for each part; returns the rows of each."""
    regroup.close()

    def write(rows_of_part: tuple[int, pa.Table]) -> tuple[int, int]:
        part, rows = rows_of_part
        with UnitWriter(storage, spec, part_key(part)) as unit:
            for batch in rows.to_batches():  # as they are: the rows of a part may be many
                unit.write(batch)
        return part, int(rows.num_rows)

    parts = ((part, regroup.rows(part)) for part in regroup.numbers())
    return dict(map_ahead(write, parts, 1 if storage.is_local else REMOTE_WRITES))


def parts_by_number(manifest: DatasetManifest | None) -> dict[int, Part]:
    """Part number of the documents -> this dataset's part for it."""
    return {part_number(part): part for part in manifest.parts} if manifest else {}


def read_rows(storage: Storage, spec: DatasetSpec, part: Part | None) -> pa.Table:
    """The rows of one part in document order; an empty table when the part has none."""
    if part is None:
        return spec.schema.empty_table()
    return read_part(storage, part, spec.schema.names).sort_by("row")
