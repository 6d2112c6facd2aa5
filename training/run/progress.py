"""How far a run has come, told by whatever of its files is left: log, checkpoints, finished model, launches.

Each of them alone can be lost (deleted, truncated, zeroed). A run has made at least as many steps as any of them tells.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.training.run import checkpoints
from gristmill.training.run.folder import CHECKPOINTS, MODEL, TRAINING, read_training
from gristmill.training.run.logs import last_step
from gristmill.training.run.sealed import read_seal


@dataclass(frozen=True)
class Progress:
    """steps: the most that any file of the run tells of. logged: the last step in the log; saved: the last of which there
    was a checkpoint. 0 where there is none."""

    steps: int
    logged: int
    saved: int

    @property
    def log_is_short(self) -> bool:
        """The log tells of fewer steps than were made."""
        return self.logged < self.steps


def progress(run: Path) -> Progress:
    """How many steps a run folder has seen; no steps where there is no run. RunError where training.json is damaged."""
    logged = last_step(run)
    present = [one.step for one in checkpoints.survey(run / CHECKPOINTS)]
    finished = _finished(run)
    reached = [launch.get("reached", 0) for launch in _launches(run)]
    saved = max([finished, *present, *reached])
    return Progress(max(logged, saved), logged, saved)


def _finished(run: Path) -> int:
    step = (read_seal(run / MODEL) or {}).get("step")
    return step if isinstance(step, int) else 0


def _launches(run: Path) -> list[dict[str, Any]]:
    return read_training(run)["launches"] if (run / TRAINING).exists() else []
