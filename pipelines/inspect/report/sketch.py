"""Histograms in two passes: a coarse sketch of a signal's values, then exact counts between edges chosen from it.

The sketch counts values by sign, binary exponent and eighth of the octave: exact counts of fixed buckets, so it and the
edges made from it are the same for any partition.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gristmill.schemas.recipe.rules import Rule

_OCTAVE = 8
_OFFSET = 1100 * _OCTAVE  # exponents of float64 are above -1075
_BINS = 28
_TAIL = 0.005  # the share of documents on each side that may fall into the open bins
_WIDE = 200.0  # ranges above this ratio get logarithmic steps
_DECADE = (1.0, 1.3, 1.8, 2.4, 3.2, 4.2, 5.6, 7.5)

Number = int | float


def buckets(values: np.ndarray) -> dict[str, int]:
    """Bucket -> how many of the (finite) values fall into it."""
    mantissa, exponent = np.frexp(np.abs(values.astype(np.float64)))
    eighth = np.floor((mantissa - 0.5) * 2 * _OCTAVE).astype(np.int64)
    codes = np.where(mantissa == 0, 0, exponent.astype(np.int64) * _OCTAVE + eighth + _OFFSET) * np.sign(values)
    found, counts = np.unique(codes.astype(np.int64), return_counts=True)
    return {str(code): count for code, count in zip(found.tolist(), counts.tolist(), strict=True)}


def bucket_bounds(code: int) -> tuple[float, float]:
    """Smallest and largest magnitude of a bucket, as signed values in order.

    >>> bucket_bounds(int(next(iter(buckets(np.array([5.0]))))))
    (5.0, 5.5)
    """
    if code == 0:
        return 0.0, 0.0
    exponent, eighth = divmod(abs(code) - _OFFSET, _OCTAVE)
    low, high = (2 * math.ldexp(0.5 + step / (2 * _OCTAVE), exponent - 1) for step in (eighth, eighth + 1))
    return (low, high) if code > 0 else (-high, -low)


def central_range(sketch: Mapping[str, int], smallest: Number, largest: Number) -> tuple[float, float]:
    """The range that leaves at most half a percent of the documents outside on each side."""
    ordered = sorted((int(code), count) for code, count in sketch.items())
    total = sum(count for _, count in ordered)
    seen, low, high = 0, float(smallest), float(largest)
    for code, count in ordered:
        if seen <= total * _TAIL:
            low = max(float(smallest), bucket_bounds(code)[0])
        seen += count
        if seen >= total * (1 - _TAIL):
            high = min(float(largest), bucket_bounds(code)[1])
            break
    return low, high


def threshold_edge(rule: Rule, is_integer: bool) -> Number | None:
    """The smallest value on the right side of a rule's border; None where the rule has no border."""
    operand = rule.operand
    if isinstance(operand, bool | str | list) or rule.operator not in (">=", "<", ">", "<="):
        return None
    if is_integer:
        return math.ceil(operand) if rule.operator in (">=", "<") else math.floor(operand) + 1
    return float(operand) if rule.operator in (">=", "<") else math.nextafter(operand, math.inf)


def choose_edges(low: float, high: float, borders: Sequence[Number], is_integer: bool) -> list[Number]:
    """Round edges over the range and the borders, which are edges themselves; those crowding a border are left out."""
    low, high = min(low, *borders, low), max(high, *borders, high)
    regular = _logarithmic(low, high) if low >= 0 and high > _WIDE * max(low, 1.0) else _linear(low, high, is_integer)
    if is_integer:
        regular = [int(edge) for edge in regular if edge == int(edge)]
    return _with_borders(sorted(set(regular)), sorted(set(borders)))


def _linear(low: float, high: float, is_integer: bool) -> list[Number]:
    raw = (high - low) / _BINS
    if raw <= 0 or not math.isfinite(raw):
        return [low]
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(scale * nice for nice in (1, 2, 5, 10) if scale * nice >= raw * 0.999)
    if is_integer:
        step = max(1.0, step)
    digits = max(0, -math.floor(math.log10(step)) + 1)
    return [round(i * step, digits) for i in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _logarithmic(low: float, high: float) -> list[Number]:
    exponents = range(max(0, math.floor(math.log10(max(low, 1.0)))), math.ceil(math.log10(high)) + 1)
    steps = _DECADE if len(exponents) <= 5 else _DECADE[::2] if len(exponents) <= 8 else _DECADE[:1]
    exponents = exponents[:: 1 + len(exponents) // _BINS]
    edges = [round(step * 10.0**exponent, 1) for exponent in exponents for step in steps]
    return [edge for edge in edges if max(low, 1.0) / 1.4 <= edge <= high * 1.4]


def _with_borders(regular: list[Number], borders: list[Number]) -> list[Number]:
    kept = []
    for i, edge in enumerate(regular):
        neighbours = regular[max(0, i - 1) : i + 2]
        step = (neighbours[-1] - neighbours[0]) / max(1, len(neighbours) - 1)
        if all(abs(edge - border) > 0.4 * step for border in borders):
            kept.append(edge)
    return sorted({*kept, *borders})


def count_between(values: np.ndarray, edges: Sequence[Number]) -> list[int]:
    """Counts of edges[i-1] <= value < edges[i], with the two open ends: len(edges) + 1 of them."""
    bins = np.searchsorted(np.array(edges, dtype=values.dtype), values, side="right")
    counts: list[int] = np.bincount(bins, minlength=len(edges) + 1).tolist()
    return counts


def edge_label(edge: Number, rules: Sequence[Rule]) -> str:
    """An edge as a person writes it; one that a threshold made shows the threshold."""
    if isinstance(edge, int):
        return f"{edge:,}"
    for rule in rules:
        if threshold_edge(rule, is_integer=False) == edge:
            return f"{rule.operand:g}"
    return f"{edge:g}"


def value_counts(column: Any) -> dict[str, int]:
    """Value -> how many, for bool and string columns; nulls left out."""
    found: dict[str, int] = {}
    for entry in column.drop_null().value_counts().to_pylist():
        value = entry["values"]
        found[str(value).lower() if isinstance(value, bool) else str(value)] = entry["counts"]
    return found
