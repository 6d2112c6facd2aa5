"""Training that ends at a call: in a process of its own that kills itself with signal 9, or by what a test raises.

`python -m tests.training.killed` is that process; `kill_training` starts it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from gristmill.schemas.training.recipe import TrainingRecipe

from tests.training.processes import seconds_allowed

ROOT = Path(__file__).parents[2]
Call = tuple[
    str, str, int
]  # what has a function (`module` or `module:class`), the function's name, the call that counts


def ended_at(times: int, call: Callable[..., Any], end: Callable[[], None]) -> Callable[..., Any]:
    """`call`, but `end` is called first when it is about to be called for the n-th time."""
    made = 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal made
        made += 1
        if made == times:
            end()
        return call(*arguments, **options)

    return counted


def kill_training(recipe: TrainingRecipe, run: Path, call: Call, modules: Path = ROOT) -> None:
    """Train in a process of its own until it kills itself at a call. modules: a folder of modules that the recipe names."""
    said = {"recipe": recipe.model_dump(mode="json", exclude_unset=True), "kind": recipe.kind, "run": str(run)}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{modules}"}
    command = [sys.executable, "-m", "tests.training.killed", json.dumps({**said, "call": call})]
    assert (
        subprocess.run(command, env=environment, check=False, timeout=seconds_allowed()).returncode == -signal.SIGKILL
    )


def main() -> None:
    import torch
    from gristmill.training.kinds.registry import recipe_model
    from gristmill.training.run.train import train

    torch.set_num_threads(1)
    said = json.loads(sys.argv[1])
    place, name, times = said["call"]
    owner = resolve_name(place)
    setattr(owner, name, ended_at(times, getattr(owner, name), lambda: os.kill(os.getpid(), signal.SIGKILL)))
    train(recipe_model(said["kind"]).model_validate(said["recipe"]), said["run"])


if __name__ == "__main__":
    main()
