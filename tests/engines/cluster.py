"""A Spark standalone cluster on the loopback address: a master and two workers from the pip package's classes."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark

LOOPBACK = "127.0.0.1"
LOOPBACK_ENVIRONMENT = {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_LOCAL_HOSTNAME": LOOPBACK}
START_SECONDS = 90.0


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    return os.path.join(home, "bin", "java") if home else shutil.which("java") or "java"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def standalone_cluster(folder: Path) -> Iterator[str]:
    """The master's URL; every process is gone afterwards, the executors with their workers."""
    home = Path(pyspark.__file__).parent
    port = free_port()
    url = f"spark://{LOOPBACK}:{port}"
    deploy = "org.apache.spark.deploy"
    master = [f"{deploy}.master.Master", "--host", LOOPBACK, "--port", str(port), "--webui-port", str(free_port())]
    worker = [f"{deploy}.worker.Worker", url, "--host", LOOPBACK, "--cores", "1", "--memory", "1g"]
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "cluster.log").open("wb"))
        for number, arguments in enumerate([master, worker, worker]):
            own = [] if number == 0 else ["--webui-port", str(free_port()), "--work-dir", str(folder / f"work{number}")]
            process = subprocess.Popen(
                [java(), "-Xmx512m", "-cp", str(home / "jars" / "*"), *arguments, *own],
                env={**os.environ, **LOOPBACK_ENVIRONMENT, "SPARK_HOME": str(home), "SPARK_SCALA_VERSION": "2.13"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            stack.callback(_end, process)
            if number == 0:
                _await_port(port)
        _await_workers(folder / "cluster.log", 2)
        yield url


def _end(process: subprocess.Popen[bytes]) -> None:
    """A worker that is told to stop takes its executors along; a second later nobody is asked any more."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError("the master did not start")


def _await_workers(log: Path, count: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while log.read_text(errors="replace").count("Successfully registered with master") < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the workers did not register:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
