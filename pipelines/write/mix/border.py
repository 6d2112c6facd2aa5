"""Where the documents drawn of a group end: so that their tokens, not only those expected, come nearest to the target.

As the scale of a group grows, its copies enter one after the other: the k-th of a document of weight w and draw u at
(k - 1 + u) / w. Their tokens add up in that order, and the scale is put between the two copies where the sum is nearest
to the target. That is a function of the documents and the seed. Only copies that enter near the expected scale are looked
at one by one, about the square root of the documents' number: of the others a sum is enough.

Where the copy at that border is more than a thousandth of the whole mix, it may be left out and smaller ones that enter after
it be used instead (`extra`); and where single documents are larger still, the mix is made up to a tenth smaller if the
shares are nearer then.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from gristmill.pipelines.write.mix.targets import GroupStats, GroupTarget, MixTargets, solve_scale, source_of, weight_of

SPREADS = 6.0  # standard deviations on either side of the expected tokens in which the border certainly lies
FINE = 0.0025  # a share off by less is left as it is
CLOSE = 0.001  # tokens of a group off by less of the whole mix are
MOST_EXTRA = 100  # copies that are used instead of one at the border
SMALLEST = 0.9  # of the mix, when it is made smaller for the sake of its shares
STEPS = 100  # sizes tried from there to the whole


@dataclass(frozen=True)
class ScaleRange:
    """Scales of a group between which its border lies: copies that enter in [low, high) are looked at one by one."""

    low: float
    high: float


@dataclass(frozen=True)
class Entering:
    """The copies of a group that enter in its window.

    below: tokens of the copies that enter before it. scales, tokens: of the copies in it, by the scale at which each
    enters, ascending.
    """

    below: int
    scales: np.ndarray
    tokens: np.ndarray

    @classmethod
    def ordered(cls, below: int, scales: np.ndarray, tokens: np.ndarray) -> "Entering":
        """From copies in any order; those that enter at one scale become one."""
        distinct, place = np.unique(scales, return_inverse=True)
        sums = np.zeros(len(distinct), np.int64)
        np.add.at(sums, place, tokens)
        return cls(below, distinct, sums)


@dataclass(frozen=True)
class Drawn:
    """What is drawn of each group: the copies that enter below its scale, and those that enter at the scales in `extra`.

    tokens: of these copies; fraction: the size of the mix beside its targets.
    """

    scales: Mapping[str, float]
    extra: Mapping[str, np.ndarray]
    tokens: Mapping[str, int]
    fraction: float


@dataclass(frozen=True)
class Border:
    """Where the copies of a group end: as `Drawn`, of one group."""

    scale: float
    tokens: int
    extra: np.ndarray


def windows_of(targets: MixTargets, groups: Mapping[str, GroupStats], *, may_shrink: bool) -> dict[str, ScaleRange]:
    """Of each group with a target the scales between which its border lies."""
    smallest = SMALLEST if may_shrink and _is_coarse(targets) else 1.0
    return {
        group.name: _window(group, groups[group.name], smallest, targets.max_copies)
        for group in targets.groups
        if group.tokens
    }


def _is_coarse(targets: MixTargets) -> bool:
    """Whether half of some group's largest document is more of the mix than is to be tolerated."""
    return any(group.tokens and group.tolerance > FINE * targets.tokens for group in targets.groups)


def _window(group: GroupTarget, stats: GroupStats, smallest: float, copies: int) -> ScaleRange:
    spread = SPREADS * 0.5 * math.sqrt(stats.squares) + group.tolerance
    least, most = smallest * group.tokens - 2 * spread, group.tokens + spread
    low = solve_scale(stats.tokens, math.floor(least), copies) if least > 0 else 0.0
    if most < copies * stats.total:
        return ScaleRange(low, solve_scale(stats.tokens, math.ceil(most), copies))
    return ScaleRange(low, 2 * copies / weight_of(min(code for code, amount in stats.tokens.items() if amount)))


def copies_entering(
    weights: np.ndarray, draws: np.ndarray, low: np.ndarray, high: np.ndarray, max_copies: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(copies of each document that enter below `low`, the document of each copy that enters from there to below `high`,
    the scale at which it does)."""
    before, after = (np.clip(np.ceil(scale * weights - draws), 0, max_copies).astype(np.int64) for scale in (low, high))
    amount = after - before
    document = np.repeat(np.arange(len(weights)), amount)
    number = np.arange(len(document)) - np.repeat(np.cumsum(amount) - amount, amount) + before[document]
    return before, document, (number + draws[document]) / weights[document]


def draw_nearest(
    targets: MixTargets,
    windows: Mapping[str, ScaleRange],
    entering: Mapping[str, Entering],
    *,
    by_source: bool,
    may_shrink: bool,
) -> Drawn:
    """The scales with which what is drawn is nearest to the targets.

    by_source: groups are `source/language`, shares are those of sources, and what one language is over or short the next
    of its source makes up for. may_shrink: the size of the mix is not fixed.
    """
    fractions = np.linspace(1.0, SMALLEST, STEPS + 1) if may_shrink and _is_coarse(targets) else np.ones(1)
    best: tuple[float, Drawn] | None = None
    for fraction in fractions.tolist():
        drawn = _drawn(targets, windows, entering, fraction, by_source)
        error = _share_error(targets, drawn.tokens, by_source)
        if best is None or error < best[0]:
            best = error, drawn
        if error <= FINE:
            break
    assert best is not None
    return best[1]


def _drawn(
    targets: MixTargets,
    windows: Mapping[str, ScaleRange],
    entering: Mapping[str, Entering],
    fraction: float,
    by_source: bool,
) -> Drawn:
    nothing = Border(0.0, 0, np.zeros(0))
    borders = {group.name: nothing for group in targets.groups}
    owed: dict[str, int] = {}
    for group in sorted(targets.groups, key=lambda group: (group.tokens, group.name)):
        if group.tokens:
            source = source_of(group.name) if by_source else group.name
            wanted = math.floor(fraction * group.tokens) + owed.get(source, 0)
            found = nearest_border(windows[group.name], entering[group.name], wanted, int(CLOSE * targets.tokens))
            borders[group.name] = found
            owed[source] = wanted - found.tokens
    return Drawn(
        scales={name: border.scale for name, border in borders.items()},
        extra={name: border.extra for name, border in borders.items() if len(border.extra)},
        tokens={name: border.tokens for name, border in borders.items()},
        fraction=fraction,
    )


def nearest_border(window: ScaleRange, entering: Entering, wanted: int, close: int) -> Border:
    """The border at which the tokens drawn are nearest to `wanted`, fewer of two as near.

    close: tokens by which they may be off without copies being left out for others.
    """
    sums = entering.below + np.concatenate(([0], np.cumsum(entering.tokens)))
    edges = np.concatenate(([window.low], entering.scales, [window.high]))
    after = min(int(np.searchsorted(sums, wanted)), len(sums) - 1)
    before = max(after - 1, 0)
    chosen = before if wanted - sums[before] <= sums[after] - wanted else after
    off = abs(wanted - int(sums[chosen]))
    found = Border(float(edges[chosen] + edges[chosen + 1]) / 2, int(sums[chosen]), np.zeros(0))
    if off <= close or sums[after] < wanted:
        return found
    places = _filling(entering.tokens, after, wanted - int(sums[before]), close)
    tokens = int(sums[before] + entering.tokens[places].sum())
    if wanted - tokens >= off:
        return found
    return Border(float(edges[before] + edges[before + 1]) / 2, tokens, entering.scales[places])


def _filling(tokens: np.ndarray, start: int, missing: int, close: int) -> np.ndarray:
    """The places from `start` on of the copies that fill what is missing: each one that still fits, in their order."""
    places: list[int] = []
    while missing > close and len(places) < MOST_EXTRA:
        fitting = np.flatnonzero(tokens[start:] <= missing)
        if not len(fitting):
            break
        places.append(start + int(fitting[0]))
        missing -= int(tokens[places[-1]])
        start = places[-1] + 1
    return np.array(places, np.int64)


def extra_copies(copies: np.ndarray, weights: np.ndarray, draws: np.ndarray, extra: np.ndarray) -> np.ndarray:
    """How many of the copies that come after the first `copies` of each document enter at a scale in `extra`."""
    more = np.zeros(len(copies), np.int64)
    rows = np.arange(len(copies))
    while len(rows):
        scales = (copies[rows] + more[rows] + draws[rows]) / weights[rows]
        rows = rows[np.isin(scales, extra)]
        more[rows] += 1
    return more


def _share_error(targets: MixTargets, drawn: Mapping[str, int], by_source: bool) -> float:
    """By how much the share that is farthest off is off."""
    difference: dict[str, float] = {}
    whole = max(sum(drawn.values()), 1)
    for group in targets.groups:
        source = source_of(group.name) if by_source else group.name
        off = drawn[group.name] / whole - group.tokens / targets.tokens
        difference[source] = difference.get(source, 0.0) + off
    return max(map(abs, difference.values()))


def entering_of(
    names: Sequence[str], below: Mapping[str, int], copies: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]
) -> dict[str, Entering]:
    """Of each group its copies in its window, gathered from the parts: (scales, tokens) of each."""
    empty = (np.zeros(0), np.zeros(0, np.int64))
    found = {}
    for name in names:
        scales, tokens = (np.concatenate(arrays) for arrays in zip(*(copies.get(name) or [empty]), strict=True))
        found[name] = Entering.ordered(below.get(name, 0), scales, tokens)
    return found
