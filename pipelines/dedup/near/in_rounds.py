"""Near-duplicate decisions as rounds of DataFrame operations: pairs, clusters and facts of problems past one memory.

The same rows as in_memory.py and members.py give, by the same rules.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.dedup.near.candidates import key_segments
from gristmill.pipelines.dedup.near.checkpoint import Rounds, read_parts, write_frame
from gristmill.pipelines.dedup.near.component_rounds import component_rounds
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.dedup.near.frames import (
    PAIR,
    compared_pairs,
    contents_frame,
    entries_frame,
    is_published,
    similar,
)
from gristmill.pipelines.dedup.near.link_rounds import link_rounds
from gristmill.pipelines.dedup.near.members import EDGE_PAIRS, SHOWN_IDS, edge_pair, size_facts
from gristmill.pipelines.dedup.near.star_rounds import star_rounds
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import write_by_part
from gristmill.pipelines.run.units import put_unit
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.near_duplicates import NEAR_PAIR, OUTCOME

NODE = pa.schema([pa.field("node", pa.large_string(), nullable=False)])
MOST_HOPS = 8  # how far links are followed from survivors; longer chains count as one more


@dataclass(frozen=True)
class Frames:
    """What the rounds work on. candidates: NEAR_CANDIDATE rows; entries: ENTRY rows; contents: (part, row, content)."""

    engine: Engine
    storage: Storage
    folder: str
    near: NearDedup
    candidates: Any
    entries: Any
    contents: Any

    def rounds(self, name: str) -> Rounds:
        return Rounds(self.engine, self.storage, f"{self.folder}/{name}")

    def read(self, parts: list[Part]) -> Any:
        return read_parts(self.engine, self.storage, parts)

    def write(self, frame: Any, name: str, schema: Any) -> Any:
        """The frame after one trip through Parquet, so that it is computed once; None when it has no rows."""
        spec = DatasetSpec(f"{self.folder}/{name}", schema, ())
        return self.read(write_frame(self.engine, frame, self.storage, spec, name))


def decide_in_rounds(
    engine: Engine,
    storage: Storage,
    folder: str,
    near: NearDedup,
    edges: NearEdges,
    candidates: DatasetManifest,
    preferences: tuple[str, ...],
    pairs_spec: DatasetSpec,
    members_spec: DatasetSpec,
    memory_rows: int,
) -> dict[str, Any]:
    """Write pairs and members; returns the facts. folder: where rounds keep their state."""
    entries = entries_frame(engine, storage, edges.buckets, candidates)
    if entries is None:
        return {"compared": 0, "verified": 0, "refuted": 0, "left_by_cap": 0, **size_facts({}, 0), "edge": []}
    known = read_parts(engine, storage, candidates.parts)
    frames = Frames(engine, storage, folder, near, known, entries, contents_frame(engine, storage, edges, near))
    if near.link == "star":
        pairs = frames.read(star_rounds(frames.rounds("star"), entries, frames.contents, edges, near, memory_rows))
        dropped, facts = _star(frames, pairs)
    else:
        listed, left = link_rounds(frames.rounds("links"), entries, frames.contents, near)
        pairs = frames.read(listed)
        dropped, facts = _components(frames, pairs)
        facts["left_by_cap"] = left
    facts |= _write_pairs(frames, pairs, pairs_spec)
    facts["edge"] = [] if pairs is None else _edge_pairs(frames, pairs)
    return facts | _write_members(frames, dropped, preferences, members_spec)


def _star(frames: Frames, pairs: Any) -> tuple[Any, dict[str, Any]]:
    """Dropped documents as PAIR rows with their survivor as hub."""
    from pyspark.sql.connect import functions as F
    from pyspark.sql.connect.window import Window

    dropped = None
    if pairs is not None:
        first = (
            pairs.where(similar(frames.near))
            .groupBy("key")
            .agg(F.min(F.struct("hub", "band", "shared", "total")).alias("s"))
        )
        dropped = frames.write(first.select("key", "s.hub", "s.band", "s.shared", "s.total"), "dropped", PAIR)
    entries = frames.entries.withColumn("kept", F.lit(1))
    if dropped is not None:
        gone = dropped.select("key", F.lit(0).alias("is_kept"))
        entries = frames.entries.join(gone, on="key", how="left").withColumn("kept", F.coalesce("is_kept", F.lit(1)))
    before = Window.partitionBy("bucket").orderBy("key").rowsBetween(Window.unboundedPreceding, -1)
    over = F.greatest(F.coalesce(F.sum("kept").over(before), F.lit(0)) - frames.near.max_hubs, F.lit(0))
    counted = entries.withColumn("over", over).where(~is_published(F.col("key")))
    left = counted.agg(F.sum("over").alias("left")).toArrow().column("left")[0].as_py()
    return dropped, {"left_by_cap": int(left or 0)}


def _components(frames: Frames, pairs: Any) -> tuple[Any, dict[str, Any]]:
    """Dropped documents as PAIR rows: compared with the first of their component, under the first band of their links."""
    from pyspark.sql.connect import functions as F

    facts: dict[str, Any] = {"chained": 0, "eccentricity": 0}
    if pairs is None:
        return None, facts
    links = pairs.where(similar(frames.near)).select("hub", "key", "band")
    leaves = component_rounds(
        frames.rounds("components"), links.select(F.col("key").alias("node"), F.col("hub").alias("root"))
    )
    if leaves is None:
        return None, facts
    both = links.select("key", "band").unionByName(links.select(F.col("hub").alias("key"), "band"))
    bands = both.groupBy("key").agg(F.min("band").alias("band"))
    places = frames.candidates.select("key", "part", "row")
    heads = places.select(F.col("key").alias("hub"), F.col("part").alias("hub_part"), F.col("row").alias("hub_row"))
    named = leaves.select(F.col("node").alias("key"), F.col("root").alias("hub"))
    to_compare = named.join(bands, on="key", how="inner").join(places, on="key").join(heads, on="hub")
    new = frames.write(compared_pairs(to_compare, frames.contents, frames.near), "dropped", PAIR)
    if new is not None:
        facts["chained"] = new.where(~similar(frames.near)).count()
    facts["eccentricity"] = _hops(frames, links, leaves)
    published = named.where(is_published(F.col("key")))
    count = published.count()
    if count:
        ids = frames.candidates.join(published.select("key"), on="key", how="left_semi").orderBy("key").limit(SHOWN_IDS)
        examples = ids.select("doc_id").toArrow().column("doc_id").to_pylist()
        facts |= {"published_a_union_would_drop": count, "published_examples": examples}
    return new, facts


def _hops(frames: Frames, links: Any, leaves: Any) -> int:
    """The most links from a survivor to a member of its component, counted up to MOST_HOPS + 1."""
    from pyspark.sql.connect import functions as F

    both = links.select(F.col("hub").alias("node"), F.col("key").alias("next")).unionByName(
        links.select(F.col("key").alias("node"), F.col("hub").alias("next"))
    )
    frontier = frames.write(leaves.select(F.col("root").alias("node")).distinct(), "hops-0", NODE)
    reached = frontier
    for hop in range(1, MOST_HOPS + 2):
        found = both.join(frontier, on="node", how="left_semi").select(F.col("next").alias("node")).distinct()
        frontier = frames.write(found.join(reached, on="node", how="left_anti"), f"hops-{hop}", NODE)
        if frontier is None:
            return hop - 1
        reached = reached.unionByName(frontier)
    return MOST_HOPS + 1


def _write_pairs(frames: Frames, pairs: Any, spec: DatasetSpec) -> dict[str, Any]:
    """NEAR_PAIR rows, each pair once; returns how many were compared, verified and refuted."""
    from pyspark.sql.connect import functions as F

    if pairs is None:
        return {"compared": 0, "verified": 0, "refuted": 0}
    ids = frames.candidates.select("key", F.col("doc_id").alias("later"))
    hubs = frames.candidates.select(F.col("key").alias("hub"), F.col("doc_id").alias("earlier"))
    once = pairs.groupBy("hub", "key", "shared", "total").agg(F.min("band").alias("band"))
    rows = once.join(ids, on="key").join(hubs, on="hub").withColumn("similar", similar(frames.near))
    parts = write_frame(frames.engine, rows, frames.storage, spec, "pairs")
    keyed = [part.model_copy(update={"key": f"pairs-{number:04d}"}) for number, part in enumerate(parts)]
    counts = put_unit(frames.storage, spec, "pairs", {}, keyed)
    written = read_parts(frames.engine, frames.storage, parts).select(*NEAR_PAIR.names)
    verified = int(written.where("similar").count())
    if not counts:  # the pairs of an attempt before do
        frames.storage.remove_files([part.path for part in parts])
    compared = sum(part.rows for part in parts)
    return {"compared": compared, "verified": verified, "refuted": compared - verified}


def _edge_pairs(frames: Frames, pairs: Any) -> list[dict[str, Any]]:
    """As members.edge_pairs."""
    from pyspark.sql.connect import functions as F

    away = F.abs(F.col("shared").cast("double") / F.col("total").cast("double") - F.lit(frames.near.similarity))
    once = pairs.where(~is_published(F.col("hub"))).where("total > 0").drop("band").distinct()
    found = []
    for side in (similar(frames.near), ~similar(frames.near)):
        nearest = once.where(side).withColumn("away", away).orderBy("away", "hub", "key").limit(EDGE_PAIRS)
        rows = nearest.select("hub", "key", "shared", "total", "away").toArrow().to_pylist()
        found += sorted(rows, key=lambda row: (row["away"], row["hub"], row["key"]))
    keys = {row[name] for row in found for name in ("hub", "key")}
    if not keys:
        return []
    named = frames.candidates.where(F.col("key").isin(*keys)).select("key", "doc_id", "part", "row").toArrow()
    at = {row["key"]: [row["doc_id"], row["part"], row["row"]] for row in named.to_pylist()}
    return [edge_pair(at[row["hub"]], at[row["key"]], row["shared"], row["total"]) for row in found]


def _write_members(frames: Frames, dropped: Any, preferences: tuple[str, ...], spec: DatasetSpec) -> dict[str, Any]:
    """OUTCOME rows of every new document in a cluster of two or more; returns counts by size."""
    from pyspark.sql.connect import functions as F

    if dropped is None:
        return size_facts({}, 0)
    own = frames.candidates.select("doc_id", "part", "row", "key", "copies")
    heads = dropped.select(F.col("hub").alias("key")).distinct().withColumn("hub", F.col("key"))
    none = {name: F.lit(None).cast(kind) for name, kind in (("band", "int"), ("shared", "long"), ("total", "long"))}
    everyone = dropped.unionByName(heads.withColumns(none)).join(own, on="key", how="inner")
    sizes = everyone.groupBy("hub").agg(F.sum("copies").alias("cluster_size"))
    ids = own.select(F.col("key").alias("hub"), F.col("doc_id").alias("survivor"))
    rows = everyone.join(sizes, on="hub").join(ids, on="hub").where(~is_published(F.col("key")))
    gone = F.col("key") != F.col("hub")
    rows = rows.withColumns(
        {
            "cluster": F.concat(F.lit("near:"), F.col("survivor")),
            "why": _why(preferences),
            "similarity": F.col("shared").cast("double") / F.col("total").cast("double"),
            "is_copy": F.lit(False),
            "is_near": gone,
        }
    )
    write_by_part(frames.engine, rows.select(*OUTCOME.names), frames.storage, spec)
    per_size = rows.select("cluster", "cluster_size").distinct().groupBy("cluster_size").count().toArrow()
    counted = dict(zip(per_size.column("cluster_size").to_pylist(), per_size.column("count").to_pylist(), strict=True))
    return size_facts(counted, int(rows.where("is_near").count()))


def _why(preferences: tuple[str, ...]) -> Any:
    """As candidates.reasons: the first segment in which the keys differ."""
    from pyspark.sql.connect import functions as F

    why = F.when(F.col("key") == F.col("hub"), F.lit("survivor"))
    for name, start, length in key_segments(preferences):
        differs = F.substring("key", start + 1, length) != F.substring("hub", start + 1, length)
        why = why.when(differs, F.lit(name))
    return why.otherwise(F.lit("doc_id"))
