"""Checkpoints that are whole or absent, and the ring of those a run may fall back to.

A checkpoint is written under `saving/`, sealed (training.run.sealed) and then given its name, so a process killed at any
moment of a save leaves nothing that looks like a checkpoint; the next save clears it. A `checkpoint-N` that is not whole
was damaged afterwards: it is never used and never removed, only set aside when its place is needed.
`stable.json` says that the steps after the checkpoint were clean. A checkpoint belongs to one history of the stream:
it can be resumed only while no later event changed what had been served before it (see `resumable`).
"""

import json
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RunError
from gristmill.training.data.files import set_aside, to_disk, write_whole
from gristmill.training.data.history import History
from gristmill.training.run.sealed import fault, read_seal, seal

STABLE, STATE = "stable.json", "gristmill.json"
PREFIX, SAVING = "checkpoint-", "saving"
_FACTS = {"step": int, "position": int, "plan_id": str, "head": str}


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: after `step` updates, `position` sequences served under the history that ends in `head`."""

    folder: Path
    step: int
    position: int
    plan_id: str
    head: str
    stable: bool

    def state(self) -> dict[str, Any]:
        """What the run stored beside weights and optimizer."""
        return json.loads((self.folder / STATE).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class UnusableCheckpoint:
    """A `checkpoint-N` folder that a run cannot go on from, and why."""

    folder: Path
    step: int
    fault: str

    def __str__(self) -> str:
        return f"{self.folder.name}: {self.fault}"


def survey(root: Path) -> list[Checkpoint | UnusableCheckpoint]:
    """Every checkpoint folder under `root`, oldest first, by names and sizes of its files; no file is read whole."""
    found = [_examined(folder) for folder in root.glob(PREFIX + "*") if _step_of(folder) is not None]
    return sorted(found, key=lambda one: one.step)


def complete(root: Path) -> list[Checkpoint]:
    """Every complete checkpoint under `root`, oldest first. One whose files are missing or short is not complete."""
    return [one for one in survey(root) if isinstance(one, Checkpoint)]


def _step_of(folder: Path) -> int | None:
    number = folder.name.removeprefix(PREFIX)
    return int(number) if number.isascii() and number.isdigit() and folder.is_dir() else None


def _examined(folder: Path) -> Checkpoint | UnusableCheckpoint:
    step = _step_of(folder) or 0
    problem = fault(folder, checksums=False)
    record = read_seal(folder) or {}
    if problem is None and not all(isinstance(record.get(name), kind) for name, kind in _FACTS.items()):
        problem = "its seal is not that of a checkpoint"
    if problem is None and record["step"] != step:
        problem = f"it was written as {PREFIX}{record['step']}"
    if problem is not None:
        return UnusableCheckpoint(folder, step, problem)
    return Checkpoint(folder, stable=(folder / STABLE).exists(), **{name: record[name] for name in _FACTS})


def verified(checkpoint: Checkpoint) -> Checkpoint | UnusableCheckpoint:
    """The checkpoint, once every byte of it was found to be as written; else what is wrong with it."""
    problem = fault(checkpoint.folder)
    return UnusableCheckpoint(checkpoint.folder, checkpoint.step, problem) if problem else checkpoint


def resumable(checkpoints: Iterable[Checkpoint], history: History) -> list[Checkpoint]:
    """Those whose past the history still agrees with: nothing recorded since changed what had been served before."""
    found = []
    for one in checkpoints:
        try:
            history.check({"plan_id": one.plan_id, "head": one.head, "position": one.position})
        except RunError:
            continue
        found.append(one)
    return found


def newest_whole(candidates: Iterable[Checkpoint]) -> tuple[Checkpoint | None, list[UnusableCheckpoint]]:
    """(the newest of the candidates that is as it was written, the newer ones that are not)."""
    passed_over: list[UnusableCheckpoint] = []
    for one in sorted(candidates, key=lambda one: one.step, reverse=True):
        found = verified(one)
        if isinstance(found, Checkpoint):
            return found, passed_over
        passed_over.append(found)
    return None, passed_over


def begin(root: Path, step: int) -> Path:
    """An empty folder in which the checkpoint of `step` is written; what a killed save left is removed."""
    abandon_save(root)
    folder = root / SAVING / f"{PREFIX}{step}"
    folder.mkdir(parents=True)
    return folder


def abandon_save(root: Path) -> None:
    """Remove what an interrupted save wrote."""
    shutil.rmtree(root / SAVING, ignore_errors=True)


def finish(folder: Path, *, step: int, position: int, plan_id: str, head: str) -> Path:
    """Seal the checkpoint once its files are on disk, and give it its name; returns the finished folder.

    A folder that has the name already is no checkpoint of this run's present: it is set aside.
    """
    seal(folder, {"step": step, "position": position, "plan_id": plan_id, "head": head})
    root = folder.parent.parent
    final = root / folder.name
    if final.exists():
        set_aside(final)
    os.rename(folder, final)
    to_disk(root)
    abandon_save(root)
    return final


def mark_stable(root: Path, up_to_step: int) -> None:
    """Every complete checkpoint of `up_to_step` or before is stable."""
    for one in complete(root):
        if one.step <= up_to_step and not one.stable:
            write_whole(one.folder / STABLE, "{}")


def prune(root: Path, keep_stable: int, keep_last: int = 1, keep_steps: Collection[int] = ()) -> None:
    """Keep the last `keep_stable` stable checkpoints, everything younger than the last of them, the last `keep_last`
    of all (what an average of checkpoints is made of), and those of `keep_steps`."""
    checkpoints = complete(root)
    stable = [one.step for one in checkpoints if one.stable]
    kept = {*stable[-keep_stable:], *(one.step for one in checkpoints[-keep_last:]), *keep_steps}
    for one in checkpoints:
        if stable and one.step < stable[-1] and one.step not in kept:
            _remove(one.folder)


def remove(given_up: Iterable[Checkpoint]) -> None:
    """Remove checkpoints of a branch that was given up."""
    for one in given_up:
        _remove(one.folder)


def _remove(folder: Path) -> None:
    """Remove a checkpoint, which loses its name first: half removed, it is none."""
    saving = folder.parent / SAVING
    saving.mkdir(exist_ok=True)
    os.rename(folder, saving / f"removed-{folder.name}")
    shutil.rmtree(saving)
