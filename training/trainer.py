"""transformers.Trainer with what a run that watches itself needs: figures before the update, whole checkpoints."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gristmill.training import checkpoints
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
    """`figures()` gives a step's loss and gradient norm once its gradients are there and before its update.

    Checkpoints are written in the Trainer's own layout, plus what `extras(folder)` writes, and are marked complete
    last. Nothing in them is a pickle that anyone loads: weights are safetensors, the Trainer reads optimizer, schedule
    and random states with `weights_only`, and its pickled arguments are not kept.
    """

    def __init__(self, *, identity: Identity, extras: Callable[[Path], None], **options: Any) -> None:
        super().__init__(**options)
        self.identity, self.extras = identity, extras
        self._shares: list[torch.Tensor] = []
        self._norm: Any = 0.0
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)

    def training_step(self, *arguments: Any, **options: Any) -> torch.Tensor:
        share = super().training_step(*arguments, **options)
        self._shares.append(share)
        return share

    def _get_grad_norm(self, *arguments: Any, **options: Any) -> Any:
        self._norm = super()._get_grad_norm(*arguments, **options)
        return self._norm

    def figures(self) -> tuple[float, float]:
        """Loss over all micro batches and processes, and gradient norm before clipping; one wait for the device."""
        loss = torch.stack(self._shares).sum().float()
        self._shares = []
        if self.accelerator.num_processes > 1:
            loss = self.accelerator.reduce(loss, reduction="mean")
        norm = self._norm.full_tensor() if hasattr(self._norm, "full_tensor") else self._norm
        both = torch.stack([loss, torch.as_tensor(norm, dtype=torch.float32, device=loss.device)])
        return tuple(both.tolist())  # type: ignore[return-value]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(str(self.args.output_dir)) / f"{checkpoints.PREFIX}{self.state.global_step}"
        main = self.is_world_process_zero()
        if main:
            checkpoints.begin(folder)
        self.accelerator.wait_for_everyone()
        super()._save_checkpoint(model, trial)
        if main:
            self.extras(folder)
        self.accelerator.wait_for_everyone()
        if main:
            step = self.state.global_step
            checkpoints.finish(
                folder,
                step=step,
                position=step * self.identity.batch,
                plan_id=self.identity.plan_id,
                head=self.identity.head(),
            )
        self.accelerator.wait_for_everyone()

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
