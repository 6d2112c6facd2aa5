"""Reinforcement learning with a leave-one-out baseline (RLOO), by trl's RLOOTrainer (kinds.groups).

Figures: trl's (reward, KL, entropy, lengths, shares that were clipped) and `kinds.rollouts`'. A completion that was not
scored is in no baseline and has no advantage.
"""

from typing import Any, ClassVar

import trl
from gristmill.schemas.training.rollouts import RlooRecipe
from gristmill.training.kinds.groups import GroupKind, GroupTrainer


class WatchedRlooTrainer(GroupTrainer, trl.RLOOTrainer):
    """A completion's advantage is its reward less the mean of the others', and the loss a mean over completions."""


class Rloo(GroupKind):
    """From prompts and rewards to a model that is rewarded more, by REINFORCE over whole completions."""

    Recipe = RlooRecipe
    Trainer: ClassVar[type[GroupTrainer]] = WatchedRlooTrainer
    Arguments: ClassVar[Any] = trl.RLOOConfig
    recipe: RlooRecipe

    def own_options(self) -> dict[str, Any]:
        recipe = self.recipe
        return {"normalize_advantages": recipe.normalise_advantages, "reward_clip_range": recipe.reward_range}
