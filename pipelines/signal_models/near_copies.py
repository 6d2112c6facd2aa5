"""Clusters of near copies among texts in memory, so that no copy of a text is on both sides of a split.

Two texts are near copies when half of their pairs of neighbouring words are the same (Jaccard, case, marks, accents and
digits aside); clusters are chains of them. Texts in scripts without spaces are compared by runs of four characters. Texts
made from one template chain up until a split is not possible: where a cluster would hold more than MAX_SHARE of the texts,
they have to be more alike.

Cost: linear in the text; 256 bytes of memory for a text. Pairs are looked for with MinHash bands: a pair at the limit is
found in 95 of 100 cases, one that is more alike more often.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.components import connected_components
from gristmill.filters.dedup.jaccard import estimated_jaccard
from gristmill.filters.dedup.lsh_parameters import choose_bands
from gristmill.filters.dedup.minhash import Signatures, band_hashes, signatures
from gristmill.filters.dedup.normalise import FULL
from gristmill.filters.dedup.shingles import Shingling

SIMILARITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # the first that leaves no cluster too large
MAX_SHARE = 0.05
RECALL, PERMUTATIONS = 0.95, 64
MAX_HUBS = 50  # families told apart in one bucket
SHINGLING = Shingling(words=2, characters=4, normalisation=FULL)
_BATCH_CHARACTERS = 16 << 20


def near_copy_clusters(texts: Sequence[str]) -> tuple[np.ndarray, float]:
    """(int64: for each text the number of the first text of its cluster, the similarity from which texts are copies)."""
    values, pieces = _signatures(texts)
    worded = np.flatnonzero(pieces > 0)  # a text without a word is like no other
    for similarity in SIMILARITIES:
        clusters = _clusters(values, worded, similarity)
        if np.bincount(clusters, minlength=1).max() <= max(1, MAX_SHARE * len(texts)):
            break
    return clusters, similarity


def _clusters(values: np.ndarray, worded: np.ndarray, similarity: float) -> np.ndarray:
    bands = choose_bands(similarity, RECALL, PERMUTATIONS)
    hashes = band_hashes(values, bands.bands, bands.rows)
    left, right = [], []
    for band in range(bands.bands):
        for a, b in _links(worded, hashes[worded, band], values, similarity):
            left.append(a)
            right.append(b)
    nothing = np.zeros(0, np.int64)
    return connected_components(np.concatenate([nothing, *left]), np.concatenate([nothing, *right]), len(values))


def _links(
    texts: np.ndarray, buckets: np.ndarray, values: np.ndarray, similarity: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Similar pairs inside the buckets of one band.

    In each round a bucket's first text is compared with all others; those unlike it are linked in the next round, since a
    bucket may hold several families (pipelines/dedup links large runs so too).
    """
    order = np.argsort(buckets, kind="stable")
    texts, buckets = texts[order], buckets[order]
    for _ in range(MAX_HUBS):
        first = np.ones(len(buckets), bool)
        first[1:] = buckets[1:] != buckets[:-1]
        hubs = texts[first][np.cumsum(first) - 1][~first]
        texts, buckets = texts[~first], buckets[~first]
        if not len(texts):
            return
        similar = estimated_jaccard(values, hubs, texts) >= similarity
        yield hubs[similar], texts[similar]
        texts, buckets = texts[~similar], buckets[~similar]


def _signatures(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(uint32 signatures, words or characters) of every text, some at a time."""
    found: list[Signatures] = []
    first, size = 0, 0
    for number, text in enumerate(texts, 1):
        size += len(text)
        if size >= _BATCH_CHARACTERS or number == len(texts):
            batch = pa.array(texts[first:number], pa.large_string())
            found.append(signatures(batch, SHINGLING, count=PERMUTATIONS))
            first, size = number, 0
    if not found:
        return np.zeros((0, PERMUTATIONS), np.uint32), np.zeros(0, np.int64)
    return np.concatenate([one.values for one in found]), np.concatenate([one.pieces for one in found])
