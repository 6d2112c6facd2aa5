"""Isolation pool: code that holds the GIL, may crash or may hang runs in worker processes, one batch at a time.

Workers are fresh interpreters (never forks). A batch whose worker dies, hangs or raises is halved until the culprit
record is alone; that record comes back with nulls and the reason in the column `error`, the others with their values.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.worker import FAILURE, FUNCTION, decode, encode, receive, send
from gristmill.schemas.errors import RunError
from gristmill.schemas.own_process import command_of

ERROR_COLUMN = "error"
START_SECONDS = 120.0
LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerLimits:
    """Time for a batch: `seconds` plus `seconds_per_mib`; memory of a worker in bytes (0: unlimited)."""

    seconds: float = 30.0
    seconds_per_mib: float = 20.0
    memory_bytes: int = 6 << 30

    def for_batch(self, batch: pa.RecordBatch) -> float:
        return self.seconds + self.seconds_per_mib * batch.nbytes / (1 << 20)

    def halved(self) -> "WorkerLimits":
        """For half of a batch, so that finding one record that hangs among thousands takes minutes, not an hour."""
        return replace(self, seconds=max(self.seconds / 2, min(self.seconds, LEAST_SECONDS)))


class WorkerFailure(Exception):
    """A batch was not answered; the argument says why (`crashed`, `timeout`, or the exception)."""


class _Worker:
    """A process, and the function with its configuration (`key`) that it answers by."""

    def __init__(self, limits: WorkerLimits) -> None:
        self.key: tuple[str, str] | None = None
        self.channel, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            command_of("gristmill.pipelines.engine.worker", str(theirs.fileno()), str(limits.memory_bytes)),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()

    def turn_to(self, key: tuple[str, str]) -> None:
        """Have it answer by another function; what it loaded for the earlier ones stays. RunError when it cannot."""
        if key == self.key:
            return
        self.channel.settimeout(START_SECONDS)
        try:
            function, config = key
            send(self.channel, FUNCTION, json.dumps([function, json.loads(config)]).encode())
            kind, payload = receive(self.channel)
        except (TimeoutError, EOFError, OSError) as error:
            self.kill()
            raise RunError(
                f"a worker process for {key[0]} did not start ({type(error).__name__})",
                next_step="its own message is above; `gristmill doctor` checks the installation",
            ) from error
        if kind == FAILURE:
            self.kill()
            raise RunError(f"a worker process for {key[0]} did not start: {payload.decode('utf-8', 'replace')}")
        self.key = key

    def ask(self, batch: pa.RecordBatch, seconds: float) -> pa.RecordBatch:
        self.channel.settimeout(seconds)
        try:
            send(self.channel, 0, encode(batch))
            kind, payload = receive(self.channel)
        except TimeoutError:
            self.kill()
            raise WorkerFailure("timeout") from None
        except (EOFError, OSError):
            self.kill()
            raise WorkerFailure("crashed") from None
        if kind == FAILURE:
            raise WorkerFailure(payload.decode("utf-8", "replace"))
        return decode(payload)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()


class IsolatedPool:
    """At most `size` worker processes at once, kept between batches; safe to call from several threads."""

    def __init__(self, size: int | None = None, limits: WorkerLimits | None = None) -> None:
        self.size = size or int(os.environ.get("GRISTMILL_POOL_SIZE", 0)) or len(os.sched_getaffinity(0))
        self.limits = limits or WorkerLimits()
        self._slots = threading.BoundedSemaphore(self.size)
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    def run(
        self,
        function: str,
        config: Mapping[str, Any],
        batch: pa.RecordBatch,
        schema: pa.Schema,
        limits: WorkerLimits | None = None,
    ) -> pa.RecordBatch:
        """`module:function(batch, config)` over `batch`, row by row the same order.

        Returns the columns of `schema` plus `error` (null where the record was measured).
        """
        limits = limits or self.limits
        key = (function, json.dumps(dict(config), sort_keys=True))
        full = schema.append(pa.field(ERROR_COLUMN, pa.large_string()))
        with self._slots:
            pieces = list(self._solve(key, batch, full, limits))
        table = pa.Table.from_batches(pieces, full).combine_chunks()
        return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], full)

    def _solve(
        self, key: tuple[str, str], batch: pa.RecordBatch, full: pa.Schema, limits: WorkerLimits
    ) -> list[pa.RecordBatch]:
        if not batch.num_rows:
            return []
        try:
            answer = self._ask(key, batch, limits)
        except WorkerFailure as failure:
            if batch.num_rows == 1:
                row = dict.fromkeys(full.names) | {ERROR_COLUMN: str(failure)}
                return [pa.RecordBatch.from_pylist([row], full)]
            half = batch.num_rows // 2
            limits = limits.halved()
            first = self._solve(key, batch.slice(0, half), full, limits)
            return first + self._solve(key, batch.slice(half), full, limits)
        errors = pa.nulls(answer.num_rows, pa.large_string())
        columns = [column.cast(field.type) for column, field in zip(answer.columns, list(full)[:-1], strict=True)]
        return [pa.RecordBatch.from_arrays([*columns, errors], schema=full)]

    def _ask(self, key: tuple[str, str], batch: pa.RecordBatch, limits: WorkerLimits) -> pa.RecordBatch:
        worker = self._borrow(key, limits)
        try:
            answer = worker.ask(batch, limits.for_batch(batch))
        finally:
            if worker.alive:
                with self._lock:
                    self._idle.append(worker)
        if answer.num_rows != batch.num_rows:
            raise WorkerFailure(f"answered {answer.num_rows} rows for {batch.num_rows}")
        return answer

    def _borrow(self, key: tuple[str, str], limits: WorkerLimits) -> _Worker:
        """An idle worker, first one that has answered by this function; else a new one."""
        with self._lock:
            idle = next((worker for worker in self._idle if worker.key == key), None) or next(iter(self._idle), None)
            if idle:
                self._idle.remove(idle)
        worker = idle or _Worker(limits)
        worker.turn_to(key)
        return worker

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()


_shared: IsolatedPool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> IsolatedPool:
    """The pool of this process: all cores for the embedded engine, one worker in each Python worker of Spark."""
    global _shared
    with _shared_lock:
        if _shared is None:
            in_spark_worker = "SPARK_ENV_LOADED" in os.environ or "pyspark.daemon" in sys.modules
            _shared = IsolatedPool(size=1 if in_spark_worker else None)
            atexit.register(_shared.close)
        return _shared
