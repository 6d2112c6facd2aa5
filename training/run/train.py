"""Pre-training from token shards: one recipe, one run folder; killed, moved or rolled back, it goes on by itself.

A run is a series of attempts. An attempt starts from the last whole checkpoint that the history agrees with, builds
model and Trainer anew and trains until the end or until the watch wants a rollback. The watch then has written the
guilty positions into the history, so the next attempt is served a plan without them, and from the checkpoint on every
step is the step of a run that never held them.

Nothing is written into a folder that claims it before every check has passed, and no work is thrown away: without a
checkpoint that can be used a run that has made steps is not begun anew, unless that is asked for.
"""

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch  # noqa: F401 (before transformers, which prints a line of its own where torch is missing)
import transformers
from accelerate.utils import broadcast_object_list
from gristmill.console import Console
from gristmill.schemas.errors import GristmillError, RecipeError, RunError
from gristmill.schemas.shards.format import TOKENIZER_FOLDER
from gristmill.schemas.training.recipe import TrainingRecipe, load_training_recipe
from gristmill.training.data.stream.history import History, has_begun, lost_history, remove_empty_history
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.models.build import build_model, shape_of
from gristmill.training.models.masks import refuse_own_mean, refuse_what_leaks
from gristmill.training.objectives.registry import Objective, make
from gristmill.training.objectives.windows import ordinary_ids
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.attempt import Attempt
from gristmill.training.run.export import export, finished_step
from gristmill.training.run.failures import explained
from gristmill.training.run.files import set_aside
from gristmill.training.run.folder import (
    HISTORY,
    MODEL,
    PAGE,
    TRAINING,
    VALIDATION,
    RunFolder,
    read_training,
    refuse_another_recipe,
)
from gristmill.training.run.ledger import Ledger
from gristmill.training.run.length import change_length, epochs_of
from gristmill.training.run.page import write_page
from gristmill.training.run.progress import progress
from gristmill.training.run.settings import training_arguments
from gristmill.training.run.start import Start, find_start

Result = TypeVar("Result")


@dataclass(frozen=True)
class Finished:
    """A run that reached its last step. resumed_from: the step this call went on from; None for a run that it began."""

    folder: Path
    steps: int
    rollbacks: int
    resumed_from: int | None = None

    @property
    def page(self) -> Path:
        return self.folder / PAGE

    @property
    def model(self) -> Path:
        return self.folder / MODEL


def pretrain(
    recipe: str | Path | TrainingRecipe,
    out: str | Path,
    console: Console | None = None,
    *,
    restart: bool = False,
    started: Callable[[str], None] | None = None,
) -> Finished:
    """Train as the recipe says, in the run folder `out`; the same call again goes on where it stopped.

    restart: set the run that is in the folder aside (`set-aside/run-N`) and begin anew. started: is told, once, whether
    the run begins, goes on or was finished before; the console is told in any case.
    """
    loaded = recipe if isinstance(recipe, TrainingRecipe) else load_training_recipe(recipe)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main = int(os.environ.get("RANK", "0")) == 0
    with explained(out):
        folder = RunFolder(Path(out), main)
        try:
            run = Run(loaded, folder, console if console and main else Console(quiet=True), started if main else None)
            run.prepare(restart)
            return run.train()
        finally:
            folder.close()


class Run:
    """What all attempts of a run share: arguments, shards, plans, objective. `prepare` first, then `train`."""

    def __init__(
        self,
        recipe: TrainingRecipe,
        folder: RunFolder,
        console: Console,
        started: Callable[[str], None] | None = None,
    ) -> None:
        self.recipe, self.folder, self.console = recipe, folder, console
        self._started = started
        self.arguments = training_arguments(recipe, folder.checkpoints)
        self.main = self.arguments.process_index == 0
        self.shards = ShardSet.open(recipe.shards, recipe.stream.verify)
        self.record = self.shards.manifest.tokenizer

    def prepare(self, restart: bool = False) -> None:
        """Check everything, and then claim the folder: until the last check nothing in it says whose it is."""
        earlier = self.on_main(partial(self._earlier, restart))
        if earlier:
            refuse_another_recipe(earlier, self.recipe, str(self.folder.path / TRAINING))
        self.plan = self._plan("train", earlier)
        self.validation_plan = self._plan("validation", earlier) if self._validates(earlier) else None
        if earlier and earlier.get("plan_id"):
            self.plan.must_be(earlier["plan_id"], self.folder.path)
        self.objective = self._objective()
        self._refuse_misfits()
        self.on_main(partial(self._claim, earlier, restart))

    def _earlier(self, restart: bool) -> dict[str, Any] | None:
        """training.json of the run that the folder holds, if that run has made a step."""
        if restart:
            return None
        if progress(self.folder.path).steps == 0:
            return None
        if not (self.folder.path / TRAINING).exists():
            raise RunError(
                f"there are checkpoints, a log or a model here, and no {TRAINING} that says what they are of",
                where=str(self.folder.path),
                expected="the folder of one training run, or a new one",
                next_step=f"restore {TRAINING}, give another --out, or --restart to set aside what is here",
            )
        return read_training(self.folder.path)

    def _validates(self, earlier: dict[str, Any] | None) -> bool:
        held_out = self.shards.manifest.of_split("validation", (earlier or {}).get("generation"))
        return self.recipe.validation is not None and any(shard.tokens for shard in held_out)

    def _plan(self, split: str, earlier: dict[str, Any] | None) -> Plan:
        """The plan of a split, over the shards that there were when the run began."""
        stream = self.recipe.stream
        config = PlanConfig(
            window=stream.window,
            cut=stream.cut,
            seed=stream.seed,
            split=split,  # type: ignore[arg-type]
            mixture=stream.mixture if split == "train" else None,
            generation=(earlier or {}).get("generation"),
        )
        return Plan.of(self.shards, config, self._folder_of(split))

    def _folder_of(self, split: str) -> Path:
        return self.folder.path / VALIDATION if split == "validation" else self.folder.path

    def _objective(self) -> Objective:
        options = self.recipe.objective
        return make(
            options.name,
            self.record,
            self.recipe.stream.window,
            options.options,
            self.recipe.seed,
            self._tokenizer_folder,
        )

    def _refuse_misfits(self) -> None:
        """Errors that would show after the start, or never: a shape that cannot learn this, documents that leak."""
        model = self.model()
        if shape_of(model) not in self.objective.shapes:
            raise RecipeError(
                f"objective {self.recipe.objective.name} with a {shape_of(model)} model",
                expected=f"one of {', '.join(sorted(self.objective.shapes))}",
            )
        for refuse in (refuse_what_leaks, refuse_own_mean):
            refuse(model, self.objective, ordinary_ids(self.record), self.recipe.stream.window)

    def _claim(self, earlier: dict[str, Any] | None, restart: bool) -> None:
        """Make the folder this run's: plans, history, training.json. What a start left that made no step is replaced."""
        folder = self.folder
        if restart and progress(folder.path).steps:
            self.console.log(f"the earlier run is set aside in {folder.set_run_aside()}")
        if earlier is None:
            plans = [plan for plan in (self.plan, self.validation_plan) if plan is not None]
            folder.remove_failed_start([home for plan in plans for home in plan.packings])
            remove_empty_history(folder.path / HISTORY)
        self.plan.save(folder.path)
        if self.validation_plan is not None:
            self.validation_plan.save(folder.path / VALIDATION)
        history = self._history_of(earlier)
        if earlier:
            change_length(folder, self.recipe, earlier, history, self.console.log)
        made_of = {
            "plan_id": self.plan.plan_id,
            "generation": self.plan.config.generation,
            "shards": self.shards.folder,
            "versions": {name: version(name) for name in ("gristmill", "torch", "transformers", "accelerate")},
        }
        folder.claim(self.recipe, made_of)

    def _history_of(self, earlier: dict[str, Any] | None) -> History:
        """The history in the folder; a new one for a new run, and where the one that is lost can be told for certain.

        A history in which nothing had happened yet follows from the recipe, and checkpoints keep the hash of their own.
        """
        path = self.folder.path / HISTORY
        if earlier and not has_begun(path):
            presumed = History.open(None, self.plan)
            self._phases(presumed)
            heads = {one.head for one in checkpoints.complete(self.folder.checkpoints)}
            went_back = (self.folder.path / logs.ABANDONED).exists()
            if went_back or not heads or not heads <= {event.head for event in presumed.events}:
                raise lost_history(path)
            self.console.log(f"{HISTORY} is written again: nothing had happened in it, as the checkpoints' hashes show")
        history = History.open(path, self.plan)
        self._phases(history)
        return history

    @property
    def sequences(self) -> int:
        return self.recipe.steps * self.recipe.batch_sequences

    def train(self) -> Finished:
        """Attempts until the last step is made and model/ is written."""
        if self.on_main(partial(finished_step, self.folder, self.plan.plan_id)) == self.recipe.steps:
            self._tell(f"training {self.recipe.name}: finished before, after {self.recipe.steps:,} steps")
            return self._finished(self.recipe.steps)
        resumed_from: list[int | None] = []
        while not self._attempt(resumed_from):
            gc.collect()
        return self._finished(resumed_from[0])

    def _finished(self, resumed_from: int | None) -> Finished:
        rollbacks = len(Ledger(self.history(), self.folder.path).rollbacks)
        return Finished(self.folder.path, self.recipe.steps, rollbacks, resumed_from)

    def _attempt(self, resumed_from: list[int | None]) -> bool:
        """Train from the last good checkpoint; whether the last step had been reached before."""
        ledger = Ledger(self.history(), self.folder.path, self.main)
        self._within_limits(ledger)
        start = self.on_main(partial(find_start, self.folder, ledger.history))
        self.on_main(partial(self._go_back_to, start, ledger))
        history = ledger.history = self.history()
        if not resumed_from:
            resumed_from.append(start.step if start.checkpoint else None)
            self._tell(self._announcement(start, history))
        if start.checkpoint and start.step == self.recipe.steps:
            self.on_main(partial(self._export, start.checkpoint))
            return True
        with Attempt(self, history, ledger, start) as attempt:
            attempt.train()
        return False  # the next attempt finds the last checkpoint, or goes on from the one rolled back to

    def _go_back_to(self, start: Start, ledger: Ledger) -> None:
        """Bring the folder to the step at which the attempt starts."""
        history, batch = ledger.history, self.recipe.batch_sequences
        for one in start.passed_over:
            self.console.log(f"{one}; set aside in {set_aside(one.folder)}")
        saved = progress(self.folder.path).saved
        if saved > start.step and not start.passed_over and not start.given_up:
            self.console.log(f"step {saved:,} was saved once, and its checkpoint is not there")
        checkpoints.remove(start.given_up)
        damaged = logs.cut(self.folder.path, start.step, ledger.branch)
        if damaged:
            self.console.log(
                f"{logs.LOG}: {damaged:,} lines could not be read; the log as it was is kept in set-aside/"
            )
        if start.step > logs.last_step(self.folder.path):
            self.console.log(f"{logs.LOG} is not there up to step {start.step:,}: the figures of some steps are lost")
        history.record_tombstones(start.step * batch)
        if self.validation_plan is not None:
            facts = {"from_step": start.step + 1}  # since when a forgotten document is validated on no more
            path = self.folder.path / VALIDATION / HISTORY
            History.open(path, self.validation_plan, facts=facts).record_tombstones(0, **facts)
        if start.step < self.recipe.steps:
            self.folder.launched(start.step + 1, recipe=self.recipe, processes=self.arguments.world_size)

    def _within_limits(self, ledger: Ledger) -> None:
        allowed = self.recipe.stability.max_rollbacks
        if len(ledger.rollbacks) > allowed:
            raise RunError(
                f"rolled back {len(ledger.rollbacks)} times",
                where=str(self.folder.path),
                expected=f"at most {allowed} rollbacks (stability.max_rollbacks)",
                next_step="look at training.html and blame.jsonl: the data or the learning rate needs attention",
            )

    def _phases(self, history: History) -> None:
        """The recipe's later mixtures, recorded where they will hold."""
        known = {event.position for event in history.events if event.event == "mixture"}
        for phase in sorted(self.recipe.stream.phases, key=lambda phase: phase.from_step):
            position = (phase.from_step - 1) * self.recipe.batch_sequences
            if position not in known:
                history.append("mixture", position, {"weights": phase.mixture})

    def model(self) -> Any:
        """The model as it is before the first step."""
        return build_model(
            self.recipe.model,
            self.record,
            self.recipe.stream.window,
            self.recipe.seed,
            tokenizer_folder=self._tokenizer_folder,
        )

    @property
    def _tokenizer_folder(self) -> Path | None:
        folder = Path(self.shards.folder) / TOKENIZER_FOLDER
        return folder if folder.is_dir() else None

    def history(self) -> History:
        return History.open(self.folder.path / HISTORY, self.plan)

    def validation_history(self) -> History:
        """That of the validation split, which holds its tombstones."""
        assert self.validation_plan is not None
        return History.open(self.folder.path / VALIDATION / HISTORY, self.validation_plan, begin=False)

    def agree(self, value: Any) -> Any:
        """The main process's value, in every process."""
        return broadcast_object_list([value])[0] if self.arguments.world_size > 1 else value

    def on_main(self, task: Callable[[], Result]) -> Result:
        """What a task gives in the main process, in every process; an error of it stops all of them."""
        if self.arguments.world_size == 1:
            return task()
        outcome: list[Any] = [None, None]
        if self.main:
            try:
                with explained(self.folder.path):
                    outcome = [task(), None]
            except GristmillError as error:
                outcome = [None, error]
        result, failure = broadcast_object_list(outcome)
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]

    def _export(self, checkpoint: checkpoints.Checkpoint) -> None:
        earlier = export(self.folder, checkpoint, self.shards.folder)
        if earlier:
            self.console.log(f"the {MODEL}/ that was there before is set aside in {earlier}")
        write_page(self.folder.path)

    def _tell(self, line: str) -> None:
        self.console.log(line)
        if self._started:
            self._started(line)

    def _announcement(self, start: Start, history: History) -> str:
        steps = f"{self.recipe.steps:,}"
        if start.checkpoint is None:
            beginning = f"training {self.recipe.name}: {steps} steps of {self.recipe.batch_sequences} sequences"
        else:
            rollbacks = len([event for event in history.events if event.is_rollback])
            after = f" after {rollbacks} rollbacks" if rollbacks else ""
            beginning = f"training {self.recipe.name}: going on from step {start.step:,} of {steps}{after}"
        return f"{beginning}; {epochs_of(self.plan, history, self.sequences)}"
