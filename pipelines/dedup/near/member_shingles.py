"""Shingle hashes of the documents that share a bucket: `edges/near/shingles`, what verification reads.

The text is read a second time, of the parts and documents that need it only; with `index_store: shingles` every
document above the floor is stored, so that a later run need not read this one's documents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dedup.shingles import shingle_hashes
from gristmill.filters.transforms.versions import columns_of, version_texts
from gristmill.pipelines.dedup.near.options import compared_version, shingling_of, signature_config
from gristmill.pipelines.dedup.near.published import Published, published_inputs
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import part_key, parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, iterate_part, read_manifest, read_part
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.near_duplicates import SHINGLES
from gristmill.schemas.rows.registry import row_kind


@dataclass(frozen=True)
class ShingleTask:
    """One part: `rows_of` lists the rows wanted. stored: shingles that a published run holds of it."""

    storage: Storage
    source: Storage
    number: int
    documents: Part
    rows_of: Part
    stored: Part | None
    near: NearDedup
    kind: str


def store_shingles(
    context: RunContext,
    near: NearDedup,
    signatures: DatasetManifest,
    buckets: DatasetManifest,
    published: Sequence[Published],
) -> DatasetManifest:
    """Bring `edges/near/shingles` up to date. facts: hashes stored in all."""
    config = {**signature_config(near), "index_store": near.index_store}
    inputs = shingle_inputs(context.documents, signatures, buckets, published)
    members = parts_by_number(buckets)
    wanted = parts_by_number(signatures) if near.index_store == "shingles" else members

    stage = context.stage(layout.MEMBER_SHINGLES, config, inputs)

    def store() -> dict[str, int]:
        tasks = [
            ShingleTask(
                *(context.storage, context.storage, number, part, wanted[number], None, near, context.recipe.rows)
            )
            for number, part in enumerate(context.documents.parts)
            if number in wanted
        ]
        for one in published:
            stored = parts_by_number(read_manifest(one.run.storage, layout.MEMBER_SHINGLES.folder))
            tasks += [
                ShingleTask(
                    *(
                        context.storage,
                        one.run.storage,
                        number,
                        part,
                        members[number],
                        stored.get(number - one.first_part),
                    ),
                    near,
                    one.run.recipe.rows,
                )
                for number, part, _, _ in one.parts()
                if number in members
            ]
        context.run_units(
            write_shingles,
            tasks,
            (layout.MEMBER_SHINGLES, lambda task: part_key(task.number)),
            label="shingles",
            amount=lambda task: task.documents.text_bytes,
            of="bytes",
        )
        return {"shingles": sum(unit["facts"]["shingles"] for unit in stage.units().values())}

    return stage.run(store, context.console.log)


def shingle_inputs(
    documents: DatasetManifest,
    signatures: DatasetManifest,
    buckets: DatasetManifest,
    published: Sequence[Published],
) -> dict[str, str]:
    """What the shingles stored follow from."""
    found = {"documents": layout_fingerprint(documents), "buckets": layout_fingerprint(buckets)}
    return found | {"signatures": layout_fingerprint(signatures), **published_inputs(published)}


def write_shingles(task: ShingleTask) -> int:
    """Shingle hashes of one part's wanted documents. Returns the bytes of text of the part."""
    rows = np.unique(read_part(task.storage, task.rows_of, ["row"]).column("row").to_numpy())
    total = 0
    with UnitWriter(task.storage, layout.MEMBER_SHINGLES, part_key(task.number)) as unit:
        if task.stored is not None:
            rows, total = _copy_stored(task, rows, unit)
        for doc_ids, places, texts in _texts_at(task, rows) if len(rows) else ():
            found = shingle_hashes(texts, shingling_of(task.near))
            lists = pa.LargeListArray.from_arrays(pa.array(found.offsets), pa.array(found.values.view(np.int64)))
            numbers = pa.array(np.full(len(places), task.number, np.int64))
            unit.write(pa.record_batch([doc_ids, numbers, pa.array(places), lists], names=SHINGLES.names))
            total += len(found.values)
        unit.facts = {"shingles": total}
    return task.documents.text_bytes


def _copy_stored(task: ShingleTask, rows: np.ndarray, writer: PartWriter) -> tuple[np.ndarray, int]:
    """Write what the published run stored; returns the rows still wanted and the number of hashes written."""
    assert task.stored is not None
    total, found = 0, [np.zeros(0, np.int64)]
    for batch in iterate_part(task.source, task.stored, SHINGLES.names):
        chosen = batch.filter(pc.is_in(batch.column("row"), value_set=pa.array(rows)))
        numbers = pa.array(np.full(chosen.num_rows, task.number, np.int64))
        writer.write(chosen.set_column(1, "part", numbers))
        total += int(pc.sum(pc.list_value_length(chosen.column("shingles"))).as_py() or 0)
        found.append(chosen.column("row").to_numpy())
    return np.setdiff1d(rows, np.concatenate(found)), total


def _texts_at(task: ShingleTask, rows: np.ndarray) -> Iterator[tuple[pa.Array, np.ndarray, pa.Array]]:
    """(doc_ids, rows, texts) of the documents in those rows, batch by batch."""
    first, kind = 0, row_kind(task.kind)
    version = compared_version(task.near, kind)
    for batch in iterate_part(task.source, task.documents, ["doc_id", *columns_of(version)]):
        places = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + batch.num_rows)]
        chosen = batch.take(pa.array(places - first))
        if chosen.column("text").null_count:
            raise RunError(
                "documents/ no longer holds the texts that verification needs (keep_text was not `all`)",
                where=task.source.url,
                expected="texts, or shingles stored with `index_store: shingles`",
                next_step="build that run with keep_text: all or index_store: shingles",
            )
        if len(places):
            yield chosen.column("doc_id"), places, version_texts(chosen, version, kind)
        first += batch.num_rows
