# mypy: disallow-untyped-defs=False
"""The walk: rows in an order, each kept unless it is too similar to one kept before it.

This is DEITA's selection (Liu et al. 2024, arXiv:2312.15685, algorithm 1: the order is that of the scores, the walk stops
at the budget) and the rule of near duplicates with `link: star` (the order is that of survivors, there is no budget).

Similarities are found by matrix products in float32, and every one near the limit or the largest is computed again, in float64
and in the order of the coordinates: so the answer does not depend on how a library multiplies. Cost: rows times kept rows
times dimension; above EXACT_PAIRS an index of cells (faiss, an inverted file) finds the kept rows to compare with, and a
similar row may be missed (`benchmarks/curate.py select` prints how many are).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gristmill.kernels.compile import helper, kernel
from gristmill.schemas.errors import RecipeError

BLOCK = 512  # rows at a time
KEPT_AT_ONCE = 1 << 15  # kept rows that a block is multiplied with at once: 64 MB of products
MARGIN = 1e-4  # around a limit, in which a float32 product is not believed
CLOSE = 1e-5  # products so near the largest are compared exactly
EXACT_PAIRS = 20_000_000_000
CELLS_PER_ROOT, PROBES = 4, 16  # cells of an index: 4 times the root of its rows; how many of them a query reads
NEIGHBOURS = 8  # of an approximate query

KEPT, NEAR, OVER = 0, 1, 2


@dataclass(frozen=True)
class Walked:
    """outcome int8 (rows,): KEPT, NEAR or OVER (the budget); nearest int64: the kept row, -1; similarity float64 with it."""

    outcome: np.ndarray
    nearest: np.ndarray
    similarity: np.ndarray


@helper
def cosine(vectors, a, b):
    """The product of two rows of length 1, in float64, coordinate after coordinate."""
    total = 0.0
    for k in range(vectors.shape[1]):
        total += np.float64(vectors[a, k]) * np.float64(vectors[b, k])
    return total


@kernel
def _best_of(vectors, rows, products, kept, limit, best, nearest):
    """For each row of a block the exact largest similarity with the kept rows, where it may reach the limit."""
    for i in range(len(rows)):
        largest = np.float32(-2.0)
        for j in range(products.shape[1]):
            largest = max(largest, products[i, j])
        if largest < limit - MARGIN or largest < best[i] - CLOSE:
            continue
        for j in range(products.shape[1]):
            if products[i, j] >= largest - CLOSE:
                exact = cosine(vectors, rows[i], kept[j])
                if exact > best[i]:
                    best[i], nearest[i] = exact, kept[j]


@kernel
def _within(vectors, rows, products, limit, reaches, room, best, nearest, outcome):
    """Decide a block in its order, among itself, too. reaches: whether a similarity equal to the limit is too much."""
    taken = 0
    for i in range(len(rows)):
        if taken == room:
            outcome[i] = OVER
            continue
        for j in range(i):
            if outcome[j] == KEPT and products[i, j] >= limit - MARGIN and products[i, j] >= best[i] - CLOSE:
                exact = cosine(vectors, rows[i], rows[j])
                if exact > best[i]:
                    best[i], nearest[i] = exact, rows[j]
        if best[i] > limit or (reaches and best[i] == limit):
            outcome[i] = NEAR
        else:
            outcome[i] = KEPT
            taken += 1
    return taken


def walk(vectors: np.ndarray, budget: int, limit: float, *, reaches: bool = False, neighbours: str = "auto") -> Walked:
    """Walk the rows of `vectors` (float32 (rows, dimension), of length 1) in their order.

    limit: a row more similar to a kept one is left out (`reaches`: also one as similar). budget: rows to keep.
    neighbours: exact | approximate | auto. RecipeError for `approximate` without faiss.
    """
    rows = len(vectors)
    outcome = np.full(rows, OVER, np.int8)
    nearest, similarity = np.full(rows, -1, np.int64), np.full(rows, np.nan)
    kept: Any = _Cells(vectors) if is_approximate(rows, budget, neighbours) else _Everything(vectors, min(rows, budget))
    taken = 0
    for first in range(0, rows, BLOCK):
        if taken >= budget:
            break
        block = np.arange(first, min(first + BLOCK, rows))
        best, found, decided = (
            np.full(len(block), -2.0),
            np.full(len(block), -1, np.int64),
            np.zeros(len(block), np.int8),
        )
        kept.compare(block, limit, best, found)
        products = vectors[block] @ vectors[block].T
        _within(vectors, block, products, limit, reaches, budget - taken, best, found, decided)
        near = decided == NEAR
        outcome[block], nearest[block] = decided, np.where(near, found, -1)
        similarity[block] = np.where(near, best, np.nan)
        chosen = block[decided == KEPT]
        kept.add(chosen)
        taken += len(chosen)
    return Walked(outcome, nearest, similarity)


def is_approximate(rows: int, budget: int, neighbours: str) -> bool:
    """Whether an index is used. RecipeError where it must be, and faiss is not installed."""
    if neighbours == "exact" or (neighbours == "auto" and rows * min(rows, budget) <= EXACT_PAIRS):
        return False
    try:
        import faiss  # noqa: F401
    except ImportError as error:
        raise RecipeError(
            f"{rows:,} rows and a budget of {min(rows, budget):,} are compared by an index, and faiss is not installed",
            where="neighbours",
            expected='`pip install "gristmill[curate]"`, or `neighbours: exact`, which takes long',
        ) from error
    return True


class _Everything:
    """All kept rows, compared with by products."""

    def __init__(self, vectors: np.ndarray, most: int) -> None:
        self.vectors, self.rows, self.count = vectors, np.zeros(most, np.int64), 0

    def add(self, rows: np.ndarray) -> None:
        self.rows[self.count : self.count + len(rows)] = rows
        self.count += len(rows)

    def compare(self, block: np.ndarray, limit: float, best: np.ndarray, nearest: np.ndarray) -> None:
        for first in range(0, self.count, KEPT_AT_ONCE):
            kept = self.rows[first : min(first + KEPT_AT_ONCE, self.count)]
            contiguous = len(kept) == kept[-1] - kept[0] + 1
            others = self.vectors[kept[0] : kept[-1] + 1] if contiguous else self.vectors[kept]
            _best_of(self.vectors, block, self.vectors[block] @ others.T, kept, limit, best, nearest)


class _Cells:
    """Kept rows in the cells of an inverted file: each query reads the nearest cells only."""

    def __init__(self, vectors: np.ndarray) -> None:
        import faiss

        rows, dimension = vectors.shape
        cells = max(1, int(CELLS_PER_ROOT * rows**0.5))
        self.vectors = vectors
        self.index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, cells, faiss.METRIC_INNER_PRODUCT)
        self.index.cp.seed, self.index.cp.niter, self.index.cp.spherical = 1, 6, True
        self.index.cp.min_points_per_centroid = 1
        step = max(1, rows // (40 * cells))
        self.index.train(vectors[::step])
        self.index.nprobe = PROBES

    def add(self, rows: np.ndarray) -> None:
        if len(rows):
            self.index.add_with_ids(self.vectors[rows], rows)

    def compare(self, block: np.ndarray, limit: float, best: np.ndarray, nearest: np.ndarray) -> None:
        if self.index.ntotal:
            _, found = self.index.search(self.vectors[block], NEIGHBOURS)
            _exact(self.vectors, block, found, best, nearest)


@kernel
def _exact(vectors, rows, found, best, nearest):
    """The exact largest similarity among what an index found."""
    for i in range(len(rows)):
        for j in range(found.shape[1]):
            if found[i, j] >= 0:
                exact = cosine(vectors, rows[i], found[i, j])
                if exact > best[i] or (exact == best[i] and found[i, j] < nearest[i]):
                    best[i], nearest[i] = exact, found[i, j]
