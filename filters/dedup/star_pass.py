# mypy: disallow-untyped-defs=False
"""The star rule over LSH buckets, in memory: one walk in survivor order, verifying only against kept documents.

A document is dropped if and only if it is verified similar to an earlier kept document that it shares a bucket with; in
a bucket it is compared with the first `max_hubs` kept members at most. Every such pair is compared once, also after
the document is known to be dropped, so that the pairs are a function of the buckets and the order alone.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dedup.jaccard import shared_count
from gristmill.kernels.compile import kernel

UNDECIDED, DROPPED, KEPT = 0, 1, 2


class Contents(NamedTuple):
    """What documents are compared by: values[starts[d] : ends[d]], shingle hashes sorted without repeats, or signatures.

    values: uint64 (shingles) or uint32 (signatures, compared place by place).
    """

    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    by_signature: bool


class Compared(NamedTuple):
    """Pairs that were compared: document numbers, shared / total, and the first band in which they met."""

    earlier: np.ndarray
    later: np.ndarray
    shared: np.ndarray
    total: np.ndarray
    band: np.ndarray

    def similar(self, similarity: float) -> np.ndarray:
        """bool: at least as similar as that; a pair with nothing to compare is not."""
        return np.asarray(self.shared / np.maximum(self.total, 1) >= similarity)


@kernel
def compare(values, starts, ends, by_signature, a, b):
    """(shared, total) of two documents: of their shingle sets, or of their signatures' places.

    Two without shingles meet only where their whole content is the same: that is all they can share, (1, 1).
    """
    left, right = values[starts[a] : ends[a]], values[starts[b] : ends[b]]
    if by_signature:
        same = 0
        for k in range(len(left)):
            same += left[k] == right[k]
        return same, len(left)
    if len(left) == 0 and len(right) == 0:
        return 1, 1
    shared = shared_count(left, right)
    return shared, len(left) + len(right) - shared


@kernel
def _compare_all(values, starts, ends, by_signature, left, right, shared, total):
    for pair in range(len(left)):
        shared[pair], total[pair] = compare(values, starts, ends, by_signature, left[pair], right[pair])


def compare_all(contents: Contents, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(shared, total) int64 of each pair of document numbers."""
    shared, total = np.empty(len(left), np.int64), np.empty(len(left), np.int64)
    _compare_all(*contents, np.asarray(left, np.int64), np.asarray(right, np.int64), shared, total)
    return shared, total


@kernel
def _grown(array, wanted):
    if wanted <= array.shape[1]:
        return array
    larger = np.empty((array.shape[0], max(wanted, 2 * array.shape[1])), array.dtype)
    larger[:, : array.shape[1]] = array
    return larger


@kernel
def _walk(edges, buckets, bands, hub_edges, used, state, values, starts, ends, by_signature, similarity, max_hubs):
    documents = len(edges) - 1
    survivors = np.arange(documents)
    hubs = np.empty(hub_edges[-1], np.int64)
    kept = used.copy()
    pairs = np.empty((5, 1024), np.int64)
    met = np.empty((1, 256), np.int64)
    count, left = 0, 0
    for document in range(documents):
        found = 0
        if state[document] != KEPT:
            for edge in range(edges[document], edges[document + 1]):
                bucket = buckets[edge]
                left += max(0, kept[bucket] - max_hubs)
                here = min(kept[bucket], max_hubs) - used[bucket]
                met = _grown(met, found + here)
                for k in range(here):
                    met[0, found] = (hubs[hub_edges[bucket] + k] << 16) | bands[edge]
                    found += 1
            met[0, :found].sort()
        previous = -1
        pairs = _grown(pairs, count + found)
        for i in range(found):
            hub = met[0, i] >> 16
            if hub == previous:
                continue
            previous = hub
            shared, total = compare(values, starts, ends, by_signature, hub, document)
            pairs[0, count], pairs[1, count], pairs[2, count], pairs[3, count] = hub, document, shared, total
            pairs[4, count] = met[0, i] & 0xFFFF
            count += 1
            if survivors[document] == document and total > 0 and shared / total >= similarity:
                survivors[document] = hub
        if survivors[document] == document and state[document] != DROPPED:
            for edge in range(edges[document], edges[document + 1]):
                bucket = buckets[edge]
                if kept[bucket] < max_hubs:
                    hubs[hub_edges[bucket] + kept[bucket] - used[bucket]] = document
                kept[bucket] += 1
    return pairs[:, :count], left


def star_pass(
    edges: np.ndarray,
    buckets: np.ndarray,
    bands: np.ndarray,
    used: np.ndarray,
    state: np.ndarray,
    contents: Contents,
    similarity: float,
    max_hubs: int,
) -> tuple[Compared, int]:
    """(pairs compared, bucket pairs left by the cap) of documents numbered in survivor order.

    edges, buckets, bands: document d is in buckets[edges[d] : edges[d + 1]] (0 .. len(used) - 1), under those bands.
    used: kept members that each bucket has had before. state: UNDECIDED; DROPPED documents are compared, never kept;
    KEPT ones are kept without being compared.
    """
    sizes = np.minimum(np.bincount(buckets, minlength=len(used)), np.maximum(max_hubs - used, 0))
    hub_edges = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    pairs, left = _walk(edges, buckets, bands, hub_edges, used, state, *contents, similarity, max_hubs)
    return Compared(*pairs), int(left)


def survivors_of(pairs: Compared, similarity: float, documents: int) -> np.ndarray:
    """int64 survivor of each document, itself when kept: the earliest kept document that it is similar to."""
    survivors = np.arange(documents)
    similar = pairs.similar(similarity)
    np.minimum.at(survivors, pairs.later[similar], pairs.earlier[similar])
    return survivors


def compare_rows(
    left: pa.LargeListArray, right: pa.LargeListArray, by_signature: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(shared, total) int64 of the two lists of int64 hashes (or int32 signature values) in each row of a table."""
    kind = np.uint32 if by_signature else np.uint64
    values, starts, ends = [], [], []
    at = 0
    for lists in (left, right):
        edges = at + np.concatenate((np.zeros(1, np.int64), np.cumsum(pc.list_value_length(lists).to_numpy())))
        values.append(lists.flatten().to_numpy().view(kind))
        starts.append(edges[:-1])
        ends.append(edges[1:])
        at = int(edges[-1])
    contents = Contents(np.concatenate(values), np.concatenate(starts), np.concatenate(ends), by_signature)
    numbers = np.arange(len(left))
    return compare_all(contents, numbers, numbers + len(left))
