"""The program ends at once, but not before everything is done and said."""

import subprocess
import sys

import pytest

COMMAND = """
import atexit, threading, time
import gristmill.pipelines.cli.main as command_line
from gristmill.__main__ import main

def ends():
    atexit.register(print, "handler")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
    print("command")
    {ending}

command_line.main = ends
main()
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("pass", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no')", 1, "no"),
        ("raise ValueError('unforeseen')", 1, "ValueError: unforeseen"),
    ],
)
def test_threads_end_and_handlers_run_before_the_program_leaves(ending: str, code: int, said: str) -> None:
    done = run("-c", COMMAND.format(ending=ending))
    assert (done.stdout.split(), done.returncode) == (["command", "thread", "handler"], code)
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)


def test_the_module_is_the_program() -> None:
    done = run("-m", "gristmill", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "gristmill" in done.stdout
    assert run("-m", "gristmill", "no-such-command").returncode == 2
