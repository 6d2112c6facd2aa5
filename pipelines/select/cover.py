# mypy: disallow-untyped-defs=False
"""Choosing rows that cover the others: k-center and facility location, greedily.

Both look at similarities of all pairs, so that more than GROUP rows are first parted into topics, each with its share of the
budget: then a choice is exact within its topic. Ties go to the row that is ahead.
Sources: Sener and Savarese 2018 (arXiv:1708.00489), greedy k-center; Nemhauser, Wolsey and Fisher 1978, greedy submodular
maximisation, a factor of 1 - 1/e; Minoux 1978, lazy evaluation.
"""

import numpy as np
from gristmill.kernels.compile import kernel

GROUP = 8192  # rows whose similarities are held at once: 256 MB
SCALE = 1 << 20  # similarities are rounded to whole numbers of it, so that sums do not depend on their order


@kernel
def _k_center(similarities, budget, chosen):
    """Fill chosen (budget,): the first row, then always the row that is least similar to its nearest chosen one."""
    rows = len(similarities)
    nearest = np.full(rows, -(1 << 30), np.int64)
    taken = np.zeros(rows, np.bool_)
    at = 0
    for k in range(budget):
        chosen[k] = at
        taken[at] = True
        for i in range(rows):
            nearest[i] = max(nearest[i], similarities[at, i])
        at = -1
        for i in range(rows):
            if not taken[i] and (at < 0 or nearest[i] < nearest[at]):
                at = i


@kernel
def _gain(similarities, covered, row):
    total = np.int64(0)
    for i in range(len(covered)):
        total += max(np.int64(similarities[row, i]) - covered[i], np.int64(0))
    return total


@kernel
def _facility_location(similarities, budget, chosen):
    """Fill chosen (budget,): always the row that adds most to the sum of similarities with the nearest chosen one."""
    rows = len(similarities)
    covered = np.zeros(rows, np.int64)  # a row that is like no other adds nothing by being unlike
    bound = np.empty(rows, np.int64)  # at least what a row adds: what it added when last looked at
    fresh = np.zeros(rows, np.int64)  # how many rows were chosen when it was looked at
    for row in range(rows):
        bound[row] = _gain(similarities, covered, row)
    taken = np.zeros(rows, np.bool_)
    for k in range(budget):
        while True:
            best = -1
            for row in range(rows):
                if not taken[row] and (best < 0 or bound[row] > bound[best]):
                    best = row
            if fresh[best] == k:
                break
            bound[best], fresh[best] = _gain(similarities, covered, best), k
        chosen[k] = best
        taken[best] = True
        for i in range(rows):
            covered[i] = max(covered[i], np.int64(similarities[best, i]))


def cover(vectors: np.ndarray, budget: int, method: str) -> np.ndarray:
    """int64 (budget,): the rows that are chosen, in the order in which they are. At most GROUP rows."""
    chosen = np.zeros(budget, np.int64)
    if budget:
        similarities = np.rint(vectors @ vectors.T * SCALE).astype(np.int32)
        {"k_center": _k_center, "facility_location": _facility_location}[method](similarities, budget, chosen)
    return chosen


def shares(sizes: np.ndarray, budget: int) -> np.ndarray:
    """How much of a budget each group gets, in proportion to its size: largest remainders, the first among equals."""
    total = int(sizes.sum())
    if not total:
        return np.zeros(len(sizes), np.int64)
    exact = [int(size) * budget for size in sizes]
    found = np.array([value // total for value in exact], np.int64)
    remainders = sorted(range(len(sizes)), key=lambda group: (-(exact[group] % total), group))
    for group in remainders[: budget - int(found.sum())]:
        found[group] += 1
    return found
