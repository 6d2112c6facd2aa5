"""Survivors: in every cluster of exact duplicates, one document that passed the rules is kept.

The choice is a total order on content: the recipe's preferences, then the content hash, then the id. It is made again
for every policy, from the stored edges induced on the documents that passed.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.dedup.preferences import preference_values
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.policy.evaluate import PartsAtHand, evaluate, read_columns
from gristmill.pipelines.run.by_part import part_key, read_rows, write_by_part
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.rows.duplicates import CANDIDATE, KEY, ORDER_COLUMNS
from gristmill.schemas.signals import FamilyKey

IN_MEMORY_ROWS = 2_000_000  # of candidates, about 200 bytes each
TIES = ("content_hash", "doc_id")


@dataclass(frozen=True)
class CandidateTask:
    """One part of the documents with members of clusters: write those that passed, with what decides between them."""

    storage: Storage
    spec: DatasetSpec
    number: int
    documents: Part
    signals: Mapping[FamilyKey, Part]
    wanted: Mapping[FamilyKey, list[str]]
    policy: CompiledPolicy
    members: Part
    preferences: Sequence[str]
    priorities: Mapping[str, int]
    at_hand: PartsAtHand | None = None


def write_candidates(task: CandidateTask) -> int:
    """Members of clusters that passed the rules, with their preferences as numbers, smaller is better."""
    columns = read_columns(task.storage, task.documents, task.signals, task.wanted, ("timestamp", "content_hash"))
    verdict = evaluate(columns, task.policy)
    if task.at_hand is not None:
        task.at_hand.keep(task.documents, columns, verdict)
    passed = verdict.passed
    members = read_rows(task.storage, layout.EXACT_MEMBERS, task.members)
    places = members.column("row").to_numpy()
    members = members.filter(pa.array(passed[places]))
    places = pa.array(places[passed[places]])
    orders = {f"preference_{i}": pa.array(np.zeros(len(places))) for i in range(ORDER_COLUMNS)}
    for i, preference in enumerate(task.preferences):
        numbers = preference_values(columns, preference, task.priorities) + 0.0  # engines order -0 and 0 differently
        orders[f"preference_{i}"] = pa.array(numbers).take(places)
    table = members.append_column("content_hash", columns.documents.column("content_hash").take(places))
    for name, values in orders.items():
        table = table.append_column(name, values)
    with UnitWriter(task.storage, task.spec, part_key(task.number)) as unit:
        unit.write(table)
    return int(table.num_rows)


def choose_survivors(
    engine: Engine, storage: Storage, candidates: DatasetManifest, spec: DatasetSpec, preferences: Sequence[str]
) -> int:
    """For every cluster with two passing members or more: all of them, with the survivor and why it won."""
    if candidates.rows <= IN_MEMORY_ROWS:
        return _choose_in_memory(engine, storage, candidates, spec, preferences)
    return _choose_by_shuffle(engine, storage, candidates, spec, preferences)


def _choose_in_memory(
    engine: Engine, storage: Storage, candidates: DatasetManifest, spec: DatasetSpec, preferences: Sequence[str]
) -> int:
    """The same rows as by shuffle, without starting an engine: one sort."""
    filled = [part for part in candidates.parts if part.rows]
    if not filled:
        return 0
    with ThreadPoolExecutor(engine.cores) as threads:
        parts = list(threads.map(lambda part: read_part(storage, part, CANDIDATE.names), filled))
    orders = [f"preference_{i}" for i in range(len(preferences))]
    table = pa.concat_tables(parts).combine_chunks()
    numbers = table.column("cluster").combine_chunks().dictionary_encode().indices  # faster to sort by than the names
    table = table.append_column("number", numbers)
    table = table.sort_by([(name, "ascending") for name in ("number", *orders, *TIES)]).combine_chunks()
    first = np.ones(table.num_rows, bool)
    first[1:] = np.diff(table.column("number").to_numpy()) != 0
    starts = np.flatnonzero(first)
    best = np.repeat(starts, np.diff(starts, append=table.num_rows))
    sizes = np.repeat(np.diff(starts, append=table.num_rows), np.diff(starts, append=table.num_rows))
    why = np.full(table.num_rows, len(preferences) + 1)
    hashes = table.column("content_hash").combine_chunks()
    why[pc.not_equal(hashes, hashes.take(pa.array(best))).to_numpy(zero_copy_only=False)] = len(preferences)
    for i, name in reversed(list(enumerate(orders))):
        values = table.column(name).to_numpy()
        why[values != values[best]] = i
    names = pa.array([*preferences, *TIES, "survivor"], pa.large_string())
    why[first] = len(names) - 1
    members = pa.table(
        {
            **{name: table.column(name) for name in KEY.names},
            "survivor": table.column("doc_id").take(pa.array(best)),
            "cluster_size": pa.array(sizes),
            "why": names.take(pa.array(why)),
        }
    ).filter(pa.array(sizes > 1))

    def write(number: int) -> None:
        with UnitWriter(storage, spec, part_key(number)) as unit:
            unit.write(members.filter(pc.equal(members.column("part"), number)))

    with ThreadPoolExecutor(engine.cores) as threads:
        list(threads.map(write, np.unique(members.column("part").to_numpy()).tolist()))
    return int(members.num_rows)


def _choose_by_shuffle(
    engine: Engine, storage: Storage, candidates: DatasetManifest, spec: DatasetSpec, preferences: Sequence[str]
) -> int:
    """One aggregation and one join on the cluster."""
    from pyspark.sql.connect import functions as F

    paths = [storage.address(part.path) for part in candidates.parts if part.rows]
    if not paths:
        return 0
    frame = engine.read(paths)
    order = [f"preference_{i}" for i in range(len(preferences))] + list(TIES)
    best = frame.groupBy("cluster").agg(
        F.min(F.struct(*order)).alias("best"), F.count("*").cast("long").alias("cluster_size")
    )
    joined = frame.join(best.where("cluster_size > 1"), on="cluster", how="inner")
    why = F.when(F.col("doc_id") == F.col("best.doc_id"), F.lit("survivor"))
    for i, preference in enumerate(preferences):
        why = why.when(F.col(f"preference_{i}") != F.col(f"best.preference_{i}"), F.lit(preference))
    why = why.when(F.col("content_hash") != F.col("best.content_hash"), F.lit("content_hash")).otherwise(
        F.lit("doc_id")
    )
    members = joined.withColumn("survivor", F.col("best.doc_id")).withColumn("why", why)
    return write_by_part(engine, members, storage, spec)
