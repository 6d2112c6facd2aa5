"""Where a run goes on: its newest checkpoint that is whole and that the history agrees with, and what was passed over."""

from dataclasses import dataclass

from gristmill.schemas.errors import RunError
from gristmill.training.data.history import History
from gristmill.training.run import checkpoints
from gristmill.training.run.checkpoints import Checkpoint, UnusableCheckpoint
from gristmill.training.run.folder import TrainingFolder
from gristmill.training.run.progress import progress

SHOWN = 5


@dataclass(frozen=True)
class Start:
    """Where an attempt begins.

    checkpoint: None when there is none, for a run that has made no step. passed_over: newer checkpoints that are damaged.
    given_up: checkpoints of a branch that the history gave up.
    """

    checkpoint: Checkpoint | None
    passed_over: tuple[UnusableCheckpoint, ...] = ()
    given_up: tuple[Checkpoint, ...] = ()

    @property
    def step(self) -> int:
        return self.checkpoint.step if self.checkpoint else 0


def find_start(folder: TrainingFolder, history: History, at_most: int | None = None) -> Start:
    """The start from the newest usable checkpoint, of `at_most` steps if that is given.

    RunError when the run has made steps and no checkpoint of it can be used, or only the one of before the first step
    though others were saved: nothing is begun anew unasked.
    """
    surveyed = [_of_this_run(one, history) for one in checkpoints.survey(folder.checkpoints)]
    whole = [one for one in surveyed if isinstance(one, Checkpoint)]
    fitting = checkpoints.resumable(whole, history)
    candidates = [one for one in fitting if at_most is None or one.step <= at_most]
    newest, passed_over = checkpoints.newest_whole(candidates)
    first = newest.step if newest else -1
    passed_over += [one for one in surveyed if isinstance(one, UnusableCheckpoint) and one.step > first]
    passed_over.sort(key=lambda one: one.step)
    come = progress(folder.path)
    if at_most is None:
        lost = passed_over or (come.saved and _last_branch(history) != 0)
        if (newest is None and come.steps) or (newest is not None and newest.step == 0 and lost):
            raise _no_checkpoint(folder, come.steps, passed_over)
    given_up = tuple(one for one in whole if one not in fitting)
    return Start(newest, tuple(passed_over), given_up)


def _last_branch(history: History) -> int | None:
    """The step that the run last went back to; None if it never did."""
    return next((event.data["rolled_back_to"] for event in reversed(history.events) if event.starts_branch), None)


def _of_this_run(one: Checkpoint | UnusableCheckpoint, history: History) -> Checkpoint | UnusableCheckpoint:
    """A checkpoint of another plan is unusable; RunError for one of a history that this one is only the beginning of."""
    if isinstance(one, UnusableCheckpoint):
        return one
    if one.plan_id != history.plan_id:
        return UnusableCheckpoint(one.folder, one.step, f"it is of plan {one.plan_id}, not of this run's")
    if all(event.head != one.head for event in history.events):
        raise RunError(
            f"{one.folder.name} was saved under a history that history.jsonl does not hold",
            where=str(history.path),
            expected="the whole history of the run: it only ever grows",
            next_step="restore history.jsonl from a copy, or start over with --restart, which sets this run aside",
        )
    return one


def _no_checkpoint(folder: TrainingFolder, steps: int, found: list[UnusableCheckpoint]) -> RunError:
    named = "; ".join(str(one) for one in found[:SHOWN]) or "there is none"
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return RunError(
        f"the run has made {steps:,} steps, and no checkpoint can be gone on from: {named}{more}",
        where=str(folder.checkpoints),
        expected="one checkpoint with all its files",
        next_step="restore the files, or start over with --restart, which sets this run aside and keeps it",
    )
