"""Tasks in processes of their own: for work that holds the interpreter lock for much of its time, so that threads would wait
for each other.

Processes are fresh interpreters (never forks), kept until the last task is done: one for each core but one, where this
process works, which has long been started when they are ready. They end with the process that started them, however it
ends; an interrupt is its business alone. What a task raises is raised there.
"""

import ctypes
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.worker import receive, send
from gristmill.schemas.errors import RunError
from gristmill.schemas.own_process import command_of

TASK, DONE, RAISED = range(3)
_DIE_WITH_PARENT = 1  # of Linux's prctl: with the thread that started it, which waits as long as there are tasks


class TaskProcesses:
    """At most `count` processes that run tasks; a context manager, at whose end they are gone. and_here: this process runs
    tasks too.

    Between the two ends of a socket that nobody else holds, tasks and what they raise go as pickles.
    """

    def __init__(self, count: int, *, and_here: bool = False) -> None:
        self._idle: queue.SimpleQueue[_Process | _Here | None] = queue.SimpleQueue()
        self._started: list[_Process] = []
        self._pool_size = max(1, len(os.sched_getaffinity(0)) // (count + and_here))
        if and_here:
            self._idle.put(_Here())
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> "TaskProcesses":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._started:
            process.end()

    def run(self, function: Callable[[Any], int], task: Any) -> int:
        """`function(task)` in one of the processes; waits until one is idle. Safe to call from several threads."""
        process = self._idle.get()
        try:
            if process is None:
                process = _Process(self._pool_size)
                self._started.append(process)
            return process.run(function, task)
        finally:
            self._idle.put(process)


class _Here:
    """A thread of this process."""

    def run(self, function: Callable[[Any], int], task: Any) -> int:
        return function(task)


class _Process:
    def __init__(self, pool_size: int) -> None:
        self._channel, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            command_of("gristmill.pipelines.engine.task_processes", str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=os.environ | {"GRISTMILL_POOL_SIZE": os.environ.get("GRISTMILL_POOL_SIZE", str(pool_size))},
        )
        theirs.close()

    def run(self, function: Callable[[Any], int], task: Any) -> int:
        try:
            send(self._channel, TASK, pickle.dumps((function, task)))
            kind, payload = receive(self._channel)
        except (EOFError, OSError) as error:
            code = self._process.wait()
            raise RunError(
                f"a process that ran tasks ended with {f'signal {-code}' if code < 0 else f'code {code}'}",
                next_step="look for a message of its own above, or for the system's on memory; the same command goes on "
                "from the last finished part",
            ) from error
        answer = pickle.loads(payload)
        if kind == RAISED:
            raise answer
        return int(answer)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._channel.close()


def main() -> None:
    """Run tasks from the socket whose descriptor is the argument, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    os.dup2(2, 1)
    _leave_pandas_out()
    channel = socket.socket(fileno=int(sys.argv[1]))
    while True:
        try:
            _, payload = receive(channel)
        except EOFError:
            return
        function, task = pickle.loads(payload)
        try:
            kind, answer = DONE, pickle.dumps(function(task))
        except BaseException as error:  # the other process stops the run
            kind, answer = RAISED, _pickled(error)
        send(channel, kind, answer)


class _NoPandas:
    """Finds no module, and sees to it that pandas is not found either."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _leave_pandas_out() -> None:
    """Have pyarrow see that there is no pandas: to see whether a list is a column of pandas it would import all of it."""
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([None, "a"])  # a missing value might be one of its own
    finally:
        sys.meta_path.remove(finder)


def _pickled(error: BaseException) -> bytes:
    try:
        answer = pickle.dumps(error)
        pickle.loads(answer)
    except Exception:
        return pickle.dumps(RunError(f"{type(error).__name__}: {error}"))
    return answer
