"""The odds-ratio term of ORPO (Hong, Lee and Thorne 2024, equations 4, 6 and 7), on log-probabilities of answers.

The probability of an answer is the geometric mean of its tokens' probabilities, and its odds are p / (1 - p).
"""

import math

import torch
from torch.nn.functional import logsigmoid


def log_odds(log_probs: torch.Tensor) -> torch.Tensor:
    """log(p / (1 - p)) of log p, which is taken to be below 0 by at least what 32 bits can tell.

    >>> [round(one, 4) for one in log_odds(torch.tensor([math.log(0.25), math.log(0.75)])).tolist()]
    [-1.0986, 1.0986]
    """
    known = log_probs.float().clamp(max=-torch.finfo(torch.float32).eps)
    small = known < -math.log(2)  # where 1 - p is near 1, and where it is near 0
    return known - torch.where(small, torch.log1p(-known.exp()), torch.log(-torch.expm1(known)))


def odds_ratio_losses(chosen: torch.Tensor, rejected: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(losses, log odds ratios) of pairs, each (pairs,). A loss is -log sigmoid of its ratio.

    chosen, rejected: the mean log-probability of the tokens of each answer, (pairs,).
    """
    ratios = log_odds(chosen) - log_odds(rejected)
    return -logsigmoid(ratios), ratios
