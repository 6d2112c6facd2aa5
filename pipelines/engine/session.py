"""Engines: tasks over files, and DataFrames for what needs a shuffle; nothing else knows which engine runs.

`sail` (default): tasks are threads of this process, or processes where that is worth it, and DataFrames run on Sail,
embedded, started on first use.
`spark`: tasks and DataFrames run on Apache Spark through Spark Connect: local, `--master URL`, or an `sc://` endpoint.
"""

import contextlib
import math
import os
import socket
import sys
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa
from gristmill.pipelines.engine.failures import SAIL_MEMORY
from gristmill.pipelines.engine.memory import available_memory_bytes
from gristmill.pipelines.engine.task_processes import TaskProcesses
from gristmill.schemas.errors import RunError

SESSION_SECONDS = 30 * 24 * 3600  # for which a session may be idle
SAIL_BYTES_A_PARTITION = 3 << 28  # of memory for a shuffle; what does not fit waits in temporary files
FILES_A_SCAN = 256  # at least: a process may often open 1,024 files
TASKS_A_JOB = 4096  # of Spark: they travel inside the plan, which has a largest size

_OWN_SETTINGS: dict[str, str] = {}  # of Sail, by an earlier engine of this process

Task = Any
Progress = Callable[[int], None]


@dataclass
class Engine:
    """A started or startable engine. It stops at the end of its `with`, by `stop`, or with the last reference to it.

    name: "sail" | "spark". master: `local[2]`, `spark://host:7077`, `yarn`, `k8s://...` or `sc://host:port`.
    partitions: how many tasks run as separate jobs and how many partitions shuffles have; None: the engine's own choice.
    """

    name: str = "sail"
    master: str | None = None
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    partitions: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    _spark: Any = None
    _server: Any = None
    _ending: Any = None

    @property
    def spark(self) -> Any:
        """The Spark Connect session, started on first use."""
        if self._spark is None:
            self._spark = self._start_sail() if self.name == "sail" else self._start_spark()
            self._ending = weakref.finalize(self, _end, self.name, self._spark, self._server)
            for key, value in self._session_options().items():
                self._spark.conf.set(key, value)
        return self._spark

    def _session_options(self) -> dict[str, str]:
        partitions = self.partitions or self.cores * (1 if self.name == "sail" else 2)
        settings = {
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.sql.execution.arrow.useLargeVarTypes": "true",
        }
        if self.name == "spark" and not (self.master or "").startswith("sc://"):
            settings["spark.sql.shuffle.partitions"] = str(partitions)
            settings["spark.sql.execution.arrow.maxRecordsPerBatch"] = "8192"
        return settings

    def _start_sail(self) -> Any:
        os.environ.setdefault("RUST_LOG", "error")
        for name, value in {**self._sail_memory(), **_sail_store()}.items():
            if os.environ.get(name) == _OWN_SETTINGS.get(name):  # not set from outside
                os.environ[name] = _OWN_SETTINGS[name] = value
        os.environ["SAIL_EXECUTION__DEFAULT_PARALLELISM"] = str(self._sail_partitions)
        # Sail forgets a session after 15 idle minutes, but reading and measuring run between DataFrames for hours.
        os.environ["SAIL_SPARK__SESSION_TIMEOUT_SECS"] = str(SESSION_SECONDS)
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self._server = SparkConnectServer(port=0)
        self._server.start(background=True)
        _, port = self._server.listening_address
        with _without("SPARK_CONNECT_AUTHENTICATE_TOKEN"):
            return SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()

    @property
    def _sail_partitions(self) -> int:
        """At least two: in a plan of one partition Sail joins by a hash table that cannot leave memory."""
        return max(2, self.partitions or self.cores)

    def _sail_memory(self) -> dict[str, str]:
        """Settings that bound what Sail's shuffles, sorts, groups and joins hold in memory; those of the environment win.

        A shuffle of any size then takes that much memory; without them it would take as much as its rows.
        """
        most = max(SAIL_BYTES_A_PARTITION, available_memory_bytes() // 2)
        return {
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            SAIL_MEMORY: str(min(most, SAIL_BYTES_A_PARTITION * self._sail_partitions)),
            "SAIL_RUNTIME__TEMPORARY_FILES__MAX_SIZE": str(1 << 50),  # the disk's own limit counts
            "SAIL_OPTIMIZER__PREFER_HASH_JOIN": "false",  # a join by sorting can wait in files, one by a hash table cannot
        }

    def _start_spark(self) -> Any:
        os.environ["PYSPARK_PYTHON"] = os.environ.get("PYSPARK_PYTHON", sys.executable)
        from pyspark.sql import SparkSession

        if self.master and self.master.startswith("sc://"):
            return SparkSession.builder.remote(self.master).create()
        settings = {
            "spark.api.mode": "connect",
            "spark.driver.memory": "2g",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
            "spark.connect.session.manager.defaultSessionTimeout": f"{SESSION_SECONDS}s",
            "spark.sql.warehouse.dir": os.path.join(os.environ.get("TMPDIR", "/tmp"), "gristmill-warehouse"),
            **self.options,
        }
        builder = SparkSession.builder.master(self.master or f"local[{self.cores}]").appName("gristmill")
        for key, value in settings.items():
            builder = builder.config(key, value)
        try:
            with _own_connect_port(builder), _no_other_session(), warnings.catch_warnings():
                # the builder tries to set the server's static settings a second time on the session it just started
                warnings.filterwarnings("ignore", message="Failed to set spark")
                return builder.getOrCreate()
        except Exception as error:
            raise RunError(
                f"Spark did not start: {_cause(error)}",
                where=self.master or "local Spark",
                expected="Java 17 on the PATH (or JAVA_HOME) and a reachable master",
                next_step="run `gristmill doctor`, or use the default engine (`--engine sail`), which needs no Java",
            ) from error

    @property
    def tasks_are_remote(self) -> bool:
        return self.name == "spark"

    def run_tasks(
        self,
        function: Callable[[Task], int],
        tasks: Sequence[Task],
        progress: Progress | None = None,
        *,
        apart: bool = False,
    ) -> None:
        """Run `function(task) -> amount done` for every task, in any order; the first error stops the run.

        Results belong in storage (see `run.units.UnitWriter`). Tasks must be picklable for the Spark engine and
        `function` importable by name on its executors. apart: they are long, and hold the interpreter lock for much of
        their time, so that processes are worth their start of about a second; then the same holds for the embedded engine.
        """
        if not tasks:
            return
        if self.tasks_are_remote:
            self._run_on_spark(function, tasks, progress)
            return
        count = min(self.cores, self.partitions or self.cores, len(tasks))
        if apart and count > 1:
            with TaskProcesses(count - 1, and_here=True) as processes:
                _run_in_threads(partial(processes.run, function), tasks, count, progress)
        else:
            _run_in_threads(function, tasks, count, progress)

    def _run_on_spark(self, function: Callable[[Task], int], tasks: Sequence[Task], progress: Progress | None) -> None:
        partitions = self.partitions or max(64, 4 * self.cores)
        step = max(TASKS_A_JOB, 8 * partitions)
        for first in range(0, len(tasks), step):
            self._run_job(function, tasks[first : first + step], partitions, progress)

    def _run_job(
        self, function: Callable[[Task], int], tasks: Sequence[Task], partitions: int, progress: Progress | None
    ) -> None:
        jobs = min(len(tasks), partitions)

        def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for job in batch.column(0).to_pylist():
                    for task in tasks[job::jobs]:
                        yield pa.record_batch({"done": pa.array([function(task)], pa.int64())})

        frame = self.spark.range(0, jobs, 1, numPartitions=jobs).mapInArrow(work, "done long")
        for batch in frame.toLocalIterator():
            if progress:
                progress(batch["done"])

    def read(self, paths: Sequence[str], columns: Sequence[str] | None = None) -> Any:
        """A DataFrame over exactly these Parquet files (engine paths), which have one schema."""
        own_paths = [self._own_path(path) for path in paths]
        frame = self.spark.read.parquet(*own_paths) if self.name == "spark" else self._scans(own_paths)
        if self.partitions:
            frame = frame.repartition(self.partitions)
        return frame.select(*columns) if columns else frame

    def _scans(self, paths: Sequence[str]) -> Any:
        """The union of several scans: Sail opens all files of a scan at once when it plans it, and one file of each
        partition of each scan when it runs."""
        size = max(FILES_A_SCAN, math.isqrt(self._sail_partitions * len(paths)))
        frames = [self.spark.read.parquet(*paths[first : first + size]) for first in range(0, len(paths), size)]
        while len(frames) > 1:  # in pairs, so that the plan is as deep as their logarithm
            frames = [
                frames[at].unionAll(frames[at + 1]) if at + 1 < len(frames) else frames[at]
                for at in range(0, len(frames), 2)
            ]
        return frames[0]

    def _own_path(self, path: str) -> str:
        """fsspec's spelling of a URL as this engine spells it: Hadoop reads S3 through `s3a://`."""
        return "s3a://" + path.removeprefix("s3://") if self.name == "spark" and path.startswith("s3://") else path

    def stop(self) -> None:
        """End the session, and the server where it is this engine's; the next use starts another."""
        if self._ending is not None:
            self._ending()
        self._spark = self._server = self._ending = None

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextlib.contextmanager
def running(engine: Engine | None) -> Iterator[Engine]:
    """The engine that a caller gave, which goes on running; one for this block alone where none was given."""
    if engine is not None:
        yield engine
        return
    with Engine() as own:
        yield own


def _end(name: str, spark: Any, server: Any) -> None:
    with contextlib.nullcontext() if name == "spark" else _without("SPARK_LOCAL_REMOTE"):
        spark.stop()
    if server is not None:
        server.stop()


def _sail_store() -> dict[str, str]:
    """How Sail reaches the S3 service that s3fs reaches by AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_S3."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return {}
    return {"AWS_ENDPOINT": endpoint, **({"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http://") else {})}


@contextlib.contextmanager
def _without(variable: str) -> Iterator[None]:
    """Hide an environment variable that a Spark session of this process left, from an embedded one.

    With SPARK_CONNECT_AUTHENTICATE_TOKEN pyspark's client would speak TLS to Sail's plain-text server and wait for ever;
    with SPARK_LOCAL_REMOTE the end of an embedded session would stop the local Spark beside it.
    """
    value = os.environ.pop(variable, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[variable] = value


@contextlib.contextmanager
def _no_other_session() -> Iterator[None]:
    """Have pyspark's builder make a session; it would return, and then stop, the open one of another engine."""
    from pyspark.sql.connect.session import SparkSession

    active, default = getattr(SparkSession._active_session, "session", None), SparkSession._default_session
    SparkSession._active_session.session, SparkSession._default_session = None, None
    try:
        yield
    finally:
        if active is not None:
            SparkSession._active_session.session = active
        if default is not None:
            SparkSession._default_session = default


@contextlib.contextmanager
def _own_connect_port(builder: Any) -> Iterator[None]:
    """Have pyspark start its Connect server on a free port of the loopback address.

    Left alone it takes port 15002 of every interface, so that a second build on the machine fails.
    """
    from pyspark.sql.connect.client import DefaultChannelBuilder

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    builder.config("spark.connect.grpc.binding.address", "127.0.0.1")
    builder.config("spark.connect.grpc.binding.port", str(port))
    usual = DefaultChannelBuilder.default_port
    DefaultChannelBuilder.default_port = staticmethod(lambda: port)  # type: ignore[method-assign]
    try:
        yield
    finally:
        DefaultChannelBuilder.default_port = staticmethod(usual)  # type: ignore[method-assign]


def _cause(error: Exception) -> str:
    """The line of an error that says what happened: of a Java error the second."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[1].removeprefix(": ") if len(lines) > 1 and lines[1].startswith(": ") else lines[0]


def _run_in_threads(
    function: Callable[[Task], int], tasks: Sequence[Task], threads: int, progress: Progress | None
) -> None:
    """A shared queue over `threads` threads; kernels and Parquet release the GIL, what does not goes through the pool.

    Few tasks are in the queue at any time, as each look at it costs as much as it holds.
    """
    remaining = iter(tasks)
    with ThreadPoolExecutor(threads, thread_name_prefix="gristmill-task") as executor:
        waiting = {executor.submit(function, task) for task in islice(remaining, 2 * threads)}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    amount = future.result()
                    if progress:
                        progress(amount)
                waiting |= {executor.submit(function, task) for task in islice(remaining, len(done))}
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
