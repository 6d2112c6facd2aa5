"""A reward model: the pairwise loss of Bradley and Terry, by trl's RewardTrainer.

Data: preference pairs (data.pairs), optionally with a margin. Checks before step 1: every pair fits and differs. Figures: loss,
accuracy, margin, rewards; on held-out pairs, when the run validates, also how calibrated the model's odds are and how much
it prefers length (`training.score.pair_figures`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import trl
from gristmill.schemas.training.reward import RewardRecipe
from gristmill.training.kinds.pairs import PairKind
from gristmill.training.kinds.trl_trainer import WatchedTrlTrainer
from gristmill.training.models.finished import load_scorer
from gristmill.training.score.pair_figures import pair_figures


class WatchedRewardTrainer(WatchedTrlTrainer, trl.RewardTrainer):
    """A label is a pair. Figures of the held-out pairs stand in the log beside the validation loss."""

    def label_counts(self, inputs: Any) -> torch.Tensor:
        return torch.tensor([len(inputs["input_ids"]) // 2])


class Reward(PairKind):
    """From preference pairs to a model that gives a text a number."""

    Recipe = RewardRecipe
    Trainer = WatchedRewardTrainer
    task: ClassVar[str] = "SEQ_CLS"
    recipe: RewardRecipe

    def training_arguments(self, options: dict[str, Any]) -> trl.RewardConfig:
        return trl.RewardConfig(
            **options, max_length=self.recipe.max_tokens, center_rewards_coefficient=self.recipe.centering
        )

    def load(self, folder: Path, **options: Any) -> Any:
        recipe = self.recipe
        grows = recipe.adapter is None
        return load_scorer(folder, self.vocabulary, recipe.max_tokens, grows, seed=recipe.seed, **options)

    def trl_columns(self, pair: dict[str, Any]) -> dict[str, Any]:
        """Whole texts: the prompt with each answer."""
        prompt, margin = pair["prompt_ids"], {"margin": pair["margin"]} if "margin" in pair else {}
        return {name: np.concatenate([prompt, pair[name]]) for name in ("chosen_ids", "rejected_ids")} | margin

    def validation_loss(self, trainer: Any) -> Callable[[torch.nn.Module], float | None] | None:
        """The loss of the held-out pairs; their other figures go into the log with it."""
        validation = self.validation(trainer)
        if validation is None:
            return None
        pairs = [trainer.eval_dataset[number] for number in range(validation.count)]

        def measured(model: torch.nn.Module) -> float | None:
            trainer.held_out_figures = pair_figures(model, pairs, self.vocabulary.pad_token_id)
            return validation.loss(model)

        return measured
