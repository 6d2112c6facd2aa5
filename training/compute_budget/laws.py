"""Three published fits, none of them ours: what a model of N parameters trained on D tokens costs and loses.

- training costs C = 6 N D FLOPs for N parameters and D tokens (Kaplan et al. 2020, arXiv 2001.08361, section 2.1;
  attention over the context is left out);
- with D = 20 N a budget C is best spent (Hoffmann et al. 2022, arXiv 2203.15556, "Chinchilla", approaches 1 and 2);
  what loss to expect, and what a smaller model trained longer costs, by their law L = E + A / N^alpha + B / D^beta with
  the constants re-estimated by Besiroglu et al. 2024 (arXiv 2404.10102), which agree with the 20;
- tokens seen again are worth less (Muennighoff et al. 2023, arXiv 2305.16264, equations 5 and 6, appendix A).
"""

import math
from dataclasses import dataclass

from gristmill.schemas.repetition import decayed

FLOPS_PER_PARAMETER_AND_TOKEN = 6
OPTIMAL_TOKENS_PER_PARAMETER = 20.0

KAPLAN = "Kaplan et al. 2020, section 2.1"
HOFFMANN = "Hoffmann et al. 2022, approaches 1 and 2"
BESIROGLU = "Besiroglu et al. 2024, refit of Hoffmann et al. 2022"
MUENNIGHOFF = "Muennighoff et al. 2023, appendix A"
DE_VRIES = "de Vries 2023, 'Go smol or go home', with the constants of Besiroglu et al. 2024"

# Where the fits were made; outside they extrapolate.
FITTED_PARAMETERS = (44e6, 16e9)  # Hoffmann et al. 2022
REPEATED_PARAMETERS = (7e6, 9e9)  # Muennighoff et al. 2023


@dataclass(frozen=True)
class Law:
    """L(N, D) = E + A / N^alpha + B / D^beta, in nats a token."""

    e: float
    a: float
    b: float
    alpha: float
    beta: float

    def loss(self, parameters: float, tokens: float) -> float:
        return self.e + self.a / parameters**self.alpha + self.b / tokens**self.beta

    def parameters_for(self, tokens: float) -> float:
        """The N for which D tokens are compute-optimal: alpha A / N^alpha = beta B / D^beta."""
        return (self.alpha * self.a / (self.beta * self.b)) ** (1 / self.alpha) * tokens ** (self.beta / self.alpha)

    def tokens_for(self, parameters: float, loss: float) -> float:
        """The D at which N parameters reach a loss; infinite when no number of tokens does."""
        left = loss - self.e - self.a / parameters**self.alpha
        return (self.b / left) ** (1 / self.beta) if left > 0 else math.inf


FRESH = Law(e=1.8172, a=482.01, b=2085.43, alpha=0.3478, beta=0.3658)
REPEATED = Law(e=math.exp(0.6254804), a=math.exp(6.255414), b=math.exp(7.3049974), alpha=0.3526596, beta=0.3526596)
EXCESS_PARAMETERS_DECAY = 5.309743  # R*_N


def effective_parameters(parameters: float, unique: float) -> float:
    """As `effective_tokens`, for parameters beyond those that `unique` tokens are optimal for."""
    enough = min(parameters, REPEATED.parameters_for(unique))
    return enough + decayed(enough, parameters / enough - 1, EXCESS_PARAMETERS_DECAY)
