"""The folder of a training run: who writes it, and whether it is the same run.

RUN/ training.json      the recipe and what the run is made of
     plan.json, history.jsonl   the stream's plan, and the chain of what happened to it
     log.jsonl          one line a step; abandoned.jsonl: the lines of branches that rollbacks gave up
     blame.jsonl        documents that made a batch bad, for a build to exclude
     checkpoints/       checkpoint-N folders, complete or absent
     model/             the finished model with its tokenizer
     training.html      the page; tensorboard/ the event files
"""

import fcntl
import json
from pathlib import Path
from typing import Any, TextIO

from gristmill.schemas.errors import RunError
from gristmill.schemas.training_recipe import FREE_TO_CHANGE, TrainingRecipe
from gristmill.training.checkpoints import write_whole

TRAINING, HISTORY, CHECKPOINTS, MODEL, PAGE = "training.json", "history.jsonl", "checkpoints", "model", "training.html"
FORMAT_VERSION = 1


class RunFolder:
    """A run folder, held by one process until it ends; the system frees it when the process is killed."""

    def __init__(self, path: Path, main: bool = True) -> None:
        self.path = path
        self._lock: TextIO | None = None
        if main:
            (path / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
            self._lock = open(path / "lock", "a", encoding="utf-8")  # noqa: SIM115 (held for the life of the run)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._lock.close()
                raise RunError(
                    "another process trains here", where=str(path), next_step="wait for it, or stop it"
                ) from error

    def close(self) -> None:
        if self._lock:
            self._lock.close()

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def claim(self, recipe: TrainingRecipe, made_of: dict[str, Any]) -> None:
        """Write training.json, or check that the folder's run is this one."""
        path = self.path / TRAINING
        record = {"format_version": FORMAT_VERSION, "recipe": recipe.model_dump(mode="json"), **made_of, "launches": []}
        if path.exists():
            old = read_training(self.path)
            _compare(old, record, str(path))
            record["launches"] = old["launches"]
        write_whole(path, json.dumps(record, indent=1) + "\n")

    def launched(self, from_step: int, *, recipe: TrainingRecipe, processes: int) -> None:
        """Record on how many processes the steps from `from_step` on run: which rank held which sequence."""
        record = read_training(self.path)
        launch = {
            "from_step": from_step,
            "global_batch": recipe.batch_sequences,
            "ranks": processes,
            "rows": recipe.micro_batch_sequences,
            "accumulation": recipe.batch_sequences // (recipe.micro_batch_sequences * processes),
        }
        record["launches"] = [one for one in record["launches"] if one["from_step"] < from_step] + [launch]
        write_whole(self.path / TRAINING, json.dumps(record, indent=1) + "\n")


def read_training(path: Path) -> dict[str, Any]:
    """training.json of a run folder; RunError when there is none."""
    try:
        return json.loads((path / TRAINING).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"no {TRAINING}", where=str(path), expected="the folder of a training run") from error


def _compare(old: dict[str, Any], new: dict[str, Any], where: str) -> None:
    for key in sorted({*old["recipe"], *new["recipe"]} - FREE_TO_CHANGE):
        before, now = old["recipe"].get(key), new["recipe"].get(key)
        if before != now:
            raise RunError(
                f"{key} is {now!r}",
                where=where,
                expected=f"{before!r}, as the run was started with",
                next_step="give another --out, or the recipe the run was started with",
            )
