"""The Trainer of kinds whose loss is an objective's: a mean over the tokens with a label of the whole batch."""

from typing import Any

import torch
from gristmill.training.objectives.registry import Objective
from gristmill.training.objectives.tensors import batch_loss
from gristmill.training.run.trainer import WatchedTrainer


class ObjectiveTrainer(WatchedTrainer):
    """The loss is the mean over the tokens with a label of the whole batch.

    The objective counts the labels in the inputs of a micro batch; the sum over micro batches and processes goes to the
    model as `num_items_in_batch`.
    """

    def __init__(self, *, objective: Objective, **options: Any) -> None:
        self.label_counts = objective.label_counts  # type: ignore[method-assign]
        super().__init__(**options)
        self.loss_is_scaled_for_ga = True  # what compute_loss gives adds up over micro batches

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor | None:
        return self.count_labels(batch_samples, device) if batch_samples else None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        loss = batch_loss(model, inputs, num_items_in_batch)
        return loss * self.accelerator.num_processes  # gradients are averaged over processes
