"""Group relative policy optimisation, by trl's GRPOTrainer (kinds.groups).

Figures: trl's (reward, KL, entropy, lengths, shares that were clipped) and `kinds.rollouts`'.
"""

from typing import Any, ClassVar

import trl
from gristmill.schemas.training.rollouts import GrpoRecipe
from gristmill.training.kinds.groups import GroupKind, GroupTrainer


class WatchedGrpoTrainer(GroupTrainer, trl.GRPOTrainer):
    """A completion's advantage is its reward less the mean of its group, and the loss a mean over tokens."""

    asks_for_log_probs: ClassVar[bool] = True


class Grpo(GroupKind):
    """From prompts and rewards to a model that is rewarded more."""

    Recipe = GrpoRecipe
    Trainer: ClassVar[type[GroupTrainer]] = WatchedGrpoTrainer
    Arguments: ClassVar[Any] = trl.GRPOConfig
    recipe: GrpoRecipe

    def own_options(self) -> dict[str, Any]:
        return {"loss_type": self.recipe.loss, "scale_rewards": self.recipe.scale}
