"""Processes that tests start: none is left behind, whatever becomes of them."""

import sys
import time
from pathlib import Path

import pytest

from tests.training.processes import LIMIT, finish_together

# writes its own number and that of a process that it starts, then waits for a minute, or fails where it is told to
SCRIPT = """
import os, subprocess, sys, time
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {started.pid}")
os.replace(sys.argv[1] + ".part", sys.argv[1])
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
sys.exit(3) if len(sys.argv) > 3 else time.sleep(60)
"""
COMMAND = [sys.executable, "-S", "-c", SCRIPT]


def is_alive(pid: str) -> bool:
    """Whether a process runs; one that has ended and waits to be asked for its code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left(folder: Path) -> list[str]:
    """The processes named in a folder's files that still run, a while after they were killed."""
    pids = [pid for path in folder.iterdir() for pid in path.read_text().split()]
    deadline = time.monotonic() + 20
    while (alive := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return alive


def test_the_others_end_when_one_fails(tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    with pytest.raises(AssertionError, match=r"exit codes \[None, 3\]"):
        finish_together([([*COMMAND, one, other], {}), ([*COMMAND, other, one, "!"], {})])
    assert len(list(tmp_path.iterdir())) == 2
    assert not left(tmp_path)


def test_all_end_when_their_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "0.3")
    one = str(tmp_path / "one")
    with pytest.raises(AssertionError, match=f"not done after 0.3 seconds; raise the variable {LIMIT}"):
        finish_together([([*COMMAND, one, one], {})])
    assert not left(tmp_path)
