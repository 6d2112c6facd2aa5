"""One attempt of a run: a Trainer from a checkpoint, or from nothing, to the last step or to a rollback."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers
from gristmill.schemas.errors import RunError
from gristmill.training.data.history import History
from gristmill.training.run import checkpoints
from gristmill.training.run.averaging import ExponentialAverage
from gristmill.training.run.ledger import Ledger
from gristmill.training.run.logs import StepLog
from gristmill.training.run.start import Start
from gristmill.training.run.steps import Averages, Steps
from gristmill.training.run.trainer import TrainingHooks, write_state
from gristmill.training.stability.skip import Watch

if TYPE_CHECKING:
    from gristmill.training.run.loop import Loop


class Attempt:
    """What is built anew for each attempt: Trainer, model, watch; a context manager around its log and bar."""

    def __init__(self, loop: "Loop", history: History, ledger: Ledger, start: Start) -> None:
        self.loop, self.history, self.ledger, self.start = loop, history, ledger, start
        recipe, kind = loop.recipe, loop.kind
        transformers.set_seed(recipe.seed)
        self.trainer = kind.trainer(history)
        decay = recipe.averaging.ema_decay
        self.average = ExponentialAverage(self.trainer.model, decay) if decay else None
        validation_loss = kind.validation_loss(self.trainer)
        self.validates = validation_loss is not None
        self.trainer.bind(
            TrainingHooks(
                plan_id=kind.plan.plan_id,
                batch=recipe.batch_sequences,
                head=lambda: history.head,
                extras=self._write_extras,
                validation_loss=validation_loss,
            )
        )
        self.watch = Watch(
            recipe.stability,
            ledger,
            batch=recipe.batch_sequences,
            total=kind.sequences,
            figures=self.trainer.figures,
            losses=lambda: kind.losses(self.trainer, history),
            target=self._target,
            agree=loop.agree,
        )
        self._restore()
        self.trainer.add_callback(self.watch)
        if self.average:
            self.trainer.add_callback(Averages(self.average, self.watch))
        self._log: StepLog | None = None
        self._progress: AbstractContextManager[Callable[[int], None]] = nullcontext(lambda amount: None)

    def __enter__(self) -> "Attempt":
        loop, step = self.loop, self.start.step
        if loop.main:
            self._log = StepLog(loop.folder.path, step, self.ledger.branch, loop.recipe.log.tensorboard)
        self._progress = loop.console.progress("training", loop.recipe.steps - step, "steps")
        save = partial(self.trainer._save_checkpoint, None, None)
        parameters = sum(parameter.numel() for parameter in self.trainer.model.parameters())
        self.trainer.add_callback(
            Steps(
                loop.recipe,
                loop.folder,
                self.watch,
                loop.console,
                log=self._log,
                advance=self._progress.__enter__(),
                save=save,
                validate=self.trainer.evaluate,
                page=loop.page.saved,
                flops_per_token=6.0 * parameters,
                processes=loop.arguments.world_size,
                validates=self.validates,
                step_tokens=loop.kind.step_tokens,
                step_figures=self.trainer.step_figures,
                no_labels=loop.kind.no_labels,
                is_fresh=self.start.checkpoint is None,
            )
        )
        return self

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)
        if self._log:
            self._log.close()

    def train(self) -> None:
        """Train until the last step is made and saved, or until the watch has written a rollback into the history."""
        checkpoint = self.start.checkpoint
        self.trainer.train(resume_from_checkpoint=str(checkpoint.folder) if checkpoint else None)
        back = self.watch.rolled_back_to
        if back is not None:
            self.loop.console.log(f"step {self.trainer.state.global_step:,}: rolling back to step {back:,}")

    def _target(self, step: int) -> tuple[int, Callable[[], None]]:
        """The last stable checkpoint of at most `step` updates, and what puts its weights into the model."""
        found = self.loop.on_main(partial(self._stable_checkpoint, step))
        return found.step, partial(self.trainer.load_weights, found.folder)

    def _stable_checkpoint(self, step: int) -> checkpoints.Checkpoint:
        fitting = checkpoints.resumable(checkpoints.complete(self.loop.folder.checkpoints), self.history)
        found, damaged = checkpoints.newest_whole(one for one in fitting if one.stable and one.step <= step)
        for one in damaged:
            self.loop.console.log(f"{one}; an older checkpoint is looked for")
        if found is None:
            raise RunError(
                f"no stable checkpoint of step {step:,} or before",
                where=str(self.loop.folder.checkpoints),
                next_step="set checkpoints.keep_stable higher and start again",
            )
        return found

    def _restore(self) -> None:
        if self.start.checkpoint is None:
            return
        self.watch.load(self.start.checkpoint.state()["watch"])
        if self.average:
            self.average.restore(self.start.checkpoint.folder)

    def _write_extras(self, folder: Path) -> None:
        write_state(folder, {"watch": self.watch.state()})
        if self.average:
            self.average.save(folder)
