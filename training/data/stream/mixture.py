# mypy: disallow-untyped-defs=False
"""Which source a position takes its sequence from, and which number it has there: closed form, no table.

A mixture is a block of Q positions with a fixed quota of each source (the quotas sum to Q), repeated for ever. Within
a block the sources are spread evenly: the k-th sequence of a source with quota q stands at time (2k + 1) / 2q, and
positions follow in the order of time (equal times: order of sources). So every prefix of a block holds a source's
share to within one sequence of each other source, each source's sequences are taken in order without gaps, and what a
prefix took of every source is known without walking through it.

With the numbers of sequences of the sources as quotas, a block is one epoch of everything (the natural mixture).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.schemas.errors import RecipeError

QUOTA_BLOCK = 1 << 20  # positions in the block of a weighted mixture: shares are exact to a millionth


@kernel
def _before(k, quota, source, other_k, other_quota, other):
    """Whether sequence k of a source comes before sequence other_k of another, by time, then by source.

    Compares (2k + 1) / quota with (2 other_k + 1) / other_quota. The products may pass 2**63; then doubles decide, and
    where these are too close the difference modulo 2**64 is the true one.
    """
    mine, theirs = 2 * k + 1, 2 * other_k + 1
    estimate = float(mine) * float(other_quota) - float(theirs) * float(quota)
    if abs(estimate) > 1048576.0:
        return estimate < 0
    difference = mine * other_quota - theirs * quota
    return difference < 0 or (difference == 0 and source < other)


@kernel
def _locate(quotas, total, position, counts):
    """Set counts[s] to the sequences of source s before `position` of a block; returns the source at `position`."""
    taken = 0
    for s in range(len(quotas)):
        guess = np.int64(float(quotas[s]) * (float(position) / float(total)) + 0.5)
        counts[s] = min(max(guess, 0), quotas[s])
        taken += counts[s]
    while True:
        following, last = -1, -1
        for s in range(len(quotas)):
            if counts[s] < quotas[s] and (
                following < 0 or _before(counts[s], quotas[s], s, counts[following], quotas[following], following)
            ):
                following = s
            if counts[s] > 0 and (
                last < 0 or _before(counts[last] - 1, quotas[last], last, counts[s] - 1, quotas[s], s)
            ):
                last = s
        late = (
            last >= 0
            and following >= 0
            and _before(counts[following], quotas[following], following, counts[last] - 1, quotas[last], last)
        )
        if taken == position and not late:
            return following
        if taken < position or (taken == position and late):
            counts[following] += 1
            taken += 1
        if taken > position:
            counts[last] -= 1
            taken -= 1


@kernel
def _spread(quotas, total, positions, sources, ranks):
    counts = np.empty(len(quotas), np.int64)
    for i in range(len(positions)):
        block = positions[i] // total
        source = _locate(quotas, total, positions[i] - block * total, counts)
        sources[i] = source
        ranks[i] = block * quotas[source] + counts[source]


class Quotas:
    """A repeated block of positions with a fixed number of sequences of each source.

    >>> Quotas([2, 1]).spread(np.arange(6))[0].tolist()
    [0, 1, 0, 0, 1, 0]
    """

    def __init__(self, quotas: Sequence[int] | np.ndarray) -> None:
        self.quotas = np.asarray(quotas, np.int64)
        self.total = int(self.quotas.sum())
        if self.total < 1 or self.quotas.min() < 0:
            raise ValueError(f"quotas {self.quotas.tolist()}; expected none below 0 and one above")

    def spread(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(source, which of that source's sequences) of each position, both int64."""
        sources, ranks = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
        _spread(self.quotas, self.total, np.ascontiguousarray(positions, np.int64), sources, ranks)
        return sources, ranks

    def taken(self, position: int) -> np.ndarray:
        """int64 (sources,): how many sequences of each source stand before `position`."""
        block, rest = divmod(position, self.total)
        counts = np.empty(len(self.quotas), np.int64)
        _locate(self.quotas, self.total, rest, counts)
        return block * self.quotas + counts

    def position_of(self, source: int, rank: int) -> int | None:
        """The position of the rank-th sequence of a source, found by halving; None for a source without a quota."""
        quota = int(self.quotas[source])
        if quota == 0:
            return None
        block, rank = divmod(rank, quota)
        low, high = 0, self.total - 1
        while low < high:
            middle = (low + high) // 2
            if self.taken(middle + 1)[source] > rank:
                high = middle
            else:
                low = middle + 1
        return block * self.total + low


def quotas_of(weights: Mapping[str, float], sequences: Mapping[str, int], tokens: Mapping[str, int]) -> Quotas:
    """Quotas, in the order of `sequences`, of a mixture weighted by *tokens*.

    A source whose sequences hold fewer tokens (padding) gets more of them. Sources that are not named get none; each
    named one gets at least one position in QUOTA_BLOCK.
    """
    unknown = sorted(set(weights) - set(sequences))
    if unknown:
        raise RecipeError(
            f"mixture names {', '.join(unknown)}", expected=f"sources of the shards: {', '.join(sequences)}"
        )
    shares = np.array([weights.get(name, 0.0) * sequences[name] / max(tokens[name], 1) for name in sequences])
    if not np.isfinite(shares).all() or shares.min() < 0 or shares.sum() <= 0:
        raise RecipeError(f"mixture weights {dict(weights)}", expected="numbers of 0 or more, one of them above 0")
    exact = shares / shares.sum() * QUOTA_BLOCK
    quotas = np.where(shares > 0, np.maximum(np.floor(exact), 1), 0).astype(np.int64)
    order = np.lexsort((np.arange(len(exact)), quotas - exact))  # the largest remainders first
    for i in order[shares[order] > 0][: max(QUOTA_BLOCK - int(quotas.sum()), 0)]:
        quotas[i] += 1
    quotas[int(quotas.argmax())] += QUOTA_BLOCK - int(quotas.sum())
    return Quotas(quotas)
