"""Balance: strata of the rows that pass everything else, cut down to like sizes.

Which rows of a stratum stay is drawn from their ids and the seed, so parts and engines do not show. Entries are worked off in
their order, each on what the one before it left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from gristmill.schemas.recipe.preferences import LENGTH, Balance

STEPS_OF_TWO = 2  # strata of a length ratio: so many to each doubling
LONGER, SHORTER = "chosen longer", "chosen shorter"


@dataclass(frozen=True)
class Strata:
    """The stratum of each row: `number` int64 (rows,), -1 for none; `names` of the numbers. group: int64 (strata,), strata
    that are made alike; by default all of them."""

    number: np.ndarray
    names: Sequence[str]
    group: np.ndarray


@dataclass(frozen=True)
class Balanced:
    """kept: bool (rows,). facts: rows before and after, by stratum."""

    kept: np.ndarray
    facts: dict[str, Any]


def length_strata(chosen: np.ndarray, rejected: np.ndarray) -> Strata:
    """Strata of the length ratio of two answers: each ratio above 1 is made alike with its inverse. Equal lengths have none.

    chosen, rejected: float64 (rows,), nan where undefined.
    """
    with np.errstate(all="ignore"):
        logs = np.log2((chosen + 1) / (rejected + 1))
    known = np.isfinite(logs) & (logs != 0)
    level = np.zeros(len(logs), np.int64)
    level[known] = np.floor(np.abs(logs[known]) * STEPS_OF_TWO).astype(np.int64)
    number = np.where(known, 2 * level + (logs < 0), -1)
    levels = int(level.max(initial=0)) + 1
    names = [
        f"{side}, ratio {2 ** (place / STEPS_OF_TWO):.2f} to {2 ** ((place + 1) / STEPS_OF_TWO):.2f}"
        for place in range(levels)
        for side in (LONGER, SHORTER)
    ]
    return Strata(number, names, np.repeat(np.arange(levels), 2))


def value_strata(values: Sequence[Any]) -> Strata:
    """A stratum for each value that is not None, in their order."""
    names = sorted({str(value) for value in values if value is not None})
    places = {name: place for place, name in enumerate(names)}
    number = np.array([-1 if value is None else places[str(value)] for value in values], np.int64)
    return Strata(number, names, np.zeros(len(names), np.int64))


def edge_strata(values: np.ndarray, edges: Sequence[float]) -> Strata:
    """Strata between edges; nan has none. A value on an edge is in the stratum above it."""
    number = np.where(np.isnan(values), -1, np.searchsorted(np.asarray(edges), values, side="right"))
    ends = ["", *(f"{edge:g}" for edge in edges), ""]
    names = [
        f"below {high}" if not low else f"{low} or more" if not high else f"{low} to {high}"
        for low, high in pairwise(ends)
    ]
    return Strata(number, names, np.zeros(len(names), np.int64))


def balance(strata: Strata, rows: np.ndarray, order: np.ndarray, options: Balance) -> Balanced:
    """Which rows stay.

    rows: bool (rows,), those that are looked at. order: int64 (rows,), all rows as ids and seed draw them.
    """
    count = len(strata.names)
    looked_at = rows & (strata.number >= 0)
    before = np.bincount(strata.number[looked_at], minlength=count)
    limits = np.full(count, np.iinfo(np.int64).max)
    for group in np.unique(strata.group):
        members = np.flatnonzero(strata.group == group)
        there = before[members] if options.by == LENGTH else before[members][before[members] > 0]
        if len(there):
            limits[members] = int(there.min() * options.max_ratio)
    if options.max_rows is not None:
        limits = np.minimum(limits, options.max_rows)
    drawn = order[looked_at[order]]
    mine = strata.number[drawn]
    by_stratum = np.argsort(mine, kind="stable")
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(before, out=starts[1:])
    place = np.empty(len(drawn), np.int64)
    place[by_stratum] = np.arange(len(drawn)) - starts[mine[by_stratum]]
    kept = rows.copy()
    kept[drawn[place >= limits[mine]]] = False
    after = np.bincount(strata.number[kept & (strata.number >= 0)], minlength=count)
    found = [
        {"stratum": name, "before": int(one), "after": int(other)}
        for name, one, other in zip(strata.names, before, after, strict=True)
        if one
    ]
    facts = {
        "by": options.by,
        "before": int(rows.sum()),
        "dropped": int(rows.sum() - kept.sum()),
        "without a value": int((rows & (strata.number < 0)).sum()),
        "strata": found,
    }
    return Balanced(kept, facts)
