"""Worker processes that check rows, are reused, and are stopped where a row lasts too long.

Rows go to a worker one after the other, a few ahead, and come back in order: the first unanswered row is the one at work. When
it exceeds its time the process is killed, that row is not scored, and the others go to another worker. Memory is bounded: rows
are read only as far ahead as answers may be waited for.
"""

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gristmill.answers.contract import CHECK_SECONDS
from gristmill.answers.registry import checker
from gristmill.answers.verdict import Verdict, not_scored
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.own_process import command_of

START_SECONDS = 60.0  # for a process to start and to import what a kind needs
ROWS_AHEAD = 16  # of a worker: answers of so many rows fit into a pipe
BYTES_AHEAD = 32 << 10  # further rows are sent only while so few bytes wait, so that writing never blocks
MAX_ANSWER_BYTES = 1 << 20


class Row(NamedTuple):
    """A row on its way: its place among the rows, its line, and how long it may last."""

    number: int
    line: bytes
    seconds: float


class Worker:
    """One process, the rows that it has not answered yet, and until when the first of them may take."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            command_of("gristmill.answers.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.rows: deque[Row] = deque()
        self.has_answered = False
        self.deadline = 0.0
        self._read = b""

    def has_room(self, line: bytes) -> bool:
        waiting = sum(len(row.line) for row in self.rows)
        return not self.rows or (len(self.rows) < ROWS_AHEAD and waiting + len(line) <= BYTES_AHEAD)

    def send(self, row: Row) -> None:
        self.rows.append(row)
        if len(self.rows) == 1:
            self._begin()
        with contextlib.suppress(OSError):  # a process that has ended is noticed when it is read from
            assert self.process.stdin is not None
            self.process.stdin.write(row.line)
            self.process.stdin.flush()

    def _begin(self) -> None:
        self.deadline = time.monotonic() + self.rows[0].seconds + (0.0 if self.has_answered else START_SECONDS)

    def answers(self) -> Iterator[tuple[Row, list[Any]]]:
        """What has been answered since the last call; raises EOFError when the process has ended."""
        assert self.process.stdout is not None
        received = os.read(self.process.stdout.fileno(), 1 << 16)
        if not received:
            raise EOFError
        *lines, self._read = (self._read + received).split(b"\n")
        if len(self._read) > MAX_ANSWER_BYTES:
            raise EOFError
        for line in lines:
            row = self.rows.popleft()
            self.has_answered = True
            if self.rows:
                self._begin()
            yield row, json.loads(line)

    def stop(self) -> int:
        """Kill the process with all that it started; its exit status."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return status


_idle: list[Worker] = []  # taken by whoever needs one, brought back without unanswered rows


def _forget_idle() -> None:
    """In a forked process: the workers belong to the process that started them."""
    _idle.clear()


def stop_idle() -> None:
    """Stop every process that waits for rows."""
    while (worker := _idle_worker()) is not None:
        worker.stop()


os.register_at_fork(after_in_child=_forget_idle)
atexit.register(stop_idle)


def _idle_worker() -> Worker | None:
    """One that waits, no longer among them. Several threads ask at once, so whether there is one is found by taking it."""
    try:
        return _idle.pop()
    except IndexError:
        return None


def _take() -> Worker:
    while (worker := _idle_worker()) is not None:
        if worker.process.poll() is None:
            return worker
        worker.stop()
    return Worker()


def _json_value(value: Any) -> Any:
    """What JSON knows no form for: NumPy's scalars and arrays as Python's, all else as text."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    return list(value) if isinstance(value, set | frozenset) else str(value)


def row_line(row: Mapping[str, Any]) -> bytes:
    """A row as the line that a worker reads."""
    return json.dumps(dict(row), default=_json_value).encode("ascii") + b"\n"


def _seconds(row: Mapping[str, Any]) -> float:
    try:
        return checker(row.get("checker", "")).seconds
    except GristmillError:
        return CHECK_SECONDS  # the worker says what is wrong with it


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        yield Row(number, row_line(row), _seconds(row))


def answers_in_processes(rows: Iterable[Mapping[str, Any]], workers: int) -> Iterator[list[Any]]:
    """What worker processes answer (see `worker.answer`), in the order of the rows.

    rows: mappings of what JSON can hold; read as needed. workers: processes at once, at least 1.
    """
    batch = _Batch(_rows(rows), workers)
    try:
        yield from batch.answers()
    finally:
        batch.close()


class _Batch:
    """The rows of one call: those to come, those at work, and answers that wait for an earlier row's."""

    def __init__(self, rows: Iterator[Row], workers: int) -> None:
        self.rows, self.limit = rows, workers
        self.again: deque[Row] = deque()  # of a worker that was stopped
        self.workers: list[Worker] = []
        self.ready: dict[int, list[Any]] = {}
        self.next = self.read = 0
        self.selector = selectors.DefaultSelector()

    def answers(self) -> Iterator[list[Any]]:
        while True:
            self._hand_out()
            while self.next in self.ready:
                yield self.ready.pop(self.next)
                self.next += 1
            if any(worker.rows for worker in self.workers):
                self._wait()
            elif not self._has_row():
                return

    def _has_row(self) -> bool:
        """Whether there is another row to hand out; it is read ahead, not too far."""
        if not self.again and self.read - self.next < 4 * ROWS_AHEAD * self.limit:
            row = next(self.rows, None)
            if row is not None:
                self.read += 1
                self.again.append(row)
        return bool(self.again)

    def _hand_out(self) -> None:
        while self._has_row():
            worker = self._worker_for(self.again[0])
            if worker is None:
                return
            worker.send(self.again.popleft())

    def _worker_for(self, row: Row) -> Worker | None:
        """The worker with the fewest rows that has room; a new one where all have some and more are allowed."""
        fewest = min(self.workers, key=lambda worker: len(worker.rows), default=None)
        if (fewest is None or fewest.rows) and len(self.workers) < self.limit:
            fewest = _take()
            self.workers.append(fewest)
            assert fewest.process.stdout is not None
            self.selector.register(fewest.process.stdout, selectors.EVENT_READ, fewest)
        return fewest if fewest is not None and fewest.has_room(row.line) else None

    def _wait(self) -> None:
        busy = [worker for worker in self.workers if worker.rows]
        left = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
        events = self.selector.select(left + 0.01)
        for key, _ in events:
            worker: Worker = key.data
            try:
                for row, answer in worker.answers():
                    self.ready[row.number] = answer
            except (EOFError, ValueError, OSError):
                self._lost(worker)
        now = time.monotonic()
        for worker in [worker for worker in busy if worker in self.workers and worker.rows and worker.deadline < now]:
            self._lost(worker, timed_out=True)

    def _lost(self, worker: Worker, timed_out: bool = False) -> None:
        """A worker that is stopped or has ended: its first row is not scored, the others are handed out again."""
        self.selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
        self.workers.remove(worker)
        if not timed_out:
            with contextlib.suppress(
                subprocess.TimeoutExpired
            ):  # it has closed its end, and is about to say how it ended
                worker.process.wait(1.0)
        status = worker.stop()
        if not worker.rows:
            return
        row = worker.rows.popleft()
        if timed_out or status == -signal.SIGALRM:
            verdict = not_scored(f"the check lasted longer than {row.seconds:g} s", "time")
        else:
            verdict = not_scored(f"the checker's process ended ({_status_text(status)})", "process")
        self.ready[row.number] = list(verdict)
        self.again.extendleft(reversed(worker.rows))

    def close(self) -> None:
        for worker in self.workers:
            if worker.rows:
                worker.stop()
            else:
                _idle.append(worker)
        self.selector.close()


def _status_text(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"


def check_in_process(spec: dict[str, Any], completion: str, reference: Any) -> Verdict:
    """The verdict of one check in a worker process. spec: the checker as data."""
    row = {"checker": spec, "completion": completion, "reference": reference}
    return Verdict(*next(answers_in_processes([row], 1)))
