"""Exact copies and near duplicates together: one row for every document in a cluster.

Exact first, then near among the exact survivors. `duplicate_of` always names a kept document: where an exact survivor is
dropped as a near duplicate, its copies go with it, to the same survivor with the same verified similarity and band, and
both rules fail for them; where it is kept, its copies stay exact copies of it, in the cluster it now survives.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import write_by_part, write_table
from gristmill.pipelines.run.dataset import read_each
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.rows.duplicates import MEMBER
from gristmill.schemas.rows.near_duplicates import OUTCOME

IN_MEMORY_ROWS = 500_000  # of members, about 300 bytes each: more are joined sooner by an engine, with its start
_OF_NEAR = ("cluster", "survivor", "cluster_size", "why", "similarity", "band", "is_near")


def write_outcome(
    engine: Engine, storage: Storage, exact: DatasetManifest | None, members: DatasetManifest, spec: DatasetSpec
) -> int:
    """Write the rows of `spec` (OUTCOME); returns their number. exact: rows of schemas/rows/duplicates.py MEMBER."""
    near = [part for part in members.parts if part.rows]
    copies = [part for part in exact.parts if part.rows] if exact else []
    if not near and not copies:
        return 0
    if members.rows + (exact.rows if exact else 0) <= IN_MEMORY_ROWS:
        return _write_in_memory(storage, copies, near, spec)
    return _write_by_shuffle(engine, storage, copies, near, spec)


def _write_in_memory(storage: Storage, copies: Sequence[Part], near: Sequence[Part], spec: DatasetSpec) -> int:
    """The same rows as by shuffle, without starting an engine."""
    theirs = pa.concat_tables([OUTCOME.empty_table(), *read_each(storage, near, OUTCOME.names)]).combine_chunks()
    tables = [theirs]
    if copies:
        exact = pa.concat_tables(read_each(storage, copies, MEMBER.names)).combine_chunks()
        is_head = pc.equal(exact.column("doc_id"), exact.column("survivor"))
        heads, rest = exact.filter(is_head), exact.filter(pc.invert(is_head))
        listed = pc.is_in(heads.column("doc_id"), value_set=theirs.column("doc_id"))
        tables += [_alone(heads.filter(pc.invert(listed))), _chained(rest, theirs)]
    return write_table(storage, spec, pa.concat_tables(tables))


def _alone(heads: pa.Table) -> pa.Table:
    """The rows of survivors of exact clusters that no near cluster lists."""
    count = heads.num_rows
    no = pa.array(np.zeros(count, np.bool_))
    new = {
        "similarity": pa.nulls(count, pa.float64()),
        "band": pa.nulls(count, pa.int32()),
        "is_copy": no,
        "is_near": no,
    }
    return _outcome({**{name: heads.column(name) for name in OUTCOME.names if name not in new}, **new})


def _chained(rest: pa.Table, near: pa.Table) -> pa.Table:
    """The rows of all copies, each chained to what became of its survivor."""
    found = near.take(pc.index_in(rest.column("survivor"), value_set=near.column("doc_id")).combine_chunks())
    gone = pc.fill_null(found.column("is_near"), False)
    columns = {name: rest.column(name) for name in ("doc_id", "part", "row")}
    for name in ("cluster", "survivor", "cluster_size"):
        columns[name] = pc.coalesce(found.column(name), rest.column(name))
    columns["why"] = pc.if_else(gone, found.column("why"), rest.column("why"))
    columns["similarity"] = pc.if_else(gone, found.column("similarity"), 1.0)
    columns |= {"band": found.column("band"), "is_copy": pa.array(np.ones(rest.num_rows, np.bool_)), "is_near": gone}
    return _outcome(columns)


def _outcome(columns: dict[str, Any]) -> pa.Table:
    return pa.table([columns[name] for name in OUTCOME.names], names=OUTCOME.names).cast(OUTCOME)


def _write_by_shuffle(
    engine: Engine, storage: Storage, exact: Sequence[Part], members: Sequence[Part], spec: DatasetSpec
) -> int:
    near, copies = _read(engine, storage, members), _read(engine, storage, exact)
    frames = [] if near is None else [near.select(*OUTCOME.names)]
    if copies is not None:
        frames += _with_near(copies, near)
    together = frames[0]
    for frame in frames[1:]:
        together = together.unionByName(frame)
    return write_by_part(engine, together, storage, spec)


def _read(engine: Engine, storage: Storage, parts: Sequence[Part]) -> Any:
    return engine.read([storage.address(part.path) for part in parts]) if parts else None


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
    theirs = near.select(F.col("doc_id").alias("head"), *[F.col(name).alias(f"near_{name}") for name in _OF_NEAR])
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
