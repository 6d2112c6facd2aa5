"""transformers.Trainer with what a run that watches itself needs: figures before the update, whole checkpoints."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gristmill.training.objectives.evaluation import Evaluation
from gristmill.training.objectives.tensors import batch_loss
from gristmill.training.run import checkpoints
from gristmill.training.run.failures import explained
from gristmill.training.stability.detect import Figures
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict
from transformers import PrinterCallback, ProgressCallback, Trainer

TRAINING_ARGS = "training_args.bin"


@dataclass(frozen=True)
class Identity:
    """What a checkpoint is a checkpoint of. head is asked at each save: the history grows."""

    plan_id: str
    head: Callable[[], str]
    batch: int


class StepTrainer(Trainer):
    """`figures()` gives a step's figures once its gradients are there and before its update.

    The loss is the mean over the tokens with a label of the whole batch: `label_counts` counts them in the inputs of a
    micro batch, the sum over micro batches and processes goes to the model as `num_items_in_batch`.
    Checkpoints are written in the Trainer's own layout, plus what `extras(folder)` writes, and get their name last.
    Nothing in them is a pickle that anyone loads: weights are safetensors, the Trainer reads optimizer, schedule
    and random states with `weights_only`, and its pickled arguments are not kept.
    """

    def __init__(
        self,
        *,
        identity: Identity,
        extras: Callable[[Path], None],
        label_counts: Callable[[Mapping[str, Any]], torch.Tensor],
        validation: Evaluation | None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.identity, self.extras = identity, extras
        self.loss_is_scaled_for_ga = True  # what compute_loss gives adds up over micro batches
        self._label_counts, self._validation = label_counts, validation
        self._counts = torch.zeros(1, dtype=torch.int64)
        self._shares: list[torch.Tensor] = []
        self._norm: Any = 0.0
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor | None:
        if not batch_samples:
            return None
        counts = torch.stack([self._label_counts(inputs) for inputs in batch_samples]).sum(dim=0)
        self._counts = self.sum_over_processes(counts.to(device))
        return self._counts

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        loss = batch_loss(model, inputs, num_items_in_batch)
        return loss * self.accelerator.num_processes  # gradients are averaged over processes

    def training_step(self, *arguments: Any, **options: Any) -> torch.Tensor:
        share = super().training_step(*arguments, **options)
        self._shares.append(share)
        return share

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """The validation loss, None where nothing has a label; callbacks are told."""
        assert self._validation is not None
        with self.compute_loss_context_manager():
            metrics = {"eval_loss": self._validation.loss(self.model_wrapped)}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def sum_over_processes(self, value: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor that every process has one of."""
        if self.accelerator.num_processes == 1:
            return value
        total: torch.Tensor = self.accelerator.reduce(value.to(self.args.device), reduction="sum")
        return total.to(value.device)

    def _get_grad_norm(self, *arguments: Any, **options: Any) -> Any:
        self._norm = super()._get_grad_norm(*arguments, **options)
        return self._norm

    def figures(self) -> Figures:
        """Over all micro batches and processes; one wait for the device."""
        loss = torch.stack(self._shares).sum().float()
        self._shares = []
        if self.accelerator.num_processes > 1:
            loss = self.accelerator.reduce(loss, reduction="mean")
        norm = self._norm.full_tensor() if hasattr(self._norm, "full_tensor") else self._norm
        of_norm, of_labels = torch.as_tensor(norm, device=loss.device), self._counts.sum().to(loss.device)
        values = torch.stack([loss.double(), of_norm.double(), of_labels.double()]).tolist()
        return Figures(values[0], values[1], int(values[2]))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        root, main = Path(str(self.args.output_dir)), self.is_world_process_zero()
        with explained(root):
            try:
                self._write_checkpoint(root, main, model, trial)
            except Exception:
                if main:
                    checkpoints.abandon_save(root)  # a disk that is full needs the room
                raise

    def _write_checkpoint(self, root: Path, main: bool, model: Any, trial: Any) -> None:
        step = self.state.global_step
        if main:
            checkpoints.begin(root, step)
        self.accelerator.wait_for_everyone()
        super()._save_checkpoint(model, trial)
        folder = Path(self._get_output_dir(trial)) / f"{checkpoints.PREFIX}{step}"
        if main:
            self.extras(folder)
        self.accelerator.wait_for_everyone()
        if main:
            checkpoints.finish(
                folder,
                step=step,
                position=step * self.identity.batch,
                plan_id=self.identity.plan_id,
                head=self.identity.head(),
            )
        self.accelerator.wait_for_everyone()

    def _get_output_dir(self, trial: Any) -> str:
        return str(Path(str(self.args.output_dir)) / checkpoints.SAVING)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.is_fsdp_enabled and self.state.global_step == 0:
            _start_optimizer(self.model, getattr(self.optimizer, "optimizer", self.optimizer))
        super()._save_optimizer_and_scheduler(output_dir)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        super()._save(output_dir, state_dict)
        (Path(str(output_dir or self.args.output_dir)) / TRAINING_ARGS).unlink(missing_ok=True)

    def load_weights(self, folder: Path) -> None:
        """The weights of a checkpoint into the model that is being trained."""
        self._load_from_checkpoint(str(folder), self.model)


def _start_optimizer(model: Any, optimizer: Any) -> None:
    """Give an optimizer that has made no step the state that it would make itself.

    Saving a sharded optimizer without one makes torch take a step of zero gradients, which counts: the bias correction
    of every later step would be another.
    """
    get_optimizer_state_dict(model, optimizer)
    for state in optimizer.state.values():
        state["step"].zero_()


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """The run's own state beside the Trainer's."""
    (folder / checkpoints.STATE).write_text(json.dumps(state), encoding="utf-8")
