"""The recipe of odds-ratio preference optimisation."""

from gristmill.schemas.training.rows import FineTuning, RowRecipe
from pydantic import Field


class OrpoOptimizer(FineTuning):
    """AdamW with the default rate of the paper."""

    learning_rate: float = Field(8e-6, gt=0)


class OrpoRecipe(RowRecipe):
    """Odds-ratio preference optimisation (Hong 2024): SFT on the chosen answers with a term that makes the rejected ones
    unlikelier, without a reference.

    odds_weight: of the odds-ratio term beside the loss of the chosen answers' tokens (the paper's lambda).
    """

    odds_weight: float = Field(0.1, ge=0)
    optimizer: OrpoOptimizer = Field(default_factory=OrpoOptimizer)
