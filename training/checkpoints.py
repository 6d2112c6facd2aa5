"""Checkpoints that are whole or absent, and the ring of those a run may fall back to.

A checkpoint folder counts once `complete.json` is in it. That file is written last, after everything else has reached
the disk, so a process killed at any moment of a save leaves a folder that nobody reads and the next save removes.
`stable.json` says that the steps after the checkpoint were clean. A checkpoint belongs to one history of the stream:
it can be resumed only while no later event changed what had been served before it (see `resumable`).
"""

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RunError
from gristmill.training.stream.history import History

MARKER, STABLE, STATE = "complete.json", "stable.json", "gristmill.json"
PREFIX = "checkpoint-"


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


def complete(root: Path) -> list[Checkpoint]:
    """Every complete checkpoint under `root`, oldest first. One whose files are missing or short is not complete."""
    found = [_read(folder) for folder in root.glob(PREFIX + "*") if folder.is_dir()]
    return sorted((one for one in found if one is not None), key=lambda one: one.step)


def _read(folder: Path) -> Checkpoint | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in marker["files"].items())
    except (OSError, ValueError):
        return None
    if not whole:
        return None
    names = ("step", "position", "plan_id", "head")
    return Checkpoint(folder, stable=(folder / STABLE).exists(), **{name: marker[name] for name in names})


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


def begin(folder: Path) -> None:
    """Make room for a checkpoint: what a killed save left is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def finish(folder: Path, *, step: int, position: int, plan_id: str, head: str) -> None:
    """Mark the checkpoint complete, once its files and folders are on disk."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        _to_disk(path)
    for path in sorted(path for path in folder.rglob("*") if path.is_dir()):
        _to_disk(path)
    marker = {
        "step": step,
        "position": position,
        "plan_id": plan_id,
        "head": head,
        "files": {str(path.relative_to(folder)): path.stat().st_size for path in files},
    }
    write_whole(folder / MARKER, json.dumps(marker))
    _to_disk(folder.parent)


def mark_stable(root: Path, up_to_step: int) -> None:
    """Every complete checkpoint of `up_to_step` or before is stable."""
    for one in complete(root):
        if one.step <= up_to_step and not one.stable:
            write_whole(one.folder / STABLE, "{}")


def prune(root: Path, keep_stable: int, keep_last: int = 1) -> None:
    """Keep the last `keep_stable` stable checkpoints, everything younger than the last of them, and the last
    `keep_last` of all (what an average of checkpoints is made of)."""
    checkpoints = complete(root)
    stable = [one.step for one in checkpoints if one.stable]
    kept = {*stable[-keep_stable:], *(one.step for one in checkpoints[-keep_last:])}
    for one in checkpoints:
        if stable and one.step < stable[-1] and one.step not in kept:
            _remove(one.folder)


def drop_after(root: Path, step: int) -> None:
    """Remove every checkpoint of a later step: it belongs to a branch that was given up."""
    for folder in root.glob(PREFIX + "*"):
        if folder.name.removeprefix(PREFIX).isdigit() and int(folder.name.removeprefix(PREFIX)) > step:
            _remove(folder)


def _remove(folder: Path) -> None:
    (folder / MARKER).unlink(missing_ok=True)  # first: a half-removed checkpoint is not complete
    shutil.rmtree(folder)


def write_whole(path: Path, content: str) -> None:
    """The file has either its old content or all of the new one."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
