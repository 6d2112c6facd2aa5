"""The loop: a run is a series of attempts, whatever is trained.

An attempt starts from the last whole checkpoint that the history agrees with, builds model and Trainer anew and trains
until the end or until the watch wants a rollback. The watch then has written the guilty positions into the history, so the
next attempt is served a plan without them, and from the checkpoint on every step is the step of a run that never held
them.

Nothing is written into a folder that claims it before every check has passed, and no work is thrown away: without a
checkpoint that can be used a run that has made steps is not begun anew, unless that is asked for.
"""

import gc
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

from accelerate.utils import broadcast_object_list
from gristmill.console import Console
from gristmill.schemas.errors import GristmillError, RunError
from gristmill.training.data.files import set_aside
from gristmill.training.data.history import History, has_begun, lost_history, remove_unused
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.attempt import Attempt
from gristmill.training.run.export import export, finished_step
from gristmill.training.run.failures import explained
from gristmill.training.run.folder import HISTORY, MODEL, TRAINING, TrainingFolder, read_training, refuse_another_recipe
from gristmill.training.run.kind import Kind
from gristmill.training.run.ledger import Ledger
from gristmill.training.run.length import change_length
from gristmill.training.run.page_writer import PageWriter
from gristmill.training.run.progress import progress
from gristmill.training.run.start import Start, find_start

Result = TypeVar("Result")
VERSIONS = ("gristmill", "torch", "transformers", "accelerate")


class Loop:
    """What all attempts of a run share. `prepare` first, then `train`."""

    def __init__(
        self, kind: Kind, folder: TrainingFolder, console: Console, started: Callable[[str], None] | None = None
    ) -> None:
        """started: is told once whether the run begins, goes on or was finished before."""
        self.kind, self.folder, self.console = kind, folder, console
        self._started = started
        self.recipe, self.arguments = kind.recipe, kind.arguments
        self.main = self.arguments.process_index == 0
        self.page = PageWriter(folder.path, kind.warnings, console.log)

    def prepare(self, restart: bool = False) -> None:
        """Check everything, and then claim the folder: until the last check nothing in it says whose it is."""
        earlier = self.on_main(partial(self._earlier, restart))
        if earlier:
            refuse_another_recipe(earlier, self.recipe, str(self.folder.path / TRAINING))
        self.kind.prepare(earlier)
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

    def _claim(self, earlier: dict[str, Any] | None, restart: bool) -> None:
        """Make the folder this run's: plans, history, training.json. What a start left that made no step is replaced."""
        folder = self.folder
        if restart and self._holds_a_run():
            self.console.log(f"the earlier run is set aside in {folder.set_run_aside()}")
        if earlier is None:
            folder.remove_failed_start(self.kind.caches)
            remove_unused(folder.path / HISTORY)
        self.kind.claim()
        history = self._history_of(earlier)
        if earlier:
            change_length(folder, self.recipe, earlier, history, self.console.log)
        tokenizer = self.kind.tokenizer
        folder.claim(
            self.recipe,
            {
                "plan_id": self.kind.plan.plan_id,
                **self.kind.made_of(),
                "tokenizer": str(tokenizer) if tokenizer else None,
                "versions": {name: version(name) for name in VERSIONS},
            },
        )

    def _holds_a_run(self) -> bool:
        """Whether there is a run in the folder that has made a step, or whose record is too damaged to say so."""
        try:
            return progress(self.folder.path).steps > 0
        except RunError:
            return True

    def _history_of(self, earlier: dict[str, Any] | None) -> History:
        """The history in the folder; a new one for a new run, and where the one that is lost can be told for certain.

        A history in which nothing had happened yet follows from the recipe, and checkpoints keep the hash of their own.
        """
        path = self.folder.path / HISTORY
        if earlier and not has_begun(path):
            presumed = self.kind.open_history(None)
            self.kind.begin_history(presumed)
            heads = {one.head for one in checkpoints.complete(self.folder.checkpoints)}
            went_back = (self.folder.path / logs.ABANDONED).exists()
            if went_back or not heads or not heads <= {event.head for event in presumed.events}:
                raise lost_history(path)
            self.console.log(f"{HISTORY} is written again: nothing had happened in it, as the checkpoints' hashes show")
        history = self.kind.open_history(path)
        self.kind.begin_history(history)
        return history

    def train(self) -> int | None:
        """Attempts until the last step is made and model/ is written.

        Returns the step that this call went on from; None for a run that it began.
        """
        if self.on_main(partial(finished_step, self.folder, self.kind.plan.plan_id)) == self.recipe.steps:
            self._tell(f"training {self.recipe.name}: finished before, after {self.recipe.steps:,} steps")
            return int(self.recipe.steps)
        resumed_from: list[int | None] = []
        while not self._attempt(resumed_from):
            gc.collect()
        return resumed_from[0]

    @property
    def rollbacks(self) -> int:
        """How often the run was rolled back so far."""
        return len(Ledger(self.history(), self.folder.path).rollbacks)

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
        for one in start.passed_over:
            self.console.log(f"{one}; set aside in {set_aside(one.folder)}")
        saved = progress(self.folder.path).saved
        if saved > start.step and not start.passed_over and not start.given_up:
            self.console.log(f"step {saved:,} was saved once, and its checkpoint is not there")
        checkpoints.remove(start.given_up)
        kept = start.step if start.checkpoint else -1  # a run that begins writes also what stands before step 1
        damaged = logs.truncate(self.folder.path, kept, ledger.branch)
        if damaged:
            self.console.log(
                f"{logs.LOG}: {damaged:,} lines could not be read; the log as it was is kept in set-aside/"
            )
        if start.step > logs.last_step(self.folder.path):
            self.console.log(f"{logs.LOG} is not there up to step {start.step:,}: the figures of some steps are lost")
        self.kind.go_on(ledger.history, start.step)
        if start.step < self.recipe.steps:
            processes = self.arguments.world_size
            dealt_out = self.kind.dealt_out(processes)
            self.folder.launched(start.step + 1, recipe=self.recipe, processes=processes, dealt_out=dealt_out)

    def _within_limits(self, ledger: Ledger) -> None:
        allowed = self.recipe.stability.max_rollbacks
        if len(ledger.rollbacks) > allowed:
            raise RunError(
                f"rolled back {len(ledger.rollbacks)} times",
                where=str(self.folder.path),
                expected=f"at most {allowed} rollbacks (stability.max_rollbacks)",
                next_step="look at training.html and blame.jsonl: the data or the learning rate needs attention",
            )

    def history(self) -> History:
        """The history of the run, as it stands in the folder."""
        return self.kind.open_history(self.folder.path / HISTORY)

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
        earlier = export(self.folder, checkpoint, self.kind)
        if earlier:
            self.console.log(f"the {MODEL}/ that was there before is set aside in {earlier}")
        self.page.finished(checkpoint.step)

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
        return f"{beginning}; {self.kind.length(history)}"
