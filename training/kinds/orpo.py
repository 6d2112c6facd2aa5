"""Odds-ratio preference optimisation: no reference, one model, one phase.

Data: preference pairs (data.pairs), as trl's DPOTrainer collates them. The loss is the mean over the tokens of the chosen
answers of the whole batch, plus `odds_weight` times the mean over its pairs of the odds-ratio term (objectives.odds_ratio), so
that micro batches and processes add up. trl's own ORPOTrainer, which is experimental, counts the prompt's tokens too and takes
means of micro batches. Figures: both parts, the log odds ratio, the share of pairs in the right order, mean log-probabilities
of tokens.
"""

from collections.abc import Callable
from typing import Any

import torch
import trl
from gristmill.schemas.training.orpo import OrpoRecipe
from gristmill.training.kinds.pair_trainer import PairTrainer, answer_tokens
from gristmill.training.kinds.pairs import PairKind
from gristmill.training.objectives.odds_ratio import odds_ratio_losses
from gristmill.training.score.pair_figures import right_order

PARTS = ("loss/answers", "loss/odds_ratio", "log_odds_ratio", "accuracy", "logps/chosen", "logps/rejected")


class OrpoTrainer(PairTrainer):
    """trl's collation of pairs, and a loss without a reference."""

    loss_is_scaled_for_ga = True  # what compute_loss gives adds up over micro batches

    def __init__(self, *, odds_weight: float, **options: Any) -> None:
        self.odds_weight = odds_weight
        super().__init__(**options)

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """The dataset as it is: there is no reference."""
        return dataset

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor | None:
        return self.count_labels(batch_samples, device) if batch_samples else None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """The part that these pairs have in the loss of a batch with so many tokens of chosen answers (the first of
        `num_items_in_batch`); without a number, the mean of the losses that each pair has alone."""
        pairs = self.pair_values(model, inputs)
        if num_items_in_batch is None:
            return (pairs["loss/answers"] + self.odds_weight * pairs["loss/odds_ratio"]).mean()
        for name in PARTS:
            self._metrics["train"][name].append(self._mean_over_processes(pairs[name].detach()))
        tokens, _ = answer_tokens(inputs)
        answers = (pairs["loss/answers"] * tokens).sum() / num_items_in_batch[0].clamp(min=1)
        odds = pairs["loss/odds_ratio"].sum() / self._pairs_in_batch
        return (answers + self.odds_weight * odds) * self.accelerator.num_processes  # gradients are averaged over them

    def pair_values(self, model: Any, inputs: Any) -> dict[str, torch.Tensor]:
        """Of each pair alone, (pairs,): what PARTS names."""
        log_probs, mask = self.answer_log_probs(model, inputs)
        chosen, rejected = ((log_probs * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)).float().chunk(2)
        losses, ratios = odds_ratio_losses(chosen, rejected)
        right = (ratios.sign() + 1) / 2
        return dict(zip(PARTS, (-chosen, losses, ratios, right, chosen, rejected), strict=True))

    @property
    def _pairs_in_batch(self) -> int:
        options = self.args
        share = options.per_device_train_batch_size * options.gradient_accumulation_steps
        return int(share * self.accelerator.num_processes)

    def _mean_over_processes(self, values: torch.Tensor) -> float:
        return float(self.sum_over_processes(values.mean())) / self.accelerator.num_processes


class Orpo(PairKind):
    """From preference pairs to a model that answers as the chosen ones do, and not as the rejected ones."""

    Recipe = OrpoRecipe
    Trainer = OrpoTrainer
    fuses_output = True
    recipe: OrpoRecipe

    def training_arguments(self, options: dict[str, Any]) -> trl.DPOConfig:
        return trl.DPOConfig(**options, max_length=self.recipe.max_tokens, precompute_ref_log_probs=True)

    def trainer_options(self) -> dict[str, Any]:
        return {"odds_weight": self.recipe.odds_weight}

    def validation_loss(self, trainer: Any) -> Callable[[torch.nn.Module], float | None] | None:
        """The loss of the held-out pairs as one batch; how many are in the right order, and by how much, goes into the log
        with it."""
        validation = self.validation(trainer)
        if validation is None:
            return None

        def measured(model: torch.nn.Module) -> float:
            def figures(rows: list[Any]) -> torch.Tensor:
                inputs = trainer._prepare_inputs(trainer.data_collator(rows))
                pairs = trainer.pair_values(model, inputs)
                return torch.stack([*(pairs[name] for name in PARTS[:3]), answer_tokens(inputs)[0]], dim=1)

            answers, odds, ratios, tokens = validation.values(model, figures).unbind(dim=1)
            names = ("held_out/accuracy", "held_out/log_odds_ratio")
            found = (right_order(ratios.numpy()).mean(), ratios.mean())
            trainer.held_out_figures = {name: float(value) for name, value in zip(names, found, strict=True)}
            return float((answers * tokens).sum() / tokens.sum() + self.recipe.odds_weight * odds.mean())

        return measured
