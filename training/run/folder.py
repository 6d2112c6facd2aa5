"""The folder of a training run: who writes it, and whether it is the same run.

RUN/ training.json      the recipe and what the run is made of
     plan.json, history.jsonl   the stream's plan, and the chain of what happened to it
     rows.parquet       the rows of a run on rows, and which sequence holds each (training.data.row_index)
     validation/        the same two of the validation split
     log.jsonl          one line a step; abandoned.jsonl: the lines of branches that were given up
     blame.jsonl        documents that made a batch bad, for a build to exclude
     completions.jsonl  what a policy wrote at some steps, and its rewards
     reference/         log-probabilities of preference pairs under the model before step 1
     checkpoints/       checkpoint-N folders, complete or absent
     model/             the finished model with its tokenizer
     training.html      the page; tensorboard/ the event files
     set-aside/         what had to make room: earlier runs (--restart), damaged logs, earlier models

A folder belongs to a run from `claim` on, which comes after every check. Until a step was made, another recipe may
claim it; after that only the recipe of the run, or one that says to start over.
"""

import fcntl
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TextIO

from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.data.files import SET_ASIDE, json_object, set_aside, write_whole
from gristmill.training.data.row_index import INDEX
from pydantic import ValidationError

TRAINING, HISTORY, CHECKPOINTS, MODEL, PAGE = "training.json", "history.jsonl", "checkpoints", "model", "training.html"
SAMPLES, REFERENCE = "completions.jsonl", "reference"
PLAN, VALIDATION, LOCK = "plan.json", "validation", "lock"
OF_A_RUN = (  # what `--restart` sets aside; training.json last, so that an interrupted call is finished by the next
    *(
        PAGE,
        "tensorboard",
        "log.jsonl",
        "abandoned.jsonl",
        "blame.jsonl",
        SAMPLES,
        REFERENCE,
        HISTORY,
        PLAN,
        INDEX,
        VALIDATION,
        MODEL,
        CHECKPOINTS,
    ),
    TRAINING,
)
OF_ANOTHER_KIND = {layout.OWNER: "a corpus run", layout.MANIFEST: "token shards or another dataset"}
OF_A_LAUNCH = ("from_step", "global_batch", "ranks", "rows", "accumulation")  # numbers from 1 on
FORMAT_VERSION = 1


class TrainingFolder:
    """A run folder, held by one process until it ends; the system frees it when the process is killed."""

    def __init__(self, path: Path, main: bool = True) -> None:
        self.path = path
        self._lock: TextIO | None = None
        if main:
            _refuse_other_kinds(path)
            path.mkdir(parents=True, exist_ok=True)
            self._lock = open(path / LOCK, "a", encoding="utf-8")  # noqa: SIM115 (held for the life of the run)
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

    def set_run_aside(self) -> Path:
        """Make room for another run: everything of the present one moves to set-aside/run-N; returns that folder."""
        home = self.path / SET_ASIDE
        number = 1
        while (home / f"run-{number}").exists():
            number += 1
        target = home / f"run-{number}"
        target.mkdir(parents=True)
        for name in OF_A_RUN:
            if (self.path / name).exists() or (self.path / name).is_symlink():
                (self.path / name).rename(target / name)
        return target

    def claim(self, recipe: TrainingRecipe, made_of: dict[str, Any]) -> None:
        """Write training.json, keeping which steps ran on how many processes."""
        old = read_training(self.path) if (self.path / TRAINING).exists() else {}
        self.checkpoints.mkdir(exist_ok=True)
        self._write(
            {
                "format_version": FORMAT_VERSION,
                "recipe": recipe.model_dump(mode="json"),
                **made_of,
                "launches": old.get("launches", []),
            }
        )

    def remove_failed_start(self, packings: Collection[Path] = ()) -> None:
        """Remove what a start that made no step has left, since it can all be made again.

        packings: bin indexes that are in use now, and stay. A history of the run stays too: what it holds may be wanted.
        """
        for path in (
            self.path / TRAINING,
            self.path / PLAN,
            self.path / INDEX,
            self.path / VALIDATION / PLAN,
            self.path / VALIDATION / HISTORY,
        ):
            path.unlink(missing_ok=True)
        unfinished = [self.checkpoints / "saving", self.checkpoints / "checkpoint-0"]
        stale = [
            path
            for path in (*self.path.glob("packing-*"), *self.path.glob(f"{VALIDATION}/packing-*"))
            if path.is_dir() and path not in packings
        ]
        for folder in (*unfinished, *stale):
            shutil.rmtree(folder, ignore_errors=True)

    def launched(self, from_step: int, *, recipe: TrainingRecipe, processes: int, dealt_out: tuple[int, int]) -> None:
        """Record on how many processes the steps from `from_step` on run: which rank held which sequence.

        dealt_out: sequences of a micro batch, micro batches of a process (see `Kind.dealt_out`).
        """
        record = read_training(self.path)
        launch = {
            "from_step": from_step,
            "global_batch": recipe.batch_sequences,
            "ranks": processes,
            "rows": dealt_out[0],
            "accumulation": dealt_out[1],
            "validation": recipe.validation.model_dump() if recipe.validation else None,
        }
        earlier = [one for one in record["launches"] if one["from_step"] < from_step]
        for one in earlier:  # what a rollback took back was not reached
            one["reached"] = min(one.get("reached", 0), from_step - 1)
        record["launches"] = [*earlier, launch]
        self._write(record)

    def reached(self, step: int) -> None:
        """Record that the steps up to `step` are made and saved."""
        record = read_training(self.path)
        if record["launches"]:
            record["launches"][-1]["reached"] = max(step, record["launches"][-1].get("reached", 0))
            self._write(record)

    def set_aside(self, name: str) -> Path:
        """Move a file or folder of the run into set-aside/; returns where it lies then."""
        return set_aside(self.path / name)

    def _write(self, record: dict[str, Any]) -> None:
        write_whole(self.path / TRAINING, json.dumps(record, indent=1) + "\n")


def _refuse_other_kinds(path: Path) -> None:
    for name, kind in OF_ANOTHER_KIND.items():
        if (path / name).exists() and not (path / TRAINING).exists():
            raise RunError(
                f"the folder holds {kind} ({name})",
                where=str(path),
                expected="a new folder, or that of a training run",
                next_step="give another --out",
            )


def read_training(path: Path) -> dict[str, Any]:
    """training.json of a run folder, with `recipe`, a mapping, and `launches`, each with the numbers OF_A_LAUNCH.

    RunError when there is none, or none to be read.
    """
    try:
        found = json_object(path / TRAINING)
        record = {**(found or {})}
        record.setdefault("recipe", {})
        record.setdefault("launches", [])
        if not isinstance(record["recipe"], dict) or not isinstance(record["launches"], list):
            raise ValueError("its recipe or launches are damaged")
        if not all(_is_launch(one) for one in record["launches"]):
            raise ValueError("one of its launches is damaged")
    except (ValueError, NotADirectoryError) as error:
        raise RunError(
            f"{TRAINING} cannot be read ({error})",
            where=str(path),
            expected="the record of a training run",
            next_step="restore the file from a copy; `gristmill train --restart` sets the run aside and begins anew",
        ) from error
    if found is None:
        raise RunError(f"no {TRAINING}", where=str(path), expected="the folder of a training run")
    return record


def _is_launch(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("reached", 0), int):
        return False
    return all(isinstance(one.get(name), int) and one[name] > 0 for name in OF_A_LAUNCH)


def refuse_another_recipe(old: dict[str, Any], new: TrainingRecipe, where: str) -> None:
    """RunError that names the first key, nested ones in full, in which a recipe is not that of the run `old`.

    `steps` is not compared here: whether it may change depends on the schedule (training.run.schedule).
    """
    now = new.model_dump(mode="json")
    before_now = recipe_of(old, type(new)) if kind_of(old) == new.kind else {**now, "kind": kind_of(old)}
    for key, before, after in differences(before_now, now):
        if key != "steps" and not any(key == free or key.startswith(free + ".") for free in new.free_to_change):
            raise RunError(
                f"{key} is {after!r}",
                where=where,
                expected=f"{before!r}, as the run was started with",
                next_step="give another --out, the recipe the run was started with, or --restart to set the run aside "
                "and begin anew",
            )


def kind_of(training: dict[str, Any]) -> str:
    """The kind of training of the recipe in training.json."""
    return str(training["recipe"].get("kind", TrainingRecipe.model_fields["kind"].default))


def recipe_of(training: dict[str, Any], model: type[TrainingRecipe]) -> dict[str, Any]:
    """The recipe in training.json; keys that are newer than the run have their defaults."""
    try:
        return model.model_validate(training["recipe"]).model_dump(mode="json")
    except ValidationError:
        return training["recipe"]


def differences(before: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, value before, value now) of everything in which two recipes differ.

    >>> list(differences({"stream": {"window": 64, "seed": 0}}, {"stream": {"window": 128, "seed": 0}}))
    [('stream.window', 64, 128)]
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            yield from differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield key, before, now
