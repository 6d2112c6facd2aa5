"""The recipe of a reward model."""

from gristmill.schemas.training.rows import RowRecipe
from pydantic import Field


class RewardRecipe(RowRecipe):
    """A model that gives a text a number: the log odds that it is preferred (Bradley and Terry 1952; Ouyang 2022).

    centering: weight of the mean square of the rewards, which keeps them around 0 (Eisenstein 2023); None leaves it out.
    Rows may have a `margin`, by which the chosen text should be better.
    """

    centering: float | None = Field(None, gt=0)
