"""Scripts that several processes train by, as torchrun would start them, none of which outlives its test."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LIMIT = "GRISTMILL_TEST_SECONDS"  # of the environment: how long processes that a test starts may take


def seconds_allowed() -> float:
    return float(os.environ.get(LIMIT) or 900)


def two_processes(script: Path) -> None:
    """What torchrun sets up, without its start-up time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    ranks = [common | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in (0, 1)]
    finish_together([([sys.executable, str(script)], variables) for variables in ranks])


def finish_together(commands: Sequence[tuple[Sequence[str], dict[str, str]]]) -> None:
    """Run commands side by side, each with variables of its environment, until all have ended well.

    AssertionError as soon as one has not, or when `seconds_allowed` have passed; whatever they started is killed then.
    """
    limit = seconds_allowed()
    deadline = time.monotonic() + limit
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command, variables in commands:
            started.append(subprocess.Popen(command, env=os.environ | variables, start_new_session=True))
        while any(process.poll() is None for process in started) and not any(process.poll() for process in started):
            assert time.monotonic() < deadline, f"not done after {limit:g} seconds; raise the variable {LIMIT}"
            time.sleep(0.02)
        codes = [process.poll() for process in started]
        assert codes == [0] * len(started), f"exit codes {codes}"
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
