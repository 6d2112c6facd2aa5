"""The quantities of proximal policy optimisation, on tensors (rows, tokens) with a mask of the tokens that were chosen.

Sources: generalised advantage estimation (Schulman 2016), the clipped losses (Schulman 2017), the penalty by token and its
adaptive coefficient (Ziegler 2019). The tests compare each with a plain NumPy reference.

The mask of a row is contiguous: True for the choices of its completion, in their order. Sums are over True places only; a
mean is a sum over the count that is handed in, so that the parts of a batch add up.
"""

from dataclasses import dataclass

import torch


def token_rewards(
    scores: torch.Tensor, logps: torch.Tensor, reference_logps: torch.Tensor, mask: torch.Tensor, coefficient: float
) -> torch.Tensor:
    """Each choice's reward: less `coefficient` times the log ratio to the reference; the last one's has the score besides.

    scores: (rows,).
    """
    rewards = torch.where(mask, -coefficient * (logps - reference_logps), torch.zeros_like(logps))
    last = mask & (mask.flip(1).cumsum(1).flip(1) == 1)
    return torch.where(last, rewards + scores[:, None].to(rewards.dtype), rewards)


def advantages_and_returns(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, discount: float, trace_decay: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(advantages, returns) of each choice; after the last one of a row nothing follows, and its value is 0.

    A_t = d_t + discount trace_decay A_(t+1), d_t = r_t + discount V_(t+1) - V_t; the return is A_t + V_t.
    """
    zero = torch.zeros_like(values)
    known = torch.where(mask, values, zero)
    rewards = torch.where(mask, rewards, zero)
    advantages = torch.zeros_like(values)
    following = torch.zeros_like(values[:, 0])
    for place in range(values.shape[1] - 1, -1, -1):
        next_value = known[:, place + 1] if place + 1 < values.shape[1] else torch.zeros_like(following)
        delta = rewards[:, place] + discount * next_value - known[:, place]
        following = (delta + discount * trace_decay * following) * mask[:, place]
        advantages[:, place] = following
    return advantages, advantages + known


def moments(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """float64 (3,): sum, sum of squares and count of the masked values, which add up over processes."""
    chosen = values.double()[mask]
    return torch.stack(
        [chosen.sum(), chosen.square().sum(), torch.tensor(float(len(chosen)), device=chosen.device).double()]
    )


def whitened(values: torch.Tensor, mask: torch.Tensor, of_all: torch.Tensor, shift: bool = True) -> torch.Tensor:
    """Masked values divided by their deviation, and with `shift` less their mean. of_all: the moments of all processes."""
    total, squares, count = of_all.tolist()
    mean = total / max(count, 1)
    deviation = max(squares / max(count, 1) - mean**2, 0.0) ** 0.5
    scaled = (values - mean) / (deviation + 1e-8) + (0.0 if shift else mean)
    return torch.where(mask, scaled, torch.zeros_like(values))


def clipped_policy_loss(
    logps: torch.Tensor,
    old_logps: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    clip: float,
    count: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss, number of choices whose ratio was clipped): the worse of the ratio and the clipped one, times the advantage."""
    ratio = torch.where(mask, logps - old_logps, torch.zeros_like(logps)).exp()
    free, held = -advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)
    loss = torch.where(mask, torch.maximum(free, held), torch.zeros_like(free)).sum() / count
    return loss, ((held > free) & mask).sum()


def clipped_value_loss(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip: float, count: float
) -> torch.Tensor:
    """Half the larger square of the errors of the value and of the value held near the old one."""
    held = old_values + (values - old_values).clamp(-clip, clip)
    worse = torch.maximum((values - returns).square(), (held - returns).square())
    return 0.5 * torch.where(mask, worse, torch.zeros_like(worse)).sum() / count


@dataclass
class KlController:
    """The coefficient of the penalty; with a target it follows the divergence, in steps that are bounded.

    >>> KlController(0.1, target=1.0, horizon=100).updated(2.0, completions=10)
    0.102
    """

    coefficient: float
    target: float | None = None
    horizon: int = 10_000

    def updated(self, divergence: float, completions: int) -> float:
        """The coefficient after `completions` completions of that mean divergence, in nats; finite ones only count."""
        if self.target is not None and abs(divergence) < float("inf"):
            error = min(max(divergence / self.target - 1, -0.2), 0.2)
            self.coefficient = round(self.coefficient * (1 + error * completions / self.horizon), 12)
        return self.coefficient
