"""Exact copies and near duplicates together: one row for every document in a cluster.

Exact first, then near among the exact survivors. `duplicate_of` always names a kept document: where an exact survivor is
dropped as a near duplicate, its copies go with it, to the same survivor with the same verified similarity and band, and
both rules fail for them; where it is kept, its copies stay exact copies of it, in the cluster it now survives.
"""

from typing import Any

from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import write_by_part
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.rows.near_duplicates import OUTCOME


def write_outcome(
    engine: Engine, storage: Storage, exact: DatasetManifest | None, members: DatasetManifest, spec: DatasetSpec
) -> int:
    """Write the rows of `spec` (OUTCOME); returns their number. exact: rows of schemas/rows/duplicates.py MEMBER."""
    near = _read(engine, storage, members)
    copies = _read(engine, storage, exact)
    frames = [] if near is None else [near.select(*OUTCOME.names)]
    if copies is not None:
        frames += _with_near(copies, near)
    if not frames:
        return 0
    together = frames[0]
    for frame in frames[1:]:
        together = together.unionByName(frame)
    return write_by_part(engine, together, storage, spec)


def _read(engine: Engine, storage: Storage, manifest: DatasetManifest | None) -> Any:
    paths = [storage.address(part.path) for part in manifest.parts if part.rows] if manifest else []
    return engine.read(paths) if paths else None


def _with_near(copies: Any, near: Any) -> list[Any]:
    """Exact clusters: survivors that no near cluster lists, and all copies, chained to the final survivor."""
    from pyspark.sql.connect import functions as F

    heads = copies.where("doc_id = survivor")
    rest = copies.where("doc_id != survivor")
    plain = {
        "similarity": F.when(F.col("doc_id") != F.col("survivor"), F.lit(1.0)),
        "band": F.lit(None).cast("int"),
        "is_copy": F.col("doc_id") != F.col("survivor"),
        "is_near": F.lit(False),
    }
    if near is None:
        return [copies.withColumns(plain).select(*OUTCOME.names)]
    heads = heads.join(near.select("doc_id"), on="doc_id", how="left_anti")
    names = ("cluster", "survivor", "cluster_size", "why", "similarity", "band", "is_near")
    theirs = near.select(F.col("doc_id").alias("head"), *[F.col(name).alias(f"near_{name}") for name in names])
    joined = rest.join(theirs, rest["survivor"] == theirs["head"], how="left")
    gone = F.coalesce(F.col("near_is_near"), F.lit(False))
    chained = joined.select(
        *("doc_id", "part", "row"),
        F.coalesce("near_cluster", "cluster").alias("cluster"),
        F.coalesce("near_survivor", "survivor").alias("survivor"),
        F.coalesce("near_cluster_size", "cluster_size").alias("cluster_size"),
        F.when(gone, F.col("near_why")).otherwise(F.col("why")).alias("why"),
        F.when(gone, F.col("near_similarity")).otherwise(F.lit(1.0)).alias("similarity"),
        F.col("near_band").alias("band"),
        F.lit(True).alias("is_copy"),
        gone.alias("is_near"),
    )
    return [heads.withColumns(plain).select(*OUTCOME.names), chained.select(*OUTCOME.names)]
