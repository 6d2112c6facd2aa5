"""One attempt of a run: a Trainer from a checkpoint, or from nothing, to the last step or to a rollback."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers
from gristmill.schemas.errors import RunError
from gristmill.training.data.inputs import ModelInputs, as_collated
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import History
from gristmill.training.objectives.evaluation import Evaluation
from gristmill.training.run import checkpoints
from gristmill.training.run.averaging import ExponentialAverage
from gristmill.training.run.ledger import Ledger
from gristmill.training.run.logs import StepLog
from gristmill.training.run.page import write_page
from gristmill.training.run.start import Start
from gristmill.training.run.steps import Averages, Steps
from gristmill.training.run.trainer import Identity, StepTrainer, write_state
from gristmill.training.stability.blame import Losses
from gristmill.training.stability.skip import Watch

if TYPE_CHECKING:
    from gristmill.training.run.train import Run


class Attempt:
    """What is built anew for each attempt: stream, model, Trainer, watch; a context manager around its log and bar."""

    def __init__(self, run: "Run", history: History, ledger: Ledger, start: Start) -> None:
        self.run, self.history, self.ledger, self.start = run, history, ledger, start
        recipe = run.recipe
        self.stream = PlanDataset(run.plan, history)
        transformers.set_seed(recipe.seed)
        model = run.model()
        decay = recipe.averaging.ema_decay
        self.average = ExponentialAverage(model, decay) if decay else None
        validation = self._validation()
        self.trainer = StepTrainer(
            identity=Identity(run.plan.plan_id, lambda: history.head, recipe.batch_sequences),
            extras=self._write_extras,
            label_counts=run.objective.label_counts,
            validation=validation,
            model=model,
            args=run.arguments,
            train_dataset=ModelInputs(self.stream, run.objective, run.sequences),
            data_collator=as_collated,
        )
        self.watch = Watch(
            recipe.stability,
            ledger,
            batch=recipe.batch_sequences,
            total=run.sequences,
            figures=self.trainer.figures,
            losses=lambda: Losses(self.stream, run.objective, self.trainer.model),
            target=self._target,
            agree=run.agree,
        )
        self._restore()
        self.trainer.add_callback(self.watch)
        if self.average:
            self.trainer.add_callback(Averages(self.average, self.watch))
        self._log: StepLog | None = None
        self._progress: AbstractContextManager[Callable[[int], None]] = nullcontext(lambda amount: None)

    def __enter__(self) -> "Attempt":
        run, step = self.run, self.start.step
        if run.main:
            self._log = StepLog(run.folder.path, step, self.ledger.branch, run.recipe.log.tensorboard)
        self._progress = run.console.progress("training", run.recipe.steps - step, "steps")
        save = partial(self.trainer._save_checkpoint, None, None)
        parameters = sum(parameter.numel() for parameter in self.trainer.model.parameters())
        self.trainer.add_callback(
            Steps(
                run.recipe,
                run.folder,
                self.watch,
                run.console,
                log=self._log,
                advance=self._progress.__enter__(),
                save=save,
                page=partial(write_page, run.folder.path),
                flops_per_token=6.0 * parameters,
                processes=run.arguments.world_size,
                validates=run.validation_plan is not None,
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
            self.run.console.log(f"step {self.trainer.state.global_step:,}: rolling back to step {back:,}")

    def _validation(self) -> Evaluation | None:
        """The first sequences of the validation split, as the run's Trainer will evaluate on them."""
        run, options = self.run, self.run.recipe.validation
        if run.validation_plan is None or options is None:
            return None
        stream = PlanDataset(run.validation_plan, run.validation_history())
        count = min(options.sequences, run.validation_plan.sequences)
        return Evaluation(
            ModelInputs(stream, run.objective, count),
            run.objective,
            run.recipe.micro_batch_sequences,
            rank=run.arguments.process_index,
            ranks=run.arguments.world_size,
            sum_over_processes=lambda value: self.trainer.sum_over_processes(value),
        )

    def _target(self, step: int) -> tuple[int, Callable[[], None]]:
        """The last stable checkpoint of at most `step` updates, and what puts its weights into the model."""
        found = self.run.on_main(partial(self._stable_checkpoint, step))
        return found.step, partial(self.trainer.load_weights, found.folder)

    def _stable_checkpoint(self, step: int) -> checkpoints.Checkpoint:
        fitting = checkpoints.resumable(checkpoints.complete(self.run.folder.checkpoints), self.history)
        found, damaged = checkpoints.newest_whole(one for one in fitting if one.stable and one.step <= step)
        for one in damaged:
            self.run.console.log(f"{one}; an older checkpoint is looked for")
        if found is None:
            raise RunError(
                f"no stable checkpoint of step {step:,} or before",
                where=str(self.run.folder.checkpoints),
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
