"""The run's log: one JSON line for each step, and the same figures for TensorBoard.

A line names its `branch`, the number of rollbacks before it. When a run resumes, lines after the resumed step are removed:
they will be written again, bit for bit. Lines of a branch that was given up move to `abandoned.jsonl`. A log that is
lost or damaged costs its figures and nothing else.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gristmill.training.data.files import json_lines, keep_copy, whole_file

LOG, ABANDONED, TENSORBOARD = "log.jsonl", "abandoned.jsonl", "tensorboard"
LAST_BYTES = 1 << 18
_NOT_FIGURES = ("step", "branch", "event")
_TEXTS = ("event",)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log that can be read, and of these the figures and texts. NaN and infinities are stored as strings."""
    yield from _figures(json_lines(path))


def last_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The last lines of a log, at least some hundred, as `read` gives them."""
    yield from _figures(json_lines(path, LAST_BYTES))


def _figures(records: Iterable[dict[str, Any] | None]) -> Iterator[dict[str, Any]]:
    for record in records:
        if record is not None and _is_line(record):
            numbers = {key: _number(value) for key, value in record.items()}
            yield {
                key: value
                for key, value in numbers.items()
                if isinstance(value, str if key in _TEXTS else (int, float))
            }


def damaged_lines(path: Path) -> int:
    """How many lines of a log cannot be read; one that a kill interrupted, the last, is not counted."""
    return sum(not _is_line(record) for record in json_lines(path))


def last_step(run: Path) -> int:
    """The last step in a run's log; 0 where it has none that can be read."""
    return max(
        (record["step"] for record in json_lines(run / LOG) if record is not None and _is_line(record)), default=0
    )


def _is_line(record: dict[str, Any] | None) -> bool:
    return record is not None and isinstance(record.get("step"), int) and isinstance(record.get("branch", 0), int)


def _number(value: Any) -> Any:
    return float(value) if value in ("nan", "inf", "-inf") else value


def _plain(value: Any) -> Any:
    """JSON has no NaN: a number that is not finite becomes its name."""
    return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value


def line(record: dict[str, Any]) -> str:
    return json.dumps({key: _plain(value) for key, value in record.items()}) + "\n"


def truncate(run: Path, step: int, branch: int) -> int:
    """The log ends with `step`; later lines of earlier branches are kept as abandoned, others are dropped.

    Returns the number of lines that could not be read. Where there are any, the log as it was found is kept in set-aside/.
    """
    path = run / LOG
    damaged = damaged_lines(path)
    if damaged:
        keep_copy(path)
    given_up = []
    with whole_file(path) as kept:
        for record in json_lines(path):
            if record is None or not _is_line(record):
                continue
            if record["step"] <= step:
                kept.write((json.dumps(record) + "\n").encode())
            elif record.get("branch", 0) < branch:
                given_up.append(json.dumps(record) + "\n")
        if given_up:
            with open(run / ABANDONED, "a", encoding="utf-8") as abandoned:
                abandoned.writelines(given_up)
    return damaged


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
