"""Buckets, contents and verification as DataFrames, for problems larger than one machine's memory."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
from gristmill.filters.dedup.star_pass import compare_rows
from gristmill.pipelines.dedup.near.candidates import PUBLISHED
from gristmill.pipelines.dedup.near.checkpoint import read_parts
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.dedup import NearDedup

ENTRY = pa.schema(
    [
        pa.field("bucket", pa.int64(), nullable=False),
        pa.field("band", pa.int32(), nullable=False),
        pa.field("key", pa.large_string(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("used", pa.int64(), nullable=False),  # kept members that the bucket has had before
        pa.field("dropped", pa.bool_(), nullable=False),  # still compared, never kept
    ]
)
PAIR = pa.schema(
    [
        pa.field("hub", pa.large_string(), nullable=False),  # key of the earlier document
        pa.field("key", pa.large_string(), nullable=False),
        pa.field("band", pa.int32(), nullable=False),
        pa.field("shared", pa.int64(), nullable=False),
        pa.field("total", pa.int64(), nullable=False),
    ]
)
_PAIR_DDL = "hub string, key string, band int, shared long, total long"


def entries_frame(engine: Engine, storage: Storage, buckets: DatasetManifest, candidates: DatasetManifest) -> Any:
    """ENTRY rows of the buckets' members that are candidates; None when there are none."""
    from pyspark.sql.connect import functions as F

    members = read_parts(engine, storage, buckets.parts)
    known = read_parts(engine, storage, candidates.parts)
    if members is None or known is None:
        return None
    joined = members.join(known.select("part", "row", "key"), on=["part", "row"], how="inner")
    return joined.withColumn("used", F.lit(0).cast("long")).withColumn("dropped", F.lit(False)).select(*ENTRY.names)


def contents_frame(engine: Engine, storage: Storage, edges: NearEdges, near: NearDedup) -> Any:
    """(part, row, content): shingle hashes or signatures of everything that is compared."""
    from pyspark.sql.connect import functions as F

    if near.verify == "shingles":
        assert edges.shingles is not None
        frame = read_parts(engine, storage, edges.shingles.parts)
        return frame.select("part", "row", F.col("shingles").alias("content"))
    frame = read_parts(engine, storage, edges.signatures.parts)
    for one in edges.published:
        theirs = read_parts(engine, one.run.storage, one.signatures.parts)
        if theirs is not None:
            frame = frame.unionByName(theirs.withColumn("part", F.col("part") + F.lit(one.first_part)))
    return frame.select("part", "row", F.col("signature").alias("content"))


def is_published(column: Any) -> Any:
    """Whether a key is that of a published document."""
    return column.startswith(PUBLISHED)


def compared_pairs(others: Any, contents: Any, near: NearDedup) -> Any:
    """PAIR rows: each (hub, key) of `others` once, with the least band, compared.

    others: bucket members with `hub`, `hub_part`, `hub_row` of their bucket's hub and their own `key`, `part`, `row`.
    """
    from pyspark.sql.connect import functions as F

    wanted = others.where(~is_published(F.col("key"))).groupBy(
        "hub", "hub_part", "hub_row", "key", "part", "row"
    )  # fmt: skip
    pairs = wanted.agg(F.min("band").alias("band"))
    theirs = contents.select(
        F.col("part").alias("hub_part"), F.col("row").alias("hub_row"), F.col("content").alias("hub_content")
    )
    both = pairs.join(contents, on=["part", "row"], how="inner").join(theirs, on=["hub_part", "hub_row"], how="inner")
    rows = both.select("hub", "key", "band", "hub_content", "content")
    return rows.mapInArrow(partial(_compare_batches, near.verify == "signature"), _PAIR_DDL)


def _compare_batches(by_signature: bool, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        lists = [_large(batch.column(name), by_signature) for name in ("hub_content", "content")]
        shared, total = compare_rows(*lists, by_signature)
        columns = [batch.column(name) for name in ("hub", "key", "band")]
        yield pa.record_batch([*columns, pa.array(shared), pa.array(total)], names=PAIR.names)


def _large(lists: pa.Array, by_signature: bool) -> pa.LargeListArray:
    return lists.cast(pa.large_list(pa.int32() if by_signature else pa.int64()))


def similar(near: NearDedup) -> Any:
    """The column condition of a similar pair; the same division as in memory."""
    from pyspark.sql.connect import functions as F

    ratio = F.col("shared").cast("double") / F.greatest(F.col("total"), F.lit(1).cast("long")).cast("double")
    return ratio >= F.lit(float(near.similarity))


def with_hubs(entries: Any, undecided: Any = None) -> Any:
    """Entries of every bucket that has two or more, from its hub on, with `hub`, `hub_part`, `hub_row`.

    undecided: the condition of those that can be hubs; None: all.
    """
    from pyspark.sql.connect import functions as F

    able = entries if undecided is None else entries.where(undecided)
    first = able.groupBy("bucket").agg(F.min(F.struct("key", "part", "row")).alias("first"))
    hubs = first.select(
        "bucket",
        F.col("first.key").alias("hub"),
        F.col("first.part").alias("hub_part"),
        F.col("first.row").alias("hub_row"),
    )
    return entries.join(hubs, on="bucket", how="inner").where("key >= hub")
