"""What any Trainer needs in a run that watches itself: figures before the update, checkpoints whole or absent.

`WatchedTrainer` is a mixin. It comes first among the bases of a class, before transformers' Trainer or one of trl's:
`class WatchedDPO(WatchedTrlTrainer, trl.DPOTrainer)`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gristmill.training.run import checkpoints
from gristmill.training.run.failures import explained
from gristmill.training.stability.detect import Figures
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict
from transformers import PrinterCallback, ProgressCallback, Trainer

TRAINING_ARGS = "training_args.bin"
PROMPT_ENCODER = "prompt_encoder.safetensors"
METRIC, FIGURES = "eval_loss", "figures"


@dataclass(frozen=True)
class TrainingHooks:
    """What a run gives to the trainer of an attempt.

    plan_id, batch: what a checkpoint is a checkpoint of, and how many sequences a step consumes. head: asks for the head
    of the history at each save, because the history grows. extras: writes the run's own files into a checkpoint folder.
    validation_loss: of a model as it is now, None where it has none (nothing has a label, or rewards take its place, which then
    stand in the trainer's `held_out_figures`); None where there is nothing to validate on.
    """

    plan_id: str
    batch: int
    head: Callable[[], str]
    extras: Callable[[Path], None]
    validation_loss: Callable[[torch.nn.Module], float | None] | None = None


class WatchedTrainer(Trainer):
    """`figures()` gives a step's figures once its gradients are there and before its update.

    Checkpoints are written in the Trainer's own layout, plus what the run adds, and get their name last. Nothing in them is
    a pickle that anyone loads: weights are safetensors, the Trainer reads optimizer, schedule and random states with
    `weights_only`, and its pickled arguments are not kept.
    A subclass says with `label_counts` what a label is. `bind` comes before `train`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.held_out_figures: dict[str, float] = {}  # what the validation found besides its loss
        self._counts = torch.zeros(1, dtype=torch.int64)
        self._shares: list[torch.Tensor] = []
        self._norm: Any = 0.0
        super().__init__(*arguments, **options)
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)

    def bind(self, hooks: TrainingHooks) -> None:
        """Make this the trainer of an attempt of a run."""
        self._hooks = hooks

    def label_counts(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        """int64 (parts,): how many labels a micro batch has for each part of the loss. A batch without any is no update.

        Here: one label for each row of the first tensor.
        """
        rows = next((len(value) for value in inputs.values() if isinstance(value, torch.Tensor)), 0)
        return torch.tensor([rows])

    def step_figures(self) -> dict[str, float]:
        """What else the log shall say of the step that ends: finite or not, a number for each name."""
        return {}

    def count_labels(self, micro_batches: list[Any], device: torch.device) -> torch.Tensor:
        """The labels of the step's micro batches, over all processes; `figures` tells of them."""
        if micro_batches:
            counts = torch.stack([self.label_counts(inputs) for inputs in micro_batches]).sum(dim=0)
            self._counts = self.sum_over_processes(counts.to(device))
        return self._counts

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        self.count_labels(batch_samples, device)
        return super()._get_num_items_in_batch(batch_samples, device)

    def training_step(self, *arguments: Any, **options: Any) -> torch.Tensor:
        share = super().training_step(*arguments, **options)
        self._shares.append(share)
        return share

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """The validation loss, None where nothing has a label; callbacks are told."""
        assert self._hooks.validation_loss is not None
        with self.compute_loss_context_manager():
            metrics: dict[str, Any] = {METRIC: self._hooks.validation_loss(self.model_wrapped)}
        metrics |= {FIGURES: self.held_out_figures}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics  # type: ignore[return-value]

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
            self._hooks.extras(folder)
        self.accelerator.wait_for_everyone()
        if main:
            checkpoints.finish(
                folder,
                step=step,
                position=step * self._hooks.batch,
                plan_id=self._hooks.plan_id,
                head=self._hooks.head(),
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
        folder = Path(str(output_dir or self.args.output_dir))
        (folder / TRAINING_ARGS).unlink(missing_ok=True)
        encoder = self._prompt_encoder(self.model)
        if encoder is not None and self.args.should_save:
            save_file(
                {name: value.contiguous() for name, value in encoder.state_dict().items()}, folder / PROMPT_ENCODER
            )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        encoder = self._prompt_encoder(model or self.model)
        if encoder is not None:
            encoder.load_state_dict(load_file(Path(resume_from_checkpoint) / PROMPT_ENCODER))

    @staticmethod
    def _prompt_encoder(model: Any) -> Any:
        """What learns the vectors of a prompt adapter; peft saves the vectors alone, from which nothing can go on."""
        return getattr(model, "prompt_encoder", None)

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
