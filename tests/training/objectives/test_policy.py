"""The quantities of PPO are those of a plain NumPy reference, on random tensors."""

import numpy as np
import pytest
import torch
from gristmill.training.objectives.policy import (
    KlController,
    advantages_and_returns,
    clipped_policy_loss,
    clipped_value_loss,
    moments,
    token_rewards,
    whitened,
)

ROWS, TOKENS = 6, 9


def case(seed: int) -> tuple[np.random.Generator, np.ndarray]:
    """A mask whose rows have contiguous choices, one of them none."""
    draw = np.random.default_rng(seed)
    mask = np.zeros((ROWS, TOKENS), bool)
    for row in range(1, ROWS):
        start = draw.integers(0, TOKENS - 1)
        mask[row, start : draw.integers(start + 1, TOKENS + 1)] = True
    return draw, mask


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("discount", "trace"), [(1.0, 0.95), (0.9, 0.0), (0.7, 1.0)])
def test_rewards_advantages_and_returns(seed: int, discount: float, trace: float) -> None:
    draw, mask = case(seed)
    scores, logps, reference, values = (draw.normal(size=size) for size in (ROWS, *[(ROWS, TOKENS)] * 3))
    rewards, advantages = np.zeros((2, ROWS, TOKENS))
    returns = np.zeros((ROWS, TOKENS))
    for row in range(ROWS):
        places = np.flatnonzero(mask[row])
        for place in places:
            rewards[row, place] = -0.3 * (logps[row, place] - reference[row, place])
        if len(places):
            rewards[row, places[-1]] += scores[row]
        for start, place in enumerate(places):
            weight = 1.0
            for later in places[start:]:
                following = values[row, later + 1] if later + 1 in places else 0.0
                advantages[row, place] += weight * (rewards[row, later] + discount * following - values[row, later])
                weight *= discount * trace
            returns[row, place] = advantages[row, place] + values[row, place]
    found = token_rewards(*tensors(scores, logps, reference, mask), 0.3)
    assert np.allclose(found, rewards, atol=1e-12)
    ours = advantages_and_returns(*tensors(rewards, values, mask), discount, trace)
    assert np.allclose(ours[0], advantages, atol=1e-12)
    assert np.allclose(ours[1], returns, atol=1e-12)
    by_hand = (advantages - advantages[mask].mean()) / (advantages[mask].std() + 1e-8)
    parts = sum(moments(*tensors(advantages[rows], mask[rows])) for rows in (slice(0, 2), slice(2, ROWS)))
    assert np.allclose(whitened(*tensors(advantages, mask), parts), np.where(mask, by_hand, 0), atol=1e-9)
    unshifted = np.where(mask, by_hand + advantages[mask].mean(), 0)
    assert np.allclose(whitened(*tensors(advantages, mask), parts, shift=False), unshifted, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_losses(seed: int) -> None:
    draw, mask = case(seed)
    new, old, advantages, values, old_values, returns = draw.normal(size=(6, ROWS, TOKENS))
    policy = value = clipped = 0.0
    for row, place in zip(*np.nonzero(mask), strict=True):
        ratio = np.exp(new[row, place] - old[row, place])
        free, held = (-advantages[row, place] * one for one in (ratio, np.clip(ratio, 0.8, 1.2)))
        policy += max(free, held)
        clipped += held > free
        near = old_values[row, place] + np.clip(values[row, place] - old_values[row, place], -0.1, 0.1)
        value += 0.5 * max((values[row, place] - returns[row, place]) ** 2, (near - returns[row, place]) ** 2)
    count = float(mask.sum())
    loss, number = clipped_policy_loss(*tensors(new, old, advantages, mask), 0.2, count)
    assert float(loss) == pytest.approx(policy / count, rel=1e-12)
    assert int(number) == clipped
    found = clipped_value_loss(*tensors(values, old_values, returns, mask), 0.1, count)
    assert float(found) == pytest.approx(value / count, rel=1e-12)


def test_the_penalty_follows_its_target() -> None:
    controller = KlController(0.1, target=2.0, horizon=1000)
    assert controller.updated(100.0, 100) == pytest.approx(0.102)  # a step of at most a fifth
    assert controller.updated(0.0, 100) == pytest.approx(0.102 * 0.98)
    assert controller.updated(float("nan"), 100) == pytest.approx(0.102 * 0.98)
    assert KlController(0.1).updated(100.0, 100) == 0.1
