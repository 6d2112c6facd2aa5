"""Links inside buckets for the component rule, in rounds of DataFrame operations; the same pairs as in memory.

Round by round the first member of every bucket is compared with the others; those refuted stay, so that they are linked
among themselves, until none is left or `max_hubs` rounds are over.
"""

from typing import Any

from gristmill.pipelines.dedup.near.checkpoint import Rounds, read_parts, row_count
from gristmill.pipelines.dedup.near.frames import ENTRY, PAIR, compared_pairs, is_published, similar, with_hubs
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.dedup import NearDedup


def link_rounds(rounds: Rounds, entries: Any, contents: Any, near: NearDedup) -> tuple[list[Part], int]:
    """(files of PAIR rows, bucket pairs left by the cap). A pair may be listed by several rounds."""
    if not rounds.number:
        rounds.finish({"entries": rounds.write(entries, "entries", ENTRY), "pairs": []}, {})
    while row_count(rounds.parts("entries")) and rounds.number <= near.max_hubs:
        _one_round(rounds, contents, near)
    return rounds.parts("pairs"), _left(rounds.read("entries"))


def _one_round(rounds: Rounds, contents: Any, near: NearDedup) -> None:
    from pyspark.sql.connect import functions as F

    others = with_hubs(rounds.read("entries")).where("key > hub")
    new = others.where(~(is_published(F.col("key")) & is_published(F.col("hub"))))
    compared = rounds.write(compared_pairs(new, contents, near), "pairs", PAIR)
    pairs = read_parts(rounds.engine, rounds.storage, compared)
    if pairs is not None:
        linked = pairs.where(similar(near)).select("hub", "key")
        others = others.join(linked, on=["hub", "key"], how="left_anti")
    remaining = rounds.write(others, "entries", ENTRY)
    rounds.finish({"entries": remaining, "pairs": [*rounds.parts("pairs"), *compared]}, {})


def _left(entries: Any) -> int:
    """Pairs of members still in the same bucket."""
    from pyspark.sql.connect import functions as F

    if entries is None:
        return 0
    sizes = entries.groupBy("bucket").agg(F.count("*").alias("n"))
    return int(sizes.agg(F.sum(F.expr("n * (n - 1) div 2")).alias("left")).toArrow().column("left")[0].as_py() or 0)
