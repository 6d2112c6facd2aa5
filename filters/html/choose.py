# mypy: disallow-untyped-defs=False
"""Which blocks of a page are kept: those that are most probable, as many as give the best expected F1.

Blocks of a page stand and fall together: where the border lies between its main text and the rest is one question, not one
a block. So the main text is taken to be all blocks above a border of probability that is nowhere more likely than
elsewhere (each block is then main text with its own probability), and what is kept is what has the best mean F1 over all
borders. Were blocks independent of each other, many doubtful ones would be surer of some gain than few sure ones, and a
short article would drown in the teasers beside it. Probabilities are told apart to half a hundredth.
"""

import numpy as np
from gristmill.kernels.compile import kernel

STEPS = 200
TIE = 1e-9  # of two expected values that differ by less, that of the fewer blocks counts


@kernel
def choose_blocks(sums, sizes, allowed, scores, kept):
    """Fill scores (float32) and kept (bool). sums: of the trees, log odds. sizes: words. allowed: bool, False for blocks
    that are never kept."""
    size = np.zeros(STEPS + 1)
    for b in range(len(sums)):
        p = 1 / (1 + np.exp(-sums[b]))
        scores[b] = p
        if allowed[b]:
            size[int(p * STEPS)] += sizes[b]
    # sizes of the sets that borders give, largest border first, and how many borders give each
    taken, borders, least_steps, sets = np.zeros(STEPS + 1), np.zeros(STEPS + 1), np.zeros(STEPS + 1, np.int64), 0
    total = 0.0
    for step in range(STEPS, -1, -1):
        total += size[step]
        if size[step]:
            taken[sets], least_steps[sets] = total, step
            sets += 1
        if sets:
            borders[sets - 1] += 1
    best, least = 0.0, STEPS + 1
    for k in range(sets):
        expected = 0.0
        for m in range(sets):
            expected += borders[m] * min(taken[k], taken[m]) / (taken[k] + taken[m])
        if expected > best + TIE:
            best, least = expected, least_steps[k]
    for b in range(len(sums)):
        kept[b] = allowed[b] and int(STEPS / (1 + np.exp(-sums[b]))) >= least


def choose_plainly(sums: np.ndarray, sizes: np.ndarray, allowed: np.ndarray) -> list[bool]:
    """What `choose_blocks` keeps, in plain Python."""
    steps = [int(STEPS / (1 + float(np.exp(-one)))) for one in sums]

    def taken(least: int) -> float:
        return float(sum(w for step, w, may in zip(steps, sizes, allowed, strict=True) if may and step >= least))

    best, chosen = 0.0, STEPS + 1
    for least in sorted(set(steps), reverse=True):
        f1 = sum(min(taken(least), taken(m)) / max(taken(least) + taken(m), 1e-9) for m in range(STEPS + 1))
        if f1 > best + TIE:
            best, chosen = f1, least
    return [bool(may) and step >= chosen for step, may in zip(steps, allowed, strict=True)]
