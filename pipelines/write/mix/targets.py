"""The targets of a mix in tokens: what each group should give, what its limits allow, how often its documents are used.

A document of weight w is used r = min(max_copies, scale * w) times on average: r's whole part for certain, and once more
with the probability of its fraction, drawn from the document's id and the seed. The scale of a group is solved here so that
the expected tokens are the target, and then put where those drawn are nearest to it (border.py); more tokens mean a greater
scale, so no document leaves when a share grows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.repetition import effective_tokens

CODES_PER_DOUBLING = 64


@dataclass(frozen=True)
class GroupStats:
    """What a corpus has of one group.

    tokens: weight code -> tokens; squares: sum of the documents' squared tokens; largest: tokens of its largest document.
    """

    documents: int
    tokens: Mapping[int, int]
    squares: float
    largest: int

    @property
    def total(self) -> int:
        return sum(self.tokens.values())


def source_of(group: str) -> str:
    """The source of a group `source/language`."""
    return group.rpartition("/")[0]


@dataclass(frozen=True)
class GroupTarget:
    """One group. wanted: its share before limits; tokens: its target; tolerance: how far what is drawn may be from it.

    repetitions: target tokens over the tokens it has; scale: of the documents' weights, as expected. limit: what holds the
    group back, empty when nothing does; lost: tokens that the limit costs it.
    """

    name: str
    documents: int
    available: int
    wanted: float
    share: float
    tokens: int
    repetitions: float
    scale: float
    tolerance: int
    limit: str
    lost: int

    @property
    def worth(self) -> float:
        """What its tokens are worth in fresh ones, as repeated ones are worth less; see schemas.repetition."""
        return effective_tokens(self.tokens, self.available)


@dataclass(frozen=True)
class MixTargets:
    """The whole mix; notes: what limits meant for it, in words."""

    groups: tuple[GroupTarget, ...]
    tokens: int
    max_copies: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        heads = (
            "group",
            "documents",
            "tokens",
            "wanted",
            "share",
            "target",
            "± at most",
            "repetitions",
            "worth",
            "limit",
        )
        rows = [heads, *(_shown(group) for group in self.groups)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        lines = [
            "  ".join(cell.ljust(width) if column in (0, 9) else cell.rjust(width) for column, (cell, width) in pairs)
            for pairs in (enumerate(zip(row, widths, strict=True)) for row in rows)
        ]
        total = f"the mix: {self.tokens:,} tokens of {sum(group.available for group in self.groups):,} in the corpus"
        worth = math.floor(math.fsum(group.worth for group in self.groups) + 0.5)
        if worth < self.tokens:
            total += f", worth {worth:,} fresh ones (Muennighoff et al. 2023)"
        return "\n".join([*(line.rstrip() for line in lines), total, *self.notes])


def _shown(group: GroupTarget) -> tuple[str, ...]:
    """A row of the table."""
    return (
        group.name,
        f"{group.documents:,}",
        f"{group.available:,}",
        f"{100 * group.wanted:.2f} %",
        f"{100 * group.share:.2f} %",
        f"{group.tokens:,}",
        f"{group.tolerance:,}",
        f"{group.repetitions:.3f}",
        f"{100 * group.worth / group.tokens:.1f} %" if group.tokens else "",
        f"{group.limit}, costs {group.lost:,}" if group.lost else group.limit,
    )


def weight_of(code: int) -> float:
    """The weight that a code stands for."""
    return 2.0 ** (code / CODES_PER_DOUBLING)


def max_copies_of(mix: Mix, groups: Mapping[str, GroupStats]) -> int:
    """The most copies of one document."""
    if mix.max_copies is not None:
        return mix.max_copies
    most = math.ceil(max((mix.repetitions(name) for name in groups), default=1.0))
    return 2 * most if mix.upweight else most


def mix_targets(mix: Mix, groups: Mapping[str, GroupStats]) -> MixTargets:
    """The targets for a corpus of these groups. RecipeError for a group that is not there and shares that cannot be had."""
    copies = max_copies_of(mix, groups)
    limits = {name: _limit(mix, name, stats, copies) for name, stats in groups.items()}
    most = {name: limits[name][0] for name in groups}
    if mix.language_temperature is None:
        wanted = wanted_shares(mix, groups)
        targets, notes = _amounts(mix, wanted, most, limits)
        asked = wanted
    else:
        asked, wanted, targets, notes = _of_languages(mix, groups, most)
    whole = _sources(groups) if mix.language_temperature is not None else groups
    left_out = sorted(name for name in whole if not asked[name])
    notes += [f"{name} has no share: its {whole[name].total:,} tokens are left out" for name in left_out]
    used = sum(targets.values())
    if not used:
        raise RecipeError("no group of the mix has any token", where="mix", expected="at least one document kept")
    found = []
    for name, stats in sorted(groups.items()):
        ideal = math.floor((mix.tokens or used) * wanted[name])
        is_full = targets[name] >= most[name] - 1
        found.append(
            GroupTarget(
                name=name,
                documents=stats.documents,
                available=stats.total,
                wanted=wanted[name],
                share=targets[name] / used,
                tokens=targets[name],
                repetitions=targets[name] / stats.total if stats.total else 0.0,
                scale=solve_scale(stats.tokens, targets[name], copies),
                tolerance=(stats.largest + 1) // 2,
                limit=limits[name][1] if targets[name] and is_full else "",
                lost=max(0, ideal - targets[name]) if is_full and ideal - targets[name] > 1 else 0,
            )
        )
    return MixTargets(tuple(found), used, copies, tuple(notes))


def _amounts(
    mix: Mix, wanted: Mapping[str, float], most: Mapping[str, int], limits: Mapping[str, tuple[int, str]]
) -> tuple[dict[str, int], list[str]]:
    """(target tokens of every group, what limits mean for them in words)."""
    notes: list[str] = []
    asked = [name for name, share in wanted.items() if share > 0]
    feasible = min((most[name] / wanted[name] for name in asked), default=0.0)
    if mix.tokens is None or mix.tokens <= feasible:
        total = math.floor(feasible) if mix.tokens is None else mix.tokens
        targets = {name: min(math.floor(total * wanted[name]), most[name]) for name in wanted}
        if mix.tokens is None and asked:
            tight = min(asked, key=lambda name: (most[name] / wanted[name], name))
            others = [most[name] / wanted[name] for name in asked if name != tight]
            gain = f"; without that limit the next would allow {math.floor(min(others)):,} tokens" if others else ""
            notes.append(f"{tight} ({limits[tight][1]}) sets the size{gain}")
    elif mix.if_infeasible == "error":
        raise _infeasible(mix, wanted, most, limits, feasible)
    else:
        targets = _filled(mix.tokens, wanted, most)
        held = [name for name in asked if targets[name] < math.floor(mix.tokens * wanted[name])]
        notes.append(
            f"adjusted: {', '.join(held)} cannot give the share asked for; the others fill up as far as they can"
        )
        short = mix.tokens - sum(targets.values())
        if short > len(wanted):
            notes.append(f"all groups are at their limits: the mix is {short:,} tokens short of {mix.tokens:,}")
    return targets, notes


def _of_languages(
    mix: Mix, groups: Mapping[str, GroupStats], most: Mapping[str, int]
) -> tuple[dict[str, float], dict[str, float], dict[str, int], list[str]]:
    """(shares of the sources, shares of the groups, their target tokens, notes) of a mix over the languages of sources.

    Shares hold between sources. In a source, languages at their limit give what they can, and the others fill up.
    """
    sources = _sources(groups)
    asked = wanted_shares(mix, sources, groups)
    inside: dict[str, dict[str, float]] = {name: {} for name in sources}
    for name, stats in groups.items():
        inside[source_of(name)][name] = (
            float(stats.total) ** (1.0 / (mix.language_temperature or 1.0)) if stats.total else 0.0
        )
    limits = {}
    for source, languages in inside.items():
        limit = mix.limits.get(source)
        found = [(sum(most[name] for name in languages), "every language at its limit")]
        if limit and limit.max_tokens is not None:
            found.append((limit.max_tokens, f"at {limit.max_tokens:,} tokens"))
        limits[source] = min(found)
    amounts, notes = _amounts(mix, asked, {name: limit[0] for name, limit in limits.items()}, limits)
    wanted: dict[str, float] = {}
    targets: dict[str, int] = {}
    for source, languages in inside.items():
        whole = math.fsum(languages.values())
        shares = {name: weight / whole if whole else 0.0 for name, weight in languages.items()}
        wanted |= {name: asked[source] * share for name, share in shares.items()}
        targets |= _filled(amounts[source], shares, most)
    return asked, wanted, targets, notes


def _sources(groups: Mapping[str, GroupStats]) -> dict[str, GroupStats]:
    """The sources of groups `source/language`, each with the tokens of all of its languages."""
    sources: dict[str, GroupStats] = {}
    for name, stats in groups.items():
        source = source_of(name)
        before = sources.get(source, GroupStats(0, {}, 0.0, 0))
        sources[source] = GroupStats(
            before.documents + stats.documents,
            {0: before.total + stats.total},
            before.squares + stats.squares,
            max(before.largest, stats.largest),
        )
    return sources


def wanted_shares(
    mix: Mix, groups: Mapping[str, GroupStats], parts: Mapping[str, GroupStats] | None = None
) -> dict[str, float]:
    """The share of every group before limits; they sum to 1. parts: of the groups, which `limits` may name too."""
    for what, named in (("shares", mix.shares), ("limits", mix.limits)):
        for name in named:
            if name not in groups and not (what == "limits" and parts and name in parts):
                raise RecipeError(
                    f"no document kept is of {mix.by} {name!r}",
                    where=f"mix.{what}",
                    expected=f"one of {', '.join(sorted(groups)) or 'none'}",
                )
    if mix.shares:
        raw = {name: mix.shares.get(name, 0.0) for name in groups}
    else:
        exponent = 1.0 / (mix.temperature or 1.0)
        raw = {name: float(stats.total) ** exponent if stats.total else 0.0 for name, stats in groups.items()}
    whole = math.fsum(raw.values())
    return {name: share / whole if whole else 0.0 for name, share in raw.items()}


def _limit(mix: Mix, name: str, stats: GroupStats, copies: int) -> tuple[int, str]:
    """(the most tokens a group can give, why)."""
    repetitions = mix.repetitions(name)
    found = [
        (math.floor(repetitions * stats.total), f"at {repetitions:g} repetitions"),
        (copies * stats.total, f"every document at {copies} copies"),
    ]
    limit = mix.limits.get(name)
    if limit and limit.max_tokens is not None:
        found.append((limit.max_tokens, f"at {limit.max_tokens:,} tokens"))
    return min(found)


def _infeasible(
    mix: Mix,
    wanted: Mapping[str, float],
    most: Mapping[str, int],
    limits: Mapping[str, tuple[int, str]],
    feasible: float,
) -> RecipeError:
    assert mix.tokens is not None
    problems = [
        f"{name} should give {math.floor(mix.tokens * share):,} tokens, the most is {most[name]:,} ({limits[name][1]})"
        for name, share in sorted(wanted.items())
        if share * mix.tokens > most[name]
    ]
    return RecipeError(
        "; ".join(problems),
        where="mix",
        expected=f"at most {math.floor(feasible):,} tokens with these shares and limits",
        next_step="lower `tokens`, raise `max_repetitions`, or set `if_infeasible: adjust`",
    )


def _filled(total: int, wanted: Mapping[str, float], most: Mapping[str, int]) -> dict[str, int]:
    """`total` shared out: groups at their limit give it, the rest is divided among the others by their shares."""
    targets = dict.fromkeys(wanted, 0)
    open_groups = {name for name, share in wanted.items() if share > 0}
    left = total
    while open_groups:
        whole = math.fsum(wanted[name] for name in sorted(open_groups))
        full = {name for name in open_groups if left * wanted[name] / whole >= most[name]}
        if not full:
            for name in open_groups:
                targets[name] = math.floor(left * wanted[name] / whole)
            break
        for name in full:
            targets[name] = most[name]
        left -= sum(most[name] for name in full)
        open_groups -= full
    return targets


def solve_scale(tokens: Mapping[int, int], target: int, copies: int) -> float:
    """The scale for which the expected tokens are `target`: sum of tokens * min(copies, scale * weight).

    >>> solve_scale({0: 100}, 230, 4)
    2.3
    """
    capped = 0  # tokens of documents at `copies`, the heaviest first
    codes = sorted((code for code, amount in tokens.items() if amount), reverse=True)
    for position, code in enumerate(codes):
        open_weight = math.fsum(tokens[c] * weight_of(c) for c in codes[position:])
        scale = (target - copies * capped) / open_weight
        if scale * weight_of(code) <= copies:
            return max(scale, 0.0)
        capped += tokens[code]
    return copies / weight_of(codes[-1]) if codes else 0.0
