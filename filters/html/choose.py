# mypy: disallow-untyped-defs=False
"""Which blocks of a page are kept: those that are most probable, as many as give the best expected F1.

With probabilities p and sizes w, keeping a set K has the expected F1 2 Σ_K pw / (Σ_K w + Σ pw); the best set is one of
the most probable blocks. Probabilities are told apart to a thousandth.
"""

import numpy as np
from gristmill.kernels.compile import kernel

STEPS = 1000


@kernel
def choose_blocks(sums, sizes, allowed, scores, kept):
    """Fill scores (float32) and kept (bool). sums: of the trees, log odds. sizes: words. allowed: bool, False for blocks
    that are never kept."""
    wanted, size = np.zeros(STEPS + 1), np.zeros(STEPS + 1)
    total = 0.0
    for b in range(len(sums)):
        p = 1 / (1 + np.exp(-sums[b]))
        scores[b] = p
        if allowed[b]:
            total += p * sizes[b]
            wanted[int(p * STEPS)] += p * sizes[b]
            size[int(p * STEPS)] += sizes[b]
    best, least, got, taken = 0.0, STEPS + 1, 0.0, 0.0
    for step in range(STEPS, -1, -1):
        got += wanted[step]
        taken += size[step]
        if size[step] and 2 * got > best * (taken + total):
            best, least = 2 * got / (taken + total), step
    for b in range(len(sums)):
        kept[b] = allowed[b] and int(STEPS / (1 + np.exp(-sums[b]))) >= least


def choose_plainly(sums: np.ndarray, sizes: np.ndarray, allowed: np.ndarray) -> list[bool]:
    """What `choose_blocks` keeps, in plain Python."""
    scores = [1 / (1 + float(np.exp(-one))) for one in sums]
    steps = [int(score * STEPS) for score in scores]
    total = sum(p * w for p, w, may in zip(scores, sizes, allowed, strict=True) if may)
    best, least = 0.0, STEPS + 1
    for step in sorted(set(steps), reverse=True):
        chosen = [n for n, one in enumerate(steps) if one >= step and allowed[n]]
        taken = sum(sizes[n] for n in chosen)
        expected = 2 * sum(scores[n] * sizes[n] for n in chosen) / (taken + total) if taken else 0
        if expected > best:
            best, least = expected, step
    return [bool(may) and step >= least for step, may in zip(steps, allowed, strict=True)]
