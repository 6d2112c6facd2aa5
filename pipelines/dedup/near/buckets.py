"""LSH buckets: which documents share a band of their signatures.

In: edges/near/signatures (and those of published runs). Out: `edges/near/buckets`, a row for every document in a bucket
that could hold a pair: two members at least that are not exact copies of each other, one of them new.
Cost: one shuffle of (bucket, place) rows, or one sort of them in memory where they are few; no document is compared with
another. Exact copies are all listed, because which of them stands for the others depends on the policy. Against published
runs there is one more band: the normalised content, so that a copy of a published document is found even without words, or
past the cap of a crowded bucket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash
from gristmill.filters.dedup.minhash import band_hashes
from gristmill.pipelines.dedup.near.options import bands_of, bucket_config
from gristmill.pipelines.dedup.near.published import Published, published_inputs
from gristmill.pipelines.dedup.near.signatures import signature_matrix
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import content_key_of
from gristmill.pipelines.run.by_part import part_key, write_by_part, write_table
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import iterate_part, read_each, read_part
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import Dedup, NearDedup
from gristmill.schemas.rows.near_duplicates import BAND, BUCKET

IN_MEMORY_ROWS = 3_000_000  # of bands, about 100 bytes each: more are grouped sooner by an engine, with its start
_CONTENT = np.int64(0x5BD1E9955BD1E995)  # keeps the content band's buckets apart from the others


@dataclass(frozen=True)
class BandTask:
    """One part: its signatures, and what its documents must share besides a band.

    source: where they are read from (this run or a published one). kept: decisions, for published documents.
    copies: the family content_key, when exact copies are known; exact_scope: what copies must share.
    content_band: add the band of the normalised content.
    """

    storage: Storage
    source: Storage
    number: int
    documents: Part
    signatures: Part
    kept: Part | None
    copies: Part | None
    exact_scope: str
    content_band: bool
    near: NearDedup


def find_buckets(
    context: RunContext,
    dedup: Dedup,
    signatures: DatasetManifest,
    published: Sequence[Published],
) -> DatasetManifest:
    """Bring `edges/near/buckets` up to date."""
    assert dedup.near is not None
    config = {**bucket_config(dedup.near), "exact": dedup.exact.scope if dedup.exact else None}
    inputs = {"documents": layout_fingerprint(context.documents), "signatures": layout_fingerprint(signatures)}
    inputs |= published_inputs(published)
    content_key = content_key_of(context.recipe)
    copies = context.signals[content_key].parts if content_key else None
    if content_key:
        inputs["content_key"] = context.signals[content_key].digest
    buckets = context.stage(layout.BUCKETS, config, inputs)
    bands = context.stage(layout.BANDS, config, inputs)

    def group() -> dict[str, int]:
        if bands.manifest is None:
            bands.start()
            tasks = band_tasks(context.storage, dedup, context.documents, signatures, copies, published)
            context.run_units(write_bands, tasks, (layout.BANDS, lambda task: part_key(task.number)))
            bands.finish({})
        assert bands.manifest is not None
        rows = _write_shared(context, bands.manifest)
        facts = {"entries": bands.manifest.rows, "shared": rows}
        context.storage.remove(
            layout.BANDS.folder
        )  # made again from the signatures in seconds, and as large as half of them
        return facts

    return buckets.run(group, context.console.log)


def band_tasks(
    storage: Storage,
    dedup: Dedup,
    documents: DatasetManifest,
    signatures: DatasetManifest,
    copies: Sequence[Part] | None,
    published: Sequence[Published],
) -> list[BandTask]:
    """A task for every part of the documents, then of the published runs."""
    assert dedup.near is not None
    keyed = {part.key: part for part in signatures.parts}
    scope = dedup.exact.scope if dedup.exact else "global"
    tasks = [
        BandTask(
            *(storage, storage, number, part, keyed[part_key(number)], None),
            *(copies[number] if copies else None, scope, bool(copies and published), dedup.near),
        )
        for number, part in enumerate(documents.parts)
    ]
    for one in published:
        theirs = content_key_of(one.run.recipe)
        keys = one.run.signals[theirs].parts if copies and theirs else None
        for number, part, decided, signed in one.parts():
            key = keys[number - one.first_part] if keys else None
            tasks.append(
                BandTask(
                    storage, one.run.storage, number, part, signed, decided, key, scope, key is not None, dedup.near
                )
            )
    return tasks


def write_bands(task: BandTask) -> int:
    """The bands of one part's documents: every document above the floor, or every kept one of a published run."""
    kept = read_part(task.source, task.kept, ["kept"]).column("kept").to_numpy() if task.kept is not None else None
    copies, scopes = _copies(task), _scope_hashes(task.source, task.documents, task.near.scope)
    documents = 0
    with UnitWriter(task.storage, layout.BANDS, part_key(task.number)) as unit:
        for batch in iterate_part(task.source, task.signatures, ["row", "pieces", "signature"]):
            if kept is not None:
                batch = batch.filter(pa.array(kept[batch.column("row").to_numpy()]))
            unit.write(_bands(task, batch, copies, scopes))
            documents += batch.num_rows
    return documents


def _bands(task: BandTask, batch: pa.RecordBatch, copies: np.ndarray, scopes: np.ndarray) -> pa.RecordBatch:
    """BAND rows of a batch of signatures. copies, scopes: of every row of the part."""
    rows = batch.column("row").to_numpy()
    worded = batch.column("pieces").to_numpy() > 0
    numbers = np.flatnonzero(worded)
    bands = bands_of(task.near)
    matrix = signature_matrix(pa.Table.from_batches([batch.filter(pa.array(worded))]), task.near.permutations)
    hashes = band_hashes(matrix, bands.bands, bands.rows)
    hashes ^= scopes[rows[worded]][:, None]
    buckets, band = hashes.reshape(-1).view(np.int64), np.tile(np.arange(bands.bands), len(numbers))
    members = np.repeat(numbers, bands.bands)
    if task.content_band:
        buckets = np.concatenate((buckets, copies[rows] ^ _CONTENT))
        band = np.concatenate((band, np.full(len(rows), bands.bands)))
        members = np.concatenate((members, np.arange(len(rows))))
    # kept documents of published runs are no copies of each other
    own = copies[rows] if task.kept is None else -1 - ((np.int64(task.number) << 32) | rows)
    return pa.record_batch(
        {
            "bucket": pa.array(buckets),
            "band": pa.array(band.astype(np.int32)),
            "part": pa.array(np.full(len(members), task.number, np.int64)),
            "row": pa.array(rows[members]),
            "copy": pa.array(own[members]),
            "is_new": pa.array(np.full(len(members), task.kept is None)),
        }
    )


def _scope_hashes(source: Storage, documents: Part, scope: str) -> np.ndarray:
    """uint64 for each row of a part: what a bucket is besides its band; 0 for the global scope."""
    if scope == "global":
        return np.zeros(documents.rows, np.uint64)
    coded = read_part(source, documents, [scope]).column(scope).fill_null("").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    hashes = np.array([xxhash.xxh64_intdigest(f"{scope}:{name}") for name in coded.dictionary.to_pylist()], np.uint64)
    return hashes[coded.indices.to_numpy()] if documents.rows else np.zeros(0, np.uint64)


def _copies(task: BandTask) -> np.ndarray:
    """int64 for each row of a part: equal for exact copies, not negative; where those are not known, each row's own
    negative number."""
    if task.copies is None:
        return -1 - ((np.int64(task.number) << 32) | np.arange(task.documents.rows))
    keys = read_part(task.source, task.copies, ["content_key"]).column("content_key").to_pylist()
    folded = np.array([int(key[:16], 16) >> 1 if key else 0 for key in keys], np.int64)
    scopes = _scope_hashes(task.source, task.documents, task.exact_scope)
    result: np.ndarray = folded ^ (scopes >> np.uint64(1)).view(np.int64)
    return result


def _write_shared(context: RunContext, bands: DatasetManifest) -> int:
    """Write the buckets that could hold a pair; returns their rows."""
    filled = [part for part in bands.parts if part.rows]
    if not filled:
        return 0
    if bands.rows <= IN_MEMORY_ROWS:
        return _write_in_memory(context.storage, filled)
    return _write_by_shuffle(context.engine, context.storage, filled)


def _write_in_memory(storage: Storage, bands: Sequence[Part]) -> int:
    """The same rows as by shuffle, without starting an engine: one sort."""
    table = pa.concat_tables(read_each(storage, bands, BAND.names))
    order = np.argsort(table.column("bucket").to_numpy(), kind="stable")
    buckets, copies = (table.column(name).to_numpy()[order] for name in ("bucket", "copy"))
    is_new = table.column("is_new").combine_chunks().to_numpy(zero_copy_only=False)[order]
    starts = np.flatnonzero(np.diff(buckets, prepend=~buckets[0]))
    could = np.minimum.reduceat(copies, starts) < np.maximum.reduceat(copies, starts)
    could &= np.logical_or.reduceat(is_new, starts)
    sizes = np.diff(starts, append=len(order))
    shared = table.select(BUCKET.names).take(pa.array(np.sort(order[np.repeat(could, sizes)])))
    return write_table(storage, layout.BUCKETS, shared)


def _write_by_shuffle(engine: Engine, storage: Storage, bands: Sequence[Part]) -> int:
    """One aggregation and one join on the bucket."""
    from pyspark.sql.connect import functions as F

    frame = engine.read([storage.address(part.path) for part in bands])
    shared = (
        frame.groupBy("bucket")
        .agg(F.min("copy").alias("low"), F.max("copy").alias("high"), F.max(F.col("is_new").cast("int")).alias("new"))
        .where("low < high and new = 1")
        .select("bucket")
    )
    return write_by_part(engine, frame.join(shared, on="bucket", how="inner"), storage, layout.BUCKETS)
