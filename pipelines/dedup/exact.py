"""Exact duplicates as stored edges: the members of every group of equal normalised content.

Measured once, on every document above the floor, so that a later policy only has to choose survivors again.
In: documents/, signals/content_key. Out: `edges/exact/members`, one row for each document that shares its key.
Cost: one shuffle of (id, key) rows; no document is compared with another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.pipelines.by_part import part_key, write_by_part
from gristmill.pipelines.decide.compile_policy import CompiledPolicy
from gristmill.pipelines.decide.rules import evaluate, read_columns
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure import FamilyKey
from gristmill.pipelines.run.dataset import DatasetSpec, PartWriter, read_part
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.pipelines.run.units import commit_unit, unfinished
from gristmill.schemas.duplicates import KEY, KEY_DIGEST
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.policy import ORIGINAL
from gristmill.schemas.recipe import ExactDedup

CONTENT_KEY: FamilyKey = ("content_key", ORIGINAL)
KEYS = DatasetSpec("edges/exact/keys", KEY, KEY_DIGEST)
MEMBERS = DatasetSpec("edges/exact/members", KEY, KEY_DIGEST)


@dataclass(frozen=True)
class KeysTask:
    """One part of the documents: write the keys of those above the floor."""

    storage: Storage
    number: int
    documents: Part
    signals: Mapping[FamilyKey, Part]
    floor: CompiledPolicy
    scope: str


def exact_edges(
    storage: Storage,
    engine: Engine,
    dedup: ExactDedup,
    floor: CompiledPolicy,
    documents: DatasetManifest,
    signals: Mapping[FamilyKey, DatasetManifest],
    console: Console,
) -> DatasetManifest:
    """Bring `edges/exact/members` up to date. `floor`: a policy compiled from the floor alone."""
    config = {"scope": dedup.scope, "floor": [named.rule.model_dump() for named in floor.floor]}
    wanted = {**floor.needed, CONTENT_KEY: ["content_key"]}
    inputs = {"documents": layout_fingerprint(documents)} | {
        f"signals/{name}@{version}": signals[name, version].digest for name, version in wanted
    }
    keys = Stage(storage, KEYS, config, inputs)
    members = Stage(storage, MEMBERS, config, inputs)
    if members.manifest is None and keys.manifest is None:
        keys.start()
        tasks = [
            KeysTask(storage, number, part, {key: signals[key].parts[number] for key in wanted}, floor, dedup.scope)
            for number, part in enumerate(documents.parts)
        ]
        engine.run_tasks(write_keys, unfinished(storage, tasks, (KEYS, lambda task: part_key(task.number))))
        keys.finish({})

    def group() -> dict[str, int]:
        assert keys.manifest is not None
        paths = [storage.address(part.path) for part in keys.manifest.parts if part.rows]
        if not paths:
            return {"documents": 0}
        frame = engine.read(paths)
        shared = frame.groupBy("cluster").count().where("count > 1").select("cluster")
        rows = write_by_part(engine, frame.join(shared, on="cluster", how="inner"), storage, MEMBERS)
        return {"documents": rows}

    return members.run(group, console.log)


def write_keys(task: KeysTask) -> int:
    """Keys of one part's documents above the floor, with their place."""
    columns = read_columns(task.storage, task.documents, task.signals, task.floor.needed, ("snapshot",))
    above = np.flatnonzero(evaluate(columns, task.floor).floor)
    content = read_part(task.storage, task.signals[CONTENT_KEY], ["content_key"]).column("content_key")
    table = columns.documents.take(pa.array(above))
    writer = PartWriter(task.storage, KEYS, part_key(task.number), single=True)
    cluster = pc.binary_join_element_wise(
        _scope_values(table, task.scope), content.take(pa.array(above)), pa.scalar(":", pa.large_string())
    )
    rows = pa.table(
        {
            "doc_id": table.column("doc_id"),
            "part": pa.array(np.full(len(above), task.number, np.int64)),
            "row": pa.array(above),
            "cluster": cluster,
        }
    )
    for batch in rows.combine_chunks().to_batches():
        writer.write(batch)
    commit_unit(task.storage, KEYS, part_key(task.number), writer, {})
    return len(above)


def _scope_values(table: pa.Table, scope: str) -> pa.ChunkedArray | pa.Array:
    """What documents must share besides content: nothing, their source, or their snapshot."""
    if scope == "global":
        return pa.array([""] * table.num_rows, pa.large_string())
    return table.column(scope).fill_null("")
