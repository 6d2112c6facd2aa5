"""Connected components of a graph in rounds of DataFrame operations, O(log n) of them on long chains.

Alternating large-star and small-star: in a large star every neighbour after a node is linked to the first of the node
and its neighbours, in a small star the node and its neighbours before it are. When every edge leads from a leaf to a
centre that is nobody's leaf, the centres are the components' first nodes.

Source: Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii, "Connected Components in MapReduce and Beyond" (2014).
"""

from typing import Any

import pyarrow as pa
from gristmill.pipelines.dedup.near.checkpoint import Rounds

LEAF = pa.schema(
    [
        pa.field("node", pa.large_string(), nullable=False),
        pa.field("root", pa.large_string(), nullable=False),  # before `node` in order
    ]
)


def component_rounds(rounds: Rounds, edges: Any) -> Any:
    """(node, root) of every node that is not the first of its component; None when there is no edge.

    edges: columns `node` and `root`, strings, any order and repeats; a self-loop is no edge.
    """
    if not rounds.number:
        ordered = ordered_edges(edges.where("node != root"), "node", "root")
        rounds.finish({"edges": rounds.write(ordered, "edges", LEAF)}, {"done": False})
    while not rounds.state["facts"]["done"]:
        current = rounds.read("edges")
        if current is None or _are_stars(current):
            rounds.finish({"edges": rounds.parts("edges")}, {"done": True})
        else:
            starred = _small_star(_large_star(current))
            rounds.finish({"edges": rounds.write(starred, "edges", LEAF)}, {"done": False})
    return rounds.read("edges")


def ordered_edges(edges: Any, one: str, other: str) -> Any:
    """Distinct edges from the later to the earlier node."""
    from pyspark.sql.connect import functions as F

    pair = (F.greatest(one, other).alias("node"), F.least(one, other).alias("root"))
    return edges.select(*pair).distinct()


def _large_star(edges: Any) -> Any:
    """Each neighbour after a node, linked to the first of the node and its neighbours."""
    from pyspark.sql.connect import functions as F

    both = edges.select(F.col("node").alias("u"), F.col("root").alias("v")).unionByName(
        edges.select(F.col("root").alias("u"), F.col("node").alias("v"))
    )
    first = both.groupBy("u").agg(F.min("v").alias("least")).select("u", F.least("u", "least").alias("least"))
    linked = both.where("v > u").join(first, on="u", how="inner")
    return linked.select(F.col("v").alias("node"), F.col("least").alias("root")).distinct()


def _small_star(edges: Any) -> Any:
    """A node and each neighbour before it, linked to the first of those."""
    from pyspark.sql.connect import functions as F

    first = edges.groupBy("node").agg(F.min("root").alias("least"))
    linked = edges.join(first, on="node", how="inner")
    moved = linked.where("root != least").select(F.col("root").alias("node"), F.col("least").alias("root"))
    return moved.unionByName(first.select("node", F.col("least").alias("root"))).distinct()


def _are_stars(edges: Any) -> bool:
    """Whether every node has one root, which has none itself."""
    from pyspark.sql.connect import functions as F

    leaves = edges.groupBy("node").agg(F.count("*").alias("roots"))
    if leaves.where("roots > 1").limit(1).count():
        return False
    inner = leaves.select(F.col("node").alias("root")).join(edges.select("root"), on="root", how="left_semi")
    return not inner.limit(1).count()
