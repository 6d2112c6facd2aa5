"""Figures of a classifier of two labels on texts it did not learn from, with intervals and a calibration table.

Scores are probabilities of the positive label, truths are booleans; everything is deterministic.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 500
_NORMAL_95 = 1.959964
Interval = tuple[float, float, float]  # value, low, high: 95 %


def area_under_curve(scores: np.ndarray, truths: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties counted half.

    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    positives = int(truths.sum())
    negatives = len(truths) - positives
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[truths].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def area_with_interval(scores: np.ndarray, truths: np.ndarray, seed: int = 0) -> Interval:
    """The area, and the middle 95 % of it over resamples drawn within each label."""
    rng = np.random.default_rng(seed)
    yes, no = np.flatnonzero(truths), np.flatnonzero(~truths)
    areas = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))])
        areas.append(area_under_curve(scores[rows], truths[rows]))
    low, high = np.percentile(areas, [2.5, 97.5])
    return area_under_curve(scores, truths), float(low), float(high)


def share_with_interval(hits: int, of: int) -> Interval:
    """hits / of with Wilson's interval.

    >>> [round(x, 3) for x in share_with_interval(9, 10)]
    [0.9, 0.596, 0.982]
    """
    if not of:
        return math.nan, 0.0, 1.0
    z, share = _NORMAL_95, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def best_threshold(scores: np.ndarray, truths: np.ndarray) -> float:
    """The score whose texts at or above it have the highest F1; of equals the lowest."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truths[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truths.sum())
    ends = np.append(np.diff(scores[order]) != 0, True)  # a threshold takes every text of one score
    f1 = np.where(ends, f1, -1.0)
    return float(scores[order][len(f1) - 1 - int(np.argmax(f1[::-1]))])


def threshold_for_share(scores: np.ndarray, share: float) -> tuple[float, float]:
    """(lowest score such that at most `share` of the texts reach it, the share that does).

    >>> threshold_for_share(np.array([0.1, 0.2, 0.3, 0.4]), 0.5)
    (0.3, 0.5)
    """
    values = np.unique(scores)
    shares = 1 - np.searchsorted(np.sort(scores), values) / len(scores)
    fitting = np.flatnonzero(shares <= share + 1e-12)
    if not len(fitting):
        return float(np.nextafter(values[-1], np.inf)), 0.0
    return float(values[fitting[0]]), float(shares[fitting[0]])


def fit_calibration(log_odds: np.ndarray, truths: np.ndarray) -> tuple[float, float]:
    """(slope, intercept) of the logistic curve of the truths over the log odds (Platt), with his smoothed targets.

    The slope is never negative, so that calibration keeps the order of texts; Newton's method with halved steps, 50 at most.
    """
    positives = int(truths.sum())
    negatives = len(truths) - positives
    targets = np.where(truths, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([log_odds, np.ones(len(log_odds))])
    weights = np.array([1.0, 0.0])

    def loss(at: np.ndarray) -> float:
        odds = design @ at
        return float(np.sum(np.logaddexp(0.0, odds) - targets * odds))

    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (p - targets)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and loss(weights - size * step) > loss(weights):
            size /= 2  # a whole step may jump over the least
        weights = weights - size * step
        if np.abs(size * step).max() < 1e-9:
            break
    if not weights[0] > 1e-3:
        return 1e-3, float(np.log((positives + 1) / (negatives + 1)))
    return float(weights[0]), float(weights[1])


@dataclass(frozen=True)
class Bin:
    """Texts of one tenth of the scores: how many, their mean score, the share that is positive."""

    low: float
    high: float
    texts: int
    mean_score: float
    positive_share: float


def calibration_table(scores: np.ndarray, truths: np.ndarray) -> list[Bin]:
    """Ten bins of equal width, those without a text left out."""
    places = np.minimum((scores * 10).astype(int), 9)
    found = []
    for number in range(10):
        here = places == number
        if here.any():
            found.append(
                Bin(
                    number / 10,
                    (number + 1) / 10,
                    int(here.sum()),
                    float(scores[here].mean()),
                    float(truths[here].mean()),
                )
            )
    return found


def calibration_error(scores: np.ndarray, truths: np.ndarray) -> float:
    """Mean distance of score and share over the table's bins, weighted by their texts."""
    bins = calibration_table(scores, truths)
    return sum(one.texts * abs(one.mean_score - one.positive_share) for one in bins) / len(scores)


def figures(scores: np.ndarray, truths: np.ndarray, threshold: float, seed: int = 0) -> dict[str, Any]:
    """AUC, precision and recall at the threshold, each as [value, low, high], false-positive rate and calibration."""
    chosen = scores >= threshold
    hits = int((chosen & truths).sum())
    return {
        "texts": len(truths),
        "positives": int(truths.sum()),
        "auc": _rounded(area_with_interval(scores, truths, seed)),
        "threshold": threshold,
        "precision": _rounded(share_with_interval(hits, int(chosen.sum()))),
        "recall": _rounded(share_with_interval(hits, int(truths.sum()))),
        "false_positive_rate": _rounded(share_with_interval(int((chosen & ~truths).sum()), int((~truths).sum()))),
        "calibration_error": round(calibration_error(scores, truths), 4),
        "calibration": [
            {"scores": f"{b.low:g}-{b.high:g}", "texts": b.texts, "mean_score": round(b.mean_score, 4),
             "positive_share": round(b.positive_share, 4)}
            for b in calibration_table(scores, truths)
        ],
    }  # fmt: skip


def _rounded(interval: Interval) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 4) for value in interval]
