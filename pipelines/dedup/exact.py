"""Exact duplicates as stored edges: the members of every group of equal normalised content.

Measured once, on every document above the floor, so that a later policy only has to choose survivors again.
In: documents/, signals/content_key. Out: `edges/exact/members`, one row for each document that shares its key.
Cost: one shuffle of (id, key) rows, or one look at them in memory where they are few; no document is compared with another.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy, CompiledRecipe, content_key_of
from gristmill.pipelines.policy.evaluate import evaluate, read_columns
from gristmill.pipelines.run.by_part import NumberedPart, write_by_part, write_table
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_each, read_part
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import ExactDedup
from gristmill.schemas.signals import FamilyKey

IN_MEMORY_ROWS = 500_000  # of keys, about 150 bytes each: more are grouped sooner by an engine, with its start


class FindExactDuplicates(Step):
    """The members of every group of equal normalised content."""

    name = "dedup.exact"
    phase = "measure"

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.CONTENT_KEYS, layout.EXACT_MEMBERS)

    def update(self, context: RunContext) -> None:
        chosen = context.recipe.dedup.exact
        assert chosen is not None
        context.add(layout.EXACT_MEMBERS, exact_edges(context, chosen, context.left(CompiledRecipe).floor))


def exact_edges(
    context: RunContext,
    dedup: ExactDedup,
    floor: CompiledPolicy,
) -> DatasetManifest:
    """Bring `edges/exact/members` up to date. `floor`: a policy compiled from the floor alone."""
    config = {"scope": dedup.scope, "floor": [named.rule.model_dump() for named in floor.floor]}
    content_key = content_key_of(context.recipe)
    assert content_key is not None
    wanted = {**floor.needed, content_key: ["content_key"]}
    inputs = {"documents": layout_fingerprint(context.documents)} | {
        f"signals/{name}@{version}": context.signals[name, version].digest for name, version in wanted
    }
    keys = context.stage(layout.CONTENT_KEYS, config, inputs)
    members = context.stage(layout.EXACT_MEMBERS, config, inputs)
    if members.manifest is None and keys.manifest is None:
        keys.start()
        context.run_units(
            partial(write_keys, context.storage, floor, dedup.scope, content_key),
            context.numbered_documents(wanted),
            (layout.CONTENT_KEYS, lambda documents: documents.key),
        )
        keys.finish({})

    def group() -> dict[str, int]:
        assert keys.manifest is not None
        filled = [part for part in keys.manifest.parts if part.rows]
        if not filled:
            return {"documents": 0}
        chosen = _group_in_memory if keys.manifest.rows <= IN_MEMORY_ROWS else _group_by_shuffle
        return {"documents": chosen(context.engine, context.storage, filled)}

    return members.run(group, context.console.log)


def _group_in_memory(_engine: Engine, storage: Storage, keys: Sequence[Part]) -> int:
    """The same rows as by shuffle, without starting an engine; returns their number."""
    table = pa.concat_tables(read_each(storage, keys, layout.EXACT_MEMBERS.schema.names))
    cluster = table.column("cluster").combine_chunks().dictionary_encode().indices.to_numpy()
    members = table.filter(pa.array(np.bincount(cluster)[cluster] > 1))
    return write_table(storage, layout.EXACT_MEMBERS, members)


def _group_by_shuffle(engine: Engine, storage: Storage, keys: Sequence[Part]) -> int:
    """One aggregation and one join on the cluster."""
    frame = engine.read([storage.address(part.path) for part in keys])
    shared = frame.groupBy("cluster").count().where("count > 1").select("cluster")
    return write_by_part(engine, frame.join(shared, on="cluster", how="inner"), storage, layout.EXACT_MEMBERS)


def write_keys(
    storage: Storage, floor: CompiledPolicy, scope: str, content_key: FamilyKey, documents: NumberedPart
) -> int:
    """Keys of one part's documents above the floor, with their place."""
    columns = read_columns(storage, documents.part, documents.signals, floor.needed, ("snapshot",))
    content = read_part(storage, documents.signals[content_key], ["content_key"]).column("content_key")
    has_content = content.is_valid().combine_chunks().to_numpy(zero_copy_only=False)  # rows without the view have none
    above = np.flatnonzero(evaluate(columns, floor).floor & has_content)
    table = columns.documents.take(pa.array(above))
    cluster = pc.binary_join_element_wise(
        _scope_values(table, scope), content.take(pa.array(above)), pa.scalar(":", pa.large_string())
    )
    rows = pa.table(
        {
            "doc_id": table.column("doc_id"),
            "part": pa.array(np.full(len(above), documents.number, np.int64)),
            "row": pa.array(above),
            "cluster": cluster,
        }
    )
    with UnitWriter(storage, layout.CONTENT_KEYS, documents.key) as unit:
        unit.write(rows)
    return len(above)


def _scope_values(table: pa.Table, scope: str) -> pa.ChunkedArray | pa.Array:
    """What documents must share besides content: nothing, their source, or their snapshot."""
    if scope == "global":
        return pa.array([""] * table.num_rows, pa.large_string())
    return table.column(scope).fill_null("")
