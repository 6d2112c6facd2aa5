"""How likely the label of each pair is, by a simple model that did not see it; and how many labels are wrong, by that model.

A logistic regression on x, what both answers differ in (chosen minus rejected), without a constant: p = 1 / (1 + exp(-w x)), so
that exchanging the answers gives 1 - p. Each feature is divided by the root of its mean square; what is undefined is 0. Fitted
by Newton's method with the penalty |w|^2 / 2, on all folds but the pair's own.
The share of wrong labels is confident learning's (Northcutt et al. 2021, arXiv:1911.00068): of the pairs whose given or
opposite label is at least as likely as given labels are on average, those where it is the opposite one.
"""

from typing import NamedTuple

import numpy as np

STEPS = 30
PENALTY = 1.0


class NoiseFigures(NamedTuple):
    """accuracy: pairs whose label the model gives too, half of those where it gives none. wrong: the share of wrong labels."""

    accuracy: float
    wrong: float


def cross_validated(features: np.ndarray, folds: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """float64 (pairs,): the probability of each pair's label.

    features: float64 (pairs, features), chosen minus rejected, nan where undefined. folds: int64 (pairs,). fitted: bool
    (pairs,), which may be fitted on.
    """
    found = np.full(len(features), 0.5)
    if not features.size:
        return found
    known = np.where(np.isfinite(features), features, 0.0)
    scale = np.sqrt((known[fitted] ** 2).mean(axis=0)) if fitted.any() else np.ones(known.shape[1])
    scaled = np.clip(known / np.where(scale > 0, scale, 1.0), -10, 10)
    for fold in np.unique(folds):
        others = fitted & (folds != fold)
        mine = folds == fold
        found[mine] = _sigmoid(scaled[mine] @ fit(scaled[others]))
    return found


def fit(features: np.ndarray) -> np.ndarray:
    """The weights under which the given labels are likeliest."""
    weights = np.zeros(features.shape[1])
    for _ in range(STEPS):
        p = _sigmoid(features @ weights)
        gradient = features.T @ (1 - p) - PENALTY * weights
        curvature = (features * (p * (1 - p))[:, None]).T @ features + PENALTY * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def noise_figures(probabilities: np.ndarray) -> NoiseFigures | None:
    """What the probabilities say of the set; None of an empty one."""
    if not len(probabilities):
        return None
    accuracy = float((probabilities > 0.5).mean() + 0.5 * (probabilities == 0.5).mean())
    threshold = max(float(probabilities.mean()), 0.5)
    right = int((probabilities >= threshold).sum())
    wrong = int(((1 - probabilities >= threshold) & (probabilities < 0.5)).sum())
    return NoiseFigures(accuracy, wrong / (wrong + right) if wrong + right else 0.0)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    return result
