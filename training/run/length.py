"""What may become of a run when the recipe's `steps` change."""

from collections.abc import Callable
from typing import Any

from gristmill.schemas.errors import RunError
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.data.files import set_aside
from gristmill.training.data.history import History
from gristmill.training.run.checkpoints import complete
from gristmill.training.run.folder import TrainingFolder
from gristmill.training.run.progress import progress
from gristmill.training.run.schedule import branch_step, common_steps
from gristmill.training.run.start import Start, find_start


def change_length(
    folder: TrainingFolder,
    recipe: TrainingRecipe,
    earlier: dict[str, Any],
    history: History,
    log: Callable[[str], None],
) -> None:
    """Prepare a run for another number of steps, if the recipe has one.

    With `wsd`, steps made while the learning rate was falling are given up: the run goes back to the newest checkpoint
    before them. RunError when there is none, when the learning rates of other schedules would have been others, or when
    the run has passed its new end.
    """
    before, made = earlier["recipe"].get("steps"), progress(folder.path).steps
    if before == recipe.steps or not isinstance(before, int):
        return
    if recipe.steps < made:
        raise RunError(
            f"steps is {recipe.steps:,}",
            where=str(folder.path),
            expected=f"at least the {made:,} that the run has made",
            next_step="give another --out for a shorter run",
        )
    common = common_steps(recipe, before)
    if made <= common:
        log(f"the run is made for {recipe.steps:,} steps instead of {before:,}")
        return
    start = find_start(folder, history, at_most=common)
    if start.checkpoint is None or branch_step(recipe) is None:
        raise _no_way_back(folder, recipe, before, common)
    _go_back(folder, start, made, recipe.steps, before, history)
    log(
        f"the run is made for {recipe.steps:,} steps instead of {before:,}: it goes back to step {start.step:,}, after which "
        "the learning rate had begun to fall; the checkpoints of later steps are set aside"
    )


def _no_way_back(folder: TrainingFolder, recipe: TrainingRecipe, before: int, common: int) -> RunError:
    fall = f"its learning rates are those of {before:,} steps from step {common + 1:,} on"
    return RunError(
        f"steps is {recipe.steps:,} and was {before:,}: {fall}, and no checkpoint of before is there",
        where=str(folder.path),
        expected=f"{before:,}, or a schedule and a checkpoint that allow another length",
        next_step=f"begin another run from the model in {folder.path / 'model'}; `schedule: wsd` keeps the checkpoint from "
        "which a run can be made longer",
    )


def _go_back(folder: TrainingFolder, start: Start, made: int, steps: int, before: int, history: History) -> None:
    """Set the checkpoints after the start aside, and record in the history that the steps after it are given up."""
    for one in complete(folder.checkpoints):
        if one.step > start.step:
            set_aside(one.folder)
    data = {"kind": "made_longer" if steps > before else "made_shorter", "rolled_back_to": start.step, "step": made}
    last = history.events[-1]
    if last.event != "note" or last.data != {**data, "steps": steps}:
        assert start.checkpoint is not None
        history.append("note", start.checkpoint.position, {**data, "steps": steps})
