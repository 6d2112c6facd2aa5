"""Topics: k-means on vectors of length 1 (spherical), deterministic.

Centres begin as rows drawn evenly from the order given, are improved ROUNDS times on a sample of SAMPLE rows a topic, and
are numbered by size, the largest first. Rows go to the centre that they are most similar to, the first among equals.
Source: Dhillon and Modha 2001, spherical k-means.
"""

import numpy as np

ROUNDS = 8
SAMPLE = 64
MOST_TOPICS = 1024
_BLOCK = 8192


def topic_count(rows: int) -> int:
    """Topics of so many rows unless given: half the root, at most MOST_TOPICS."""
    return max(1, min(MOST_TOPICS, int(0.5 * rows**0.5)))


def find_topics(vectors: np.ndarray, topics: int, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(topic int64 of each row, centres float32 (topics, dimension)).

    order: the rows in an order that does not depend on how they are stored; it decides what is drawn.
    """
    topics = max(1, min(topics, len(vectors)))
    if not len(vectors):
        return np.zeros(0, np.int64), np.zeros((0, vectors.shape[1]), np.float32)
    sample = order[_spread(len(order), min(len(order), topics * SAMPLE))]
    some = vectors[sample]
    centres = some[_spread(len(some), topics)].copy()
    for _ in range(ROUNDS):
        mine = nearest_centres(some, centres)
        sums = np.zeros((topics, vectors.shape[1]))
        np.add.at(sums, mine, some.astype(np.float64))
        lengths = np.linalg.norm(sums, axis=1)
        filled = lengths > 0
        centres[filled] = (sums[filled] / lengths[filled, None]).astype(np.float32)
    found = nearest_centres(vectors, centres)
    by_size = np.argsort(-np.bincount(found, minlength=topics), kind="stable")
    number = np.empty(topics, np.int64)
    number[by_size] = np.arange(topics)
    return number[found], centres[by_size]


def nearest_centres(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """int64 (rows,): the centre that each row is most similar to."""
    found = np.zeros(len(vectors), np.int64)
    for first in range(0, len(vectors), _BLOCK):
        found[first : first + _BLOCK] = np.argmax(vectors[first : first + _BLOCK] @ centres.T, axis=1)
    return found


def _spread(rows: int, wanted: int) -> np.ndarray:
    """`wanted` places spread evenly over so many rows."""
    return np.arange(wanted) * rows // wanted
