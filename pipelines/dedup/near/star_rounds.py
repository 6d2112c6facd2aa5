"""The star rule in rounds of DataFrame operations; the same pairs and survivors as the walk in memory.

In each round the hub of a bucket is its first member that is not known to be dropped. A document that is the hub of all
its buckets has been compared with every kept one before it: it is kept, and all that follow it in its buckets are
compared with it. It then leaves, those similar to it are dropped (but still compared with later hubs, so that each goes
to its first survivor), and a bucket that has had `max_hubs` kept members leaves too. At least the first document of what
is left is decided in every round; what fits into memory is finished there.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.star_pass import DROPPED, KEPT, UNDECIDED, star_pass
from gristmill.pipelines.dedup.near.checkpoint import Rounds, read_parts, row_count
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.dedup.near.frames import ENTRY, PAIR, compared_pairs, similar, with_hubs
from gristmill.pipelines.dedup.near.in_memory import Entries, NearCandidates, load_contents, places_of
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import PartWriter, read_part
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.near_duplicates import NEAR_CANDIDATE


def star_rounds(
    rounds: Rounds, entries: Any, contents: Any, edges: NearEdges, near: NearDedup, memory_rows: int
) -> list[Part]:
    """Files of PAIR rows: everything that the rule compares. entries: ENTRY rows of all candidates."""
    if not rounds.number:
        rounds.finish({"entries": rounds.write(entries, "entries", ENTRY), "pairs": []}, {})
    while rows := row_count(rounds.parts("entries")):
        if rows <= memory_rows:
            pairs = finish_in_memory(rounds.storage, rounds.folder, rounds.parts("entries"), edges, near)
            rounds.finish({"entries": [], "pairs": [*rounds.parts("pairs"), *pairs]}, {})
        else:
            _one_round(rounds, contents, near)
    return rounds.parts("pairs")


def _one_round(rounds: Rounds, contents: Any, near: NearDedup) -> None:
    from pyspark.sql.connect import functions as F

    live = with_hubs(rounds.read("entries"), ~F.col("dropped"))
    decided = (
        live.where("not dropped")
        .groupBy("key")
        .agg(F.min((F.col("key") == F.col("hub")).cast("int")).alias("is_first"))
    )
    fired = decided.where("is_first = 1").select(F.col("key").alias("hub"))
    others = live.where("key > hub").join(fired, on="hub", how="left_semi")
    compared = rounds.write(compared_pairs(others, contents, near), "pairs", PAIR)
    marked = live.join(fired.withColumn("fired", F.lit(1)), on="hub", how="left").withColumn(
        "used", F.col("used") + F.coalesce(F.col("fired"), F.lit(0)).cast("long")
    )
    left = marked.where("key > hub or fired is null").where(F.col("used") < F.lit(near.max_hubs))
    pairs = read_parts(rounds.engine, rounds.storage, compared)
    if pairs is not None:
        gone = pairs.where(similar(near)).select("key").distinct().withColumn("gone", F.lit(True))
        left = left.join(gone, on="key", how="left")
        left = left.withColumn("dropped", F.col("dropped") | F.coalesce(F.col("gone"), F.lit(False)))
    sizes = left.groupBy("bucket").agg(F.count("*").alias("members")).where("members > 1").select("bucket")
    remaining = rounds.write(left.join(sizes, on="bucket", how="left_semi"), "entries", ENTRY)
    rounds.finish({"entries": remaining, "pairs": [*rounds.parts("pairs"), *compared]}, {})


def finish_in_memory(storage: Storage, folder: str, parts: list[Part], edges: NearEdges, near: NearDedup) -> list[Part]:
    """The pairs of what is left, by the walk in memory, as files."""
    table = pa.concat_tables([read_part(storage, part, ENTRY.names) for part in parts if part.rows])
    candidates, numbers = candidates_of_entries(table)
    state = np.full(len(candidates.places), UNDECIDED, np.int64)
    state[numbers[table.column("dropped").to_numpy()]] = DROPPED
    state[candidates.published] = KEPT
    band = table.column("band").to_numpy().astype(np.int64)
    _, bucket = np.unique(table.column("bucket").to_numpy(), return_inverse=True)
    used = np.zeros(int(bucket.max(initial=-1)) + 1, np.int64)
    used[bucket] = table.column("used").to_numpy()
    order = np.lexsort((band, numbers))
    entries = Entries(numbers[order], bucket[order], band[order])
    contents = load_contents(storage, edges, near, candidates, entries)
    pairs, _ = star_pass(
        *(entries.edges(len(state)), entries.bucket, entries.band, used, state),
        *(contents, near.similarity, near.max_hubs),
    )
    keys = candidates.table.column("key")
    rows = pa.table(
        {
            "hub": keys.take(pa.array(pairs.earlier)),
            "key": keys.take(pa.array(pairs.later)),
            "band": pa.array(pairs.band.astype(np.int32)),
            "shared": pa.array(pairs.shared),
            "total": pa.array(pairs.total),
        },
        schema=PAIR,
    )
    return write_pairs(storage, folder, rows)


def write_pairs(storage: Storage, folder: str, rows: pa.Table) -> list[Part]:
    """PAIR rows as files of the rounds in `folder`."""
    with PartWriter(storage, DatasetSpec(f"{folder}/pairs", PAIR, ()), "memory") as writer:
        for batch in rows.combine_chunks().to_batches(max_chunksize=1 << 17):
            writer.write(batch)
    return writer.parts


def candidates_of_entries(table: pa.Table) -> tuple[NearCandidates, np.ndarray]:
    """(the documents of ENTRY rows in survivor order, the number of each row's document)."""
    places = places_of(table)
    distinct, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    chosen = table.take(pa.array(first))
    order = np.array(chosen.column("key").combine_chunks().to_pylist(), object).argsort()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    chosen = chosen.take(pa.array(order))
    documents = pa.table(
        {
            "doc_id": chosen.column("key"),  # ids are within the keys
            **{name: chosen.column(name) for name in ("part", "row", "key")},
            "copies": pa.array(np.ones(len(order), np.int64)),
        },
        schema=NEAR_CANDIDATE,
    )
    return NearCandidates(documents, distinct[order], np.argsort(distinct[order])), rank[inverse]
