"""Training by a recipe, into one run folder; killed, moved or rolled back, it goes on by itself."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch  # noqa: F401 (before transformers, which prints a line of its own where torch is missing)
import transformers
from gristmill.console import Console
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.kinds.registry import load_kind, load_training_recipe
from gristmill.training.models.libraries import quiet_libraries
from gristmill.training.run.failures import explained
from gristmill.training.run.folder import MODEL, PAGE, TrainingFolder
from gristmill.training.run.loop import Loop


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


def train(
    recipe: str | Path | TrainingRecipe,
    out: str | Path,
    console: Console | None = None,
    *,
    restart: bool = False,
    started: Callable[[str], None] | None = None,
) -> Finished:
    """Train as the recipe says, in the run folder `out`; the same call again goes on where it stopped.

    recipe: a file, or the recipe of a kind of training. restart: set the run that is in the folder aside
    (`set-aside/run-N`) and begin anew. started: is told, once, whether the run begins, goes on or was finished before; the
    console is told in any case.
    """
    loaded = recipe if isinstance(recipe, TrainingRecipe) else load_training_recipe(recipe)
    kind = load_kind(loaded.kind)
    if not isinstance(loaded, kind.Recipe):
        raise RecipeError(
            f"a {type(loaded).__name__} for kind {loaded.kind!r}",
            expected=f"a {kind.Recipe.__name__}",
            where=loaded.name,
        )
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main = int(os.environ.get("RANK", "0")) == 0
    with explained(out), quiet_libraries():
        folder = TrainingFolder(Path(out), main)
        try:
            shown = console if console and main else Console(quiet=True)
            loop = Loop(kind(loaded, folder.path), folder, shown, started if main else None)
            loop.prepare(restart)
            resumed_from = loop.train()
            return Finished(folder.path, loaded.steps, loop.rollbacks, resumed_from)
        finally:
            folder.close()
