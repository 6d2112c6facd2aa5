"""What tokens that are seen again are worth, for mixes and for plans of training.

Muennighoff et al. 2023 (arXiv 2305.16264), equation 5 and appendix A.
"""

import math

REPEATED_TOKENS_DECAY = 15.387756  # R*_D


def effective_tokens(tokens: float, unique: float) -> float:
    """What `tokens` read from `unique` ones are worth in fresh ones: U + U R* (1 - exp(-R / R*)), R = D / U - 1.

    >>> effective_tokens(100, 200)
    100
    >>> round(effective_tokens(400, 100) / 400, 3)
    0.931
    """
    if tokens <= unique or unique <= 0:
        return tokens
    return unique + decayed(unique, tokens / unique - 1, REPEATED_TOKENS_DECAY)


def decayed(unique: float, repetitions: float, decay: float) -> float:
    """U R* (1 - exp(-R / R*)): what `repetitions` of `unique` are worth beside themselves."""
    return unique * decay * (1 - math.exp(-repetitions / decay))
