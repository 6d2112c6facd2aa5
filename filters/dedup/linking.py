"""Links inside LSH buckets for the component rule, in memory.

In each round the first member of every bucket is its hub and is compared with all others; those refuted stay and are
linked among themselves in the next round, until none is left or `max_hubs` rounds are over. Linking to the first member
only would lose pairs wherever a bucket holds two families of documents. Two members that are like each other, of which
one is like the hub and the other is not, meet in another bucket or not at all.
"""

import numpy as np
from gristmill.filters.dedup.star_pass import KEPT, Compared, Contents, compare_all


def link_buckets(
    documents: np.ndarray,
    buckets: np.ndarray,
    bands: np.ndarray,
    state: np.ndarray,
    contents: Contents,
    similarity: float,
    max_hubs: int,
) -> tuple[Compared, int]:
    """(pairs compared, bucket pairs left by the cap) of entries (document, bucket, band), any order.

    Documents are numbered in survivor order; two that are KEPT already are not compared.
    """
    order = np.lexsort((documents, buckets))
    documents, buckets, bands = documents[order], buckets[order], bands[order]
    found: list[Compared] = []
    nodes = len(state)
    for _ in range(max_hubs):
        first = np.ones(len(buckets), bool)
        first[1:] = buckets[1:] != buckets[:-1]
        hubs = documents[first][np.cumsum(first) - 1]
        documents, buckets, bands, hubs = (array[~first] for array in (documents, buckets, bands, hubs))
        if not len(documents):
            break
        compared = (state[documents] != KEPT) | (state[hubs] != KEPT)
        pairs, place = np.unique(hubs[compared] * nodes + documents[compared], return_inverse=True)
        least_band = np.full(len(pairs), np.iinfo(np.int64).max)
        np.minimum.at(least_band, place, bands[compared])
        shared, total = compare_all(contents, pairs // nodes, pairs % nodes)
        found.append(Compared(pairs // nodes, pairs % nodes, shared, total, least_band))
        refuted = np.ones(len(documents), bool)
        refuted[compared] = ~found[-1].similar(similarity)[place]
        documents, buckets, bands = documents[refuted], buckets[refuted], bands[refuted]
    sizes = np.unique(buckets, return_counts=True)[1].astype(np.int64)
    return _merged(found, nodes), int((sizes * (sizes - 1) // 2).sum())


def _merged(found: list[Compared], nodes: int) -> Compared:
    """All rounds' pairs, each once, with the least band."""
    if not found:
        return Compared(*(np.zeros(0, np.int64) for _ in Compared._fields))
    columns = Compared(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))
    order = np.lexsort((columns.band, columns.later, columns.earlier))
    columns = Compared(*(array[order] for array in columns))
    codes = columns.earlier * nodes + columns.later
    first = np.ones(len(codes), bool)
    first[1:] = codes[1:] != codes[:-1]
    return Compared(*(array[first] for array in columns))


def hops_from(sources: np.ndarray, left: np.ndarray, right: np.ndarray, nodes: int) -> np.ndarray:
    """int64 least number of edges from any source to each node, -1 where no path leads."""
    heads, tails = np.concatenate((left, right)), np.concatenate((right, left))
    order = np.argsort(heads, kind="stable")
    tails = tails[order]
    edges = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(heads, minlength=nodes))))
    hops = np.full(nodes, -1, np.int64)
    hops[sources] = 0
    frontier, step = np.unique(sources), 0
    while len(frontier):
        step += 1
        counts = edges[frontier + 1] - edges[frontier]
        starts = np.repeat(edges[frontier] - np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)[:-1])), counts)
        reached = np.unique(tails[starts + np.arange(counts.sum())])
        frontier = reached[hops[reached] < 0]
        hops[frontier] = step
    return hops
