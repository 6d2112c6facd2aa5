"""How good a reward model is on held-out pairs: accuracy, calibration, and how much it prefers length."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gristmill.training.objectives.tensors import evaluating

BINS = 10
ROWS = 16


def pair_figures(model: Any, pairs: Sequence[Mapping[str, Any]], pad_id: int) -> dict[str, float]:
    """Of pairs with `chosen_ids` and `rejected_ids`; see `figures_of`."""
    chosen = rewards_of(model, [pair["chosen_ids"] for pair in pairs], pad_id)
    rejected = rewards_of(model, [pair["rejected_ids"] for pair in pairs], pad_id)
    longer = [len(pair["chosen_ids"]) - len(pair["rejected_ids"]) for pair in pairs]
    return figures_of(chosen - rejected, np.asarray(longer))


def rewards_of(model: Any, texts: Sequence[Sequence[int]], pad_id: int) -> np.ndarray:
    """float64 (texts,): the reward of each text, which is its ids; a model with one output."""
    found = []
    device = next(model.parameters()).device
    with evaluating(model):
        for first in range(0, len(texts), ROWS):
            some = texts[first : first + ROWS]
            width = max(len(ids) for ids in some)
            ids = torch.tensor([[*ids, *[pad_id] * (width - len(ids))] for ids in some], device=device)
            mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in some], device=device)
            found.append(model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, 0].double().cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0)


def figures_of(margins: np.ndarray, longer: np.ndarray) -> dict[str, float]:
    """Figures of pairs. margins: reward of the chosen text less that of the rejected one. longer: the same of their lengths.

    accuracy: pairs whose chosen text has the higher reward, half of those that have equal ones. calibration_error: how far
    the odds that the model gives a pair's order are from how often it is right, on average over ten bins of confidence
    (Guo 2017). prefers_longer: of pairs of different lengths, how often the longer text has the higher reward;
    chosen_is_longer: how often it is the chosen one, which the first should be compared with. length_correlation: of margins
    with differences of length.

    >>> figures_of(np.array([1.0, -1.0]), np.array([5, -3]))["prefers_longer"]
    1.0
    """
    right = right_order(margins)
    found = {"accuracy": float(right.mean()), "calibration_error": _calibration_error(margins, right)}
    different = longer != 0
    if different.any():
        same_sign = np.sign(margins[different]) == np.sign(longer[different])
        found["prefers_longer"] = float(same_sign.mean())
        found["chosen_is_longer"] = float((longer[different] > 0).mean())
    if len(margins) > 2 and margins.std() > 0 and longer.std() > 0:
        found["length_correlation"] = float(np.corrcoef(margins, longer)[0, 1])
    return {f"held_out/{name}": value for name, value in found.items()}


def right_order(margins: np.ndarray) -> np.ndarray:
    """float64 (pairs,): 1 where the chosen text has the higher reward, 0.5 where both have the same, else 0."""
    return (margins > 0) + 0.5 * (margins == 0)


def _calibration_error(margins: np.ndarray, right: np.ndarray) -> float:
    confidence = 1 / (1 + np.exp(-np.abs(margins)))
    bins = np.minimum(((confidence - 0.5) * 2 * BINS).astype(int), BINS - 1)
    gaps = [
        abs(float(right[bins == number].mean() - confidence[bins == number].mean())) * float((bins == number).mean())
        for number in np.unique(bins)
    ]
    return float(sum(gaps))
