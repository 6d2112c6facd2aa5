"""From compared pairs to clusters: survivor, similarity, band and reason of every member, and what the run reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dedup.components import connected_components
from gristmill.filters.dedup.linking import hops_from, link_buckets
from gristmill.filters.dedup.star_pass import Compared, Contents, compare_all, star_pass, survivors_of
from gristmill.pipelines.dedup.near.candidates import reasons
from gristmill.pipelines.dedup.near.in_memory import Entries, NearCandidates
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.near_duplicates import NEAR_PAIR, OUTCOME

SHOWN_IDS = 20
EDGE_PAIRS = 4


@dataclass(frozen=True)
class DecidedMembers:
    """Survivor number of every candidate, with shared / total and band against it (0 / 0 and -1 for survivors)."""

    survivors: np.ndarray
    shared: np.ndarray
    total: np.ndarray
    band: np.ndarray
    pairs: Compared
    facts: dict[str, Any]


def decide_star(candidates: NearCandidates, entries: Entries, contents: Contents, near: NearDedup) -> DecidedMembers:
    """The star rule, see filters/dedup/star_pass.py."""
    nodes = len(candidates.places)
    pairs, left = star_pass(
        *(entries.edges(nodes), entries.bucket, entries.band, np.zeros(entries.buckets, np.int64), candidates.state),
        *(contents, near.similarity, near.max_hubs),
    )
    survivors = survivors_of(pairs, near.similarity, nodes)
    return decided_by_pairs(survivors, pairs, {"left_by_cap": left}, near.similarity)


def decided_by_pairs(
    survivors: np.ndarray, pairs: Compared, facts: dict[str, Any], similarity: float
) -> DecidedMembers:
    """Similarity and band of every dropped document from the pair it makes with its survivor."""
    shared, total, band = _blank(len(survivors))
    chosen = survivors[pairs.later] == pairs.earlier
    at = pairs.later[chosen]
    shared[at], total[at], band[at] = pairs.shared[chosen], pairs.total[chosen], pairs.band[chosen]
    return DecidedMembers(survivors, shared, total, band, pairs, {**pair_facts(pairs, similarity), **facts})


def _blank(nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(nodes, np.int64), np.zeros(nodes, np.int64), np.full(nodes, -1, np.int64)


def decide_components(
    candidates: NearCandidates, entries: Entries, contents: Contents, near: NearDedup
) -> DecidedMembers:
    """The first of every connected component survives; every member is compared with it, chains are counted.

    A published document is never dropped; those that a union of the runs would drop are counted and named.
    """
    pairs, left = link_buckets(
        *(entries.document, entries.bucket, entries.band, candidates.state),
        *(contents, near.similarity, near.max_hubs),
    )
    nodes = len(candidates.places)
    similar = pairs.similar(near.similarity)
    one, other = pairs.earlier[similar], pairs.later[similar]
    survivors = connected_components(one, other, nodes)
    shared, total, band = _blank(nodes)
    dropped = np.flatnonzero(survivors != np.arange(nodes))
    shared[dropped], total[dropped] = compare_all(contents, survivors[dropped], dropped)
    bands = np.where(band < 0, np.iinfo(np.int64).max, band)
    for side in (one, other):
        np.minimum.at(bands, side, pairs.band[similar])
    band[dropped] = bands[dropped]
    is_chain = (shared[dropped] / np.maximum(total[dropped], 1) < near.similarity) & ~candidates.published[dropped]
    hops = hops_from(np.unique(survivors[dropped]), one, other, nodes)
    facts: dict[str, Any] = {
        "left_by_cap": left,
        "chained": int(is_chain.sum()),
        "eccentricity": int(hops.max(initial=0)),
    }
    published = dropped[candidates.published[dropped]]
    if len(published):
        shown = candidates.table.select(["key", "doc_id"]).take(pa.array(published[:SHOWN_IDS])).to_pylist()
        facts |= {"published_a_union_would_drop": len(published), "published_examples": shown}
    return DecidedMembers(survivors, shared, total, band, pairs, {**pair_facts(pairs, near.similarity), **facts})


def pair_facts(pairs: Compared, similarity: float) -> dict[str, Any]:
    """Candidates compared, verified, refuted."""
    verified = int(pairs.similar(similarity).sum())
    return {"compared": len(pairs.earlier), "verified": verified, "refuted": len(pairs.earlier) - verified}


class EdgePair(NamedTuple):
    """A pair near the wanted similarity, in the order in which such pairs are shown."""

    refuted: bool
    away: float
    earlier_key: str
    later_key: str
    shown: dict[str, Any]  # as `edge_pair` says it


def edge_pairs(candidates: NearCandidates, pairs: Compared, similarity: float) -> list[EdgePair]:
    """The pairs of new documents nearest to the wanted similarity, EDGE_PAIRS on each side, for people to look at."""
    new = ~candidates.published
    chosen = np.flatnonzero(new[pairs.earlier] & new[pairs.later] & (pairs.total > 0))
    ratio = pairs.shared[chosen] / pairs.total[chosen]
    away = np.abs(ratio - similarity)
    order = np.lexsort((pairs.later[chosen], pairs.earlier[chosen], away))
    verified = pairs.similar(similarity)[chosen[order]]
    nearest = [*order[verified][:EDGE_PAIRS].tolist(), *order[~verified][:EDGE_PAIRS].tolist()]
    keys = candidates.table.column("key")
    found = []
    for index in nearest:
        at = chosen[index]
        earlier, later = int(pairs.earlier[at]), int(pairs.later[at])
        pair = edge_pair(
            *(_document(candidates.table, earlier), _document(candidates.table, later)),
            *(int(pairs.shared[at]), int(pairs.total[at])),
        )
        refuted = not pairs.similar(similarity)[at]
        found.append(EdgePair(refuted, float(away[index]), keys[earlier].as_py(), keys[later].as_py(), pair))
    return found


def _document(table: pa.Table, number: int) -> list[Any]:
    return [table.column(name)[int(number)].as_py() for name in ("doc_id", "part", "row")]


def edge_pair(earlier: list[Any], later: list[Any], shared: int, total: int) -> dict[str, Any]:
    """Two documents, each [doc_id, part, row], and what they share."""
    return {"earlier": earlier, "later": later, "shared": shared, "total": total}


def pair_table(candidates: NearCandidates, pairs: Compared, similarity: float) -> pa.Table:
    """NEAR_PAIR rows."""
    ids = candidates.table.column("doc_id")
    return pa.table(
        {
            "earlier": ids.take(pa.array(pairs.earlier)),
            "later": ids.take(pa.array(pairs.later)),
            "shared": pa.array(pairs.shared),
            "total": pa.array(pairs.total),
            "similar": pa.array(pairs.similar(similarity)),
            "band": pa.array(pairs.band.astype(np.int32)),
        },
        schema=NEAR_PAIR,
    )


def member_table(candidates: NearCandidates, decided: DecidedMembers, preferences: tuple[str, ...]) -> pa.Table:
    """OUTCOME rows of every new document in a cluster of two or more."""
    survivors = decided.survivors
    nodes = np.arange(len(survivors))
    dropped = survivors != nodes
    copies = np.where(dropped & candidates.published, 0, candidates.table.column("copies").to_numpy())
    sizes = np.bincount(survivors, weights=copies, minlength=len(nodes)).astype(np.int64)
    in_cluster = dropped.copy()
    in_cluster[survivors[dropped]] = True
    chosen = np.flatnonzero(in_cluster & ~candidates.published)
    table = candidates.table.take(pa.array(chosen))
    heads = candidates.table.take(pa.array(survivors[chosen]))
    gone = dropped[chosen]
    with np.errstate(invalid="ignore"):
        similarity = decided.shared[chosen] / decided.total[chosen]
    return pa.table(
        {
            **{name: table.column(name) for name in ("doc_id", "part", "row")},
            "cluster": near_cluster(heads.column("doc_id")),
            "survivor": heads.column("doc_id"),
            "cluster_size": pa.array(sizes[survivors[chosen]]),
            "why": reasons(table.column("key").combine_chunks(), heads.column("key").combine_chunks(), preferences),
            "similarity": pa.array(similarity, mask=~gone),
            "band": pa.array(decided.band[chosen].astype(np.int32), mask=~gone),
            "is_copy": pa.array(np.zeros(len(chosen), bool)),
            "is_near": pa.array(gone),
        },
        schema=OUTCOME,
    )


def near_cluster(survivors: pa.ChunkedArray) -> pa.ChunkedArray:
    """The name of the cluster that a document survives."""
    return pc.binary_join_element_wise(pa.scalar("near", survivors.type), survivors, pa.scalar(":", survivors.type))


class DecisionFacts:
    """What a decision reports, summed over problems that have no document in common."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._hops = 0
        self._sizes: Counter[int] = Counter()
        self._published: list[dict[str, str]] = []
        self._edge: list[EdgePair] = []

    def add(self, decided: DecidedMembers, members: pa.Table, edge: list[EdgePair]) -> None:
        """One problem. members: its OUTCOME rows."""
        self._counts.update({name: value for name, value in decided.facts.items() if name in _SUMMED})
        self._counts["dropped"] += int(np.sum(members.column("is_near").to_numpy()))
        self._hops = max(self._hops, decided.facts.get("eccentricity", 0))
        self._published += decided.facts.get("published_examples", [])
        clusters = zip(members.column("cluster").to_pylist(), members.column("cluster_size").to_pylist(), strict=True)
        self._sizes.update(dict(clusters).values())
        ordered = sorted([*self._edge, *edge], key=lambda pair: pair[:4])
        nearest = [[pair for pair in ordered if pair.refuted == refuted][:EDGE_PAIRS] for refuted in (False, True)]
        self._edge = [*nearest[0], *nearest[1]]

    def total(self, link: str) -> dict[str, Any]:
        """The facts of all problems together, under the rule `link`."""
        facts: dict[str, Any] = {
            name: self._counts[name] for name in _SUMMED if name in self._counts or name in _ALWAYS
        }
        if link == "component":
            facts |= {"chained": self._counts["chained"], "eccentricity": self._hops}
        if self._published:
            ordered = sorted(self._published, key=lambda one: one["key"])
            facts["published_examples"] = [one["doc_id"] for one in ordered[:SHOWN_IDS]]
        return facts | size_facts(self._sizes, self._counts["dropped"]) | {"edge": [pair.shown for pair in self._edge]}


_ALWAYS = ("compared", "verified", "refuted", "left_by_cap")
_SUMMED = (*_ALWAYS, "chained", "published_a_union_would_drop")


def size_facts(clusters: Mapping[int, int], dropped: int) -> dict[str, Any]:
    """clusters: size -> how many. clusters_by_size: {"2": 120, "3-4": 7, "5-8": 1, ...}."""
    by_size: Counter[str] = Counter()
    for size in sorted(clusters):
        high = 1 << (size - 1).bit_length()
        by_size["2" if high <= 2 else f"{high // 2 + 1}-{high}"] += clusters[size]
    return {
        "dropped": dropped,
        "clusters": sum(clusters.values()),
        "clusters_by_size": dict(by_size),
        "largest_cluster": max(clusters, default=0),
    }
