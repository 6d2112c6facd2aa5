"""How many bands of how many rows: the search, and the probability curve it chose.

With b bands of r rows, a pair of Jaccard similarity J becomes a candidate with probability 1 - (1 - J**r)**b
(Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). The recall at the wanted J is a lower bound for
every pair at least as similar; what is paid for it is the area under the curve below J, the false positives.
"""

from dataclasses import dataclass

import numpy as np
from gristmill.schemas.errors import RecipeError

_STEPS = 2048  # of Simpson's rule, even


@dataclass(frozen=True)
class Bands:
    """`bands` of `rows`: what was chosen and what it promises.

    recall: probability that a pair of the wanted similarity is a candidate.
    false_positive_area: integral of the candidate probability from 0 to the wanted similarity.
    """

    bands: int
    rows: int
    similarity: float
    recall: float
    false_positive_area: float

    @property
    def permutations_used(self) -> int:
        return self.bands * self.rows


def candidate_probability(similarity: np.ndarray | float, bands: int, rows: int) -> np.ndarray:
    """Probability that a pair of this Jaccard similarity shares at least one band: 1 - (1 - J**rows)**bands.

    >>> round(float(candidate_probability(0.8, 14, 8)), 3)
    0.924
    """
    with np.errstate(divide="ignore"):  # J = 1: log1p(-1) is -inf, and 1 - exp(-inf) is 1 as it should be
        return -np.expm1(bands * np.log1p(-np.power(np.asarray(similarity, float), rows)))


def false_positive_area(bands: int, rows: int, similarity: float) -> float:
    """Integral of the candidate probability over [0, similarity], by Simpson's rule on a fixed grid."""
    curve = candidate_probability(np.linspace(0.0, similarity, _STEPS + 1), bands, rows)
    weights = np.ones(_STEPS + 1)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return float(weights @ curve) * similarity / _STEPS / 3


def described(bands: int, rows: int, similarity: float) -> Bands:
    """These bands and rows with what they promise at `similarity`."""
    recall = float(candidate_probability(similarity, bands, rows))
    return Bands(bands, rows, similarity, recall, false_positive_area(bands, rows, similarity))


def choose_bands(similarity: float, recall: float, permutations: int) -> Bands:
    """The least false-positive area with bands * rows <= permutations and the wanted recall at `similarity`.

    For each number of rows the fewest bands that reach the recall are best, as each further band only adds area. Equal
    areas (to 12 decimals) go to fewer permutations. RecipeError when no choice reaches the recall.

    >>> chosen = choose_bands(0.8, 0.9, 112)
    >>> chosen.bands, chosen.rows
    (13, 8)
    """
    if not (0 < similarity < 1 and 0 < recall < 1 and permutations >= 1):
        found = f"similarity {similarity}, recall {recall}, {permutations} permutations"
        raise RecipeError(found, expected="similarity and recall inside (0, 1), 1 permutation or more")
    choices = []
    for rows in range(1, permutations + 1):
        bands = fewest_bands(similarity, recall, rows)
        if bands * rows <= permutations:
            choices.append(described(bands, rows, similarity))
    if not choices:
        raise RecipeError(
            f"{permutations} permutations",
            expected=f"at least {fewest_bands(similarity, recall, 1)} for recall {recall} at similarity {similarity}",
            next_step="raise the permutations or lower the recall",
        )
    return min(choices, key=lambda c: (round(c.false_positive_area, 12), c.permutations_used, c.rows))


def fewest_bands(similarity: float, recall: float, rows: int) -> int:
    """The least number of bands of `rows` whose recall at `similarity` is at least `recall`."""
    bands = max(1, int(np.log1p(-recall) / np.log1p(-(similarity**rows))) - 1)
    while candidate_probability(similarity, bands, rows) < recall:
        bands += 1
    return bands


def probability_curve(bands: int, rows: int, steps: int = 20) -> list[tuple[float, float]]:
    """(Jaccard similarity, candidate probability) from 0 to 1 in equal steps: the table a run prints.

    >>> probability_curve(14, 8, steps=2)
    [(0.0, 0.0), (0.5, 0.05332...), (1.0, 1.0)]
    """
    grid = np.linspace(0.0, 1.0, steps + 1)
    return list(zip(grid.tolist(), candidate_probability(grid, bands, rows).tolist(), strict=True))


def curve_table(chosen: Bands, steps: int = 20) -> str:
    """The probability curve of `chosen` as lines of text."""
    lines = [
        f"{chosen.bands} bands of {chosen.rows} rows: recall {chosen.recall:.4f} at Jaccard {chosen.similarity:g}, "
        f"false-positive area {chosen.false_positive_area:.4f}",
        "Jaccard  candidate",
    ]
    lines += [f"{j:7.3f}  {p:9.6f}" for j, p in probability_curve(chosen.bands, chosen.rows, steps)]
    return "\n".join(lines)
