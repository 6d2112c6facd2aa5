"""Figures of a set of pairs: how well length or form alone predict which answer was chosen, each with a 95 % interval."""

import math
from typing import NamedTuple

import numpy as np

Z = 1.959964  # of 95 %


class Interval(NamedTuple):
    """A figure between the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


def length_auc(differences: np.ndarray) -> Interval | None:
    """The AUC of the difference in length as a predictor of "chosen", every pair taken both ways round; None without pairs.

    differences: chosen minus rejected. AUC = P(d_i + d_j > 0) + P(d_i + d_j = 0) / 2 over all i, j: 0.5 where length says
    nothing. The interval follows from the variance of this U-statistic (Hoeffding 1948): 4 Var(h_1) / n.

    >>> length_auc(np.array([3.0, 1.0, -2.0]))[0]  # of nine sums six are above 0, three below
    0.6666666666666666
    """
    n = len(differences)
    if not n:
        return None
    ordered = np.sort(differences)
    above = n - np.searchsorted(ordered, -differences, side="right")
    equal = np.searchsorted(ordered, -differences, side="right") - np.searchsorted(ordered, -differences, side="left")
    h = (above + 0.5 * equal) / n
    value, error = float(h.mean()), Z * 2 * float(h.std()) / math.sqrt(n)
    return Interval(value, max(0.0, value - error), min(1.0, value + error))


def share(hits: float, of: int) -> Interval | None:
    """A share with Wilson's interval (1927); None of nothing.

    >>> print(share(5, 10))
    0.500 (0.237-0.763)
    """
    if not of:
        return None
    p, spread = hits / of, Z * Z / of
    middle = (p + spread / 2) / (1 + spread)
    half = Z * math.sqrt(p * (1 - p) / of + spread / (4 * of)) / (1 + spread)
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))


def preferred_share(differences: np.ndarray) -> Interval | None:
    """Of the pairs that differ, the share whose chosen answer has more."""
    different = differences[differences != 0]
    return share(int((different > 0).sum()), len(different))
