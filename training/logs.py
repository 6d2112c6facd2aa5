"""The run's log: one JSON line for each step, and the same figures for TensorBoard.

A line names its `branch`, the number of rollbacks before it. When a run resumes, lines after the resumed step are cut:
they will be written again, bit for bit. Lines of a branch that a rollback gave up move to `abandoned.jsonl`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.training.checkpoints import write_whole

LOG, ABANDONED, TENSORBOARD = "log.jsonl", "abandoned.jsonl", "tensorboard"
_NOT_FIGURES = ("step", "branch", "event")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; one torn by a kill is left out. NaN and infinities are stored as strings."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        yield {key: _number(value) for key, value in record.items()}


def _number(value: Any) -> Any:
    return float(value) if value in ("nan", "inf", "-inf") else value


def _plain(value: Any) -> Any:
    """JSON has no NaN: a number that is not finite becomes its name."""
    return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value


def line(record: dict[str, Any]) -> str:
    return json.dumps({key: _plain(value) for key, value in record.items()}) + "\n"


def cut(run: Path, step: int, branch: int) -> None:
    """The log ends with `step`; later lines of earlier branches are kept as abandoned, others are dropped."""
    records = list(read(run / LOG))
    given_up = [record for record in records if record["step"] > step and record["branch"] < branch]
    if given_up:
        with open(run / ABANDONED, "a", encoding="utf-8") as stream:
            stream.writelines(line(record) for record in given_up)
    write_whole(run / LOG, "".join(line(record) for record in records if record["step"] <= step))


class StepLog:
    """Appends to the log from `step` on."""

    def __init__(self, run: Path, step: int, branch: int, tensorboard: bool) -> None:
        self.branch = branch
        self._stream = open(run / LOG, "a", encoding="utf-8")  # noqa: SIM115 (closed by close)
        self._board = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(run / TENSORBOARD), purge_step=step + 1)

    def write(self, step: int, **figures: Any) -> None:
        """One line; it is with the operating system when this returns, so a killed process loses none."""
        self._stream.write(line({"step": step, "branch": self.branch, **figures}))
        self._stream.flush()
        if self._board:
            for name, value in figures.items():
                if name not in _NOT_FIGURES and isinstance(value, (int, float)):
                    self._board.add_scalar(name, value, step)

    def close(self) -> None:
        self._stream.close()
        if self._board:
            self._board.close()
