"""LSH buckets: which documents share a band of their signatures.

In: edges/near/signatures (and those of published runs). Out: `edges/near/buckets`, a row for every document in a bucket
that could hold a pair: two members at least that are not exact copies of each other, one of them new.
Cost: one shuffle of (bucket, place) rows; no document is compared with another. Exact copies are all listed, because
which of them stands for the others depends on the policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash
from gristmill.filters.dedup.minhash import band_hashes
from gristmill.pipelines.by_part import part_key, write_by_part
from gristmill.pipelines.console import Console
from gristmill.pipelines.dedup.exact import CONTENT_KEY
from gristmill.pipelines.dedup.near.options import bands_of, bucket_config
from gristmill.pipelines.dedup.near.published import Published, published_inputs
from gristmill.pipelines.dedup.near.signatures import signature_matrix
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure import FamilyKey
from gristmill.pipelines.run.dataset import DatasetSpec, PartWriter, commit_unit, read_part
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.near_duplicates import BAND, BAND_DIGEST, BUCKET, BUCKET_DIGEST
from gristmill.schemas.recipe import Dedup, NearDedup

BANDS = DatasetSpec("edges/near/bands", BAND, BAND_DIGEST)
BUCKETS = DatasetSpec("edges/near/buckets", BUCKET, BUCKET_DIGEST)


@dataclass(frozen=True)
class BandTask:
    """One part: its signatures, and what its documents must share besides a band.

    source: where they are read from (this run or a published one). kept: decisions, for published documents.
    copies: the family content_key, when exact copies are known; exact_scope: what copies must share.
    """

    storage: Storage
    source: Storage
    number: int
    documents: Part
    signatures: Part
    kept: Part | None
    copies: Part | None
    exact_scope: str
    near: NearDedup


def find_buckets(
    storage: Storage,
    engine: Engine,
    dedup: Dedup,
    documents: DatasetManifest,
    signatures: DatasetManifest,
    signals: Mapping[FamilyKey, DatasetManifest],
    published: Sequence[Published],
    console: Console,
) -> DatasetManifest:
    """Bring `edges/near/buckets` up to date."""
    assert dedup.near is not None
    config = {**bucket_config(dedup.near), "exact": dedup.exact.scope if dedup.exact else None}
    inputs = {"documents": layout_fingerprint(documents), "signatures": layout_fingerprint(signatures)}
    inputs |= published_inputs(published)
    copies = signals[CONTENT_KEY].parts if dedup.exact else None
    if dedup.exact:
        inputs["content_key"] = signals[CONTENT_KEY].digest
    buckets = Stage(storage, BUCKETS, config, inputs)
    bands = Stage(storage, BANDS, config, inputs)

    def group() -> dict[str, int]:
        if bands.manifest is None:
            bands.start()
            engine.run_tasks(write_bands, band_tasks(storage, dedup, documents, signatures, copies, published))
            bands.finish({})
        assert bands.manifest is not None
        rows = _write_shared(storage, engine, bands.manifest)
        facts = {"entries": bands.manifest.rows, "shared": rows}
        storage.remove(BANDS.folder)  # made again from the signatures in seconds, and as large as half of them
        return facts

    return buckets.run(group, console.log)


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
            *(copies[number] if copies else None, scope, dedup.near),
        )
        for number, part in enumerate(documents.parts)
    ]
    for one in published:
        for number, part, decided, signed in one.parts():
            tasks.append(
                BandTask(storage, one.run.storage, number, part, signed, decided, None, scope, dedup.near)
            )  # fmt: skip
    return tasks


def write_bands(task: BandTask) -> int:
    """The bands of one part's documents: every document above the floor, or every kept one of a published run."""
    key = part_key(task.number)
    if task.storage.exists(BANDS.unit_path(key)):
        return 0
    table = read_part(task.source, task.signatures, ["row", "pieces", "signature"])
    chosen = table.column("pieces").to_numpy() > 0
    if task.kept is not None:
        kept = read_part(task.source, task.kept, ["kept"]).column("kept").to_numpy()
        chosen &= kept[table.column("row").to_numpy()]
    table = table.filter(pa.array(chosen))
    rows = table.column("row").to_numpy()
    bands = bands_of(task.near)
    hashes = band_hashes(signature_matrix(table, task.near.permutations), bands.bands, bands.rows)
    places = pa.array(rows)
    hashes ^= _scope_hashes(task.source, task.documents, task.near.scope, places)[:, None]
    copies = np.repeat(_copies(task, places), bands.bands)
    count = len(rows) * bands.bands
    batch = pa.record_batch(
        {
            "bucket": pa.array(hashes.reshape(-1).view(np.int64)),
            "band": pa.array(np.tile(np.arange(bands.bands, dtype=np.int32), len(rows))),
            "part": pa.array(np.full(count, task.number, np.int64)),
            "row": pa.array(np.repeat(rows, bands.bands)),
            "copy": pa.array(copies),
            "is_new": pa.array(np.full(count, task.kept is None)),
        }
    )
    writer = PartWriter(task.storage, BANDS, key, single=True)
    writer.write(batch)
    commit_unit(task.storage, BANDS, key, writer, {})
    return len(rows)


def _scope_hashes(source: Storage, documents: Part, scope: str, places: pa.Array) -> np.ndarray:
    """uint64: what a bucket is besides its band; 0 for the global scope."""
    if scope == "global":
        return np.zeros(len(places), np.uint64)
    values = read_part(source, documents, [scope]).column(scope).fill_null("").take(places)
    coded = values.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    hashes = np.array([xxhash.xxh64_intdigest(f"{scope}:{name}") for name in coded.dictionary.to_pylist()], np.uint64)
    return hashes[coded.indices.to_numpy()] if len(places) else np.zeros(0, np.uint64)


def _copies(task: BandTask, places: pa.Array) -> np.ndarray:
    """int64: equal for exact copies; where those are not known, each document's own number."""
    if task.copies is None:
        # published documents: kept, so no copies of each other; negative, so apart from every hash folded below
        return -1 - ((np.int64(task.number) << 32) | places.to_numpy())
    keys = read_part(task.source, task.copies, ["content_key"]).column("content_key").take(places).to_pylist()
    folded = np.array([int(key[:16], 16) >> 1 for key in keys], np.int64)
    scopes = _scope_hashes(task.source, task.documents, task.exact_scope, places)
    result: np.ndarray = folded ^ (scopes >> np.uint64(1)).view(np.int64)
    return result


def _write_shared(storage: Storage, engine: Engine, bands: DatasetManifest) -> int:
    """Write the buckets that could hold a pair; returns their rows."""
    from pyspark.sql import functions as F

    paths = [storage.engine_path(part.path) for part in bands.parts if part.rows]
    if not paths:
        return 0
    frame = engine.read(paths)
    shared = (
        frame.groupBy("bucket")
        .agg(F.min("copy").alias("low"), F.max("copy").alias("high"), F.max(F.col("is_new").cast("int")).alias("new"))
        .where("low < high and new = 1")
        .select("bucket")
    )
    return write_by_part(engine, frame.join(shared, on="bucket", how="inner"), storage, BUCKETS)
