"""Tasks in processes of their own: what they answer, what they raise, and that they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gristmill.pipelines.engine import warm
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.task_processes import TaskProcesses
from gristmill.pipelines.sources import ingest
from gristmill.schemas.errors import InputError, RunError

from tests.builds import datasets
from tests.builds import digests as digests_of


class OfTwo(Exception):
    """One that cannot be made again of what it says."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def note(task: tuple[Path, str]) -> int:
    """Leave the number of the process in a file; or do what the task says."""
    folder, what = task
    if what == "input":
        raise InputError("a hole", expected="none", where=str(folder), next_step="fill it")
    if what == "two":
        raise OfTwo("this", "that")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    (folder / what).write_text(str(os.getpid()))
    until = time.monotonic() + 60
    while what.startswith("wait") and len(list(folder.glob("wait*"))) < 2:  # so that two processes have one each
        assert time.monotonic() < until, "the other task was never begun"
        time.sleep(0.01)
    print("not among what is sent")
    return len(what)


def running(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_tasks_are_done_here_and_by_processes_that_end_with_the_last(tmp_path: Path) -> None:
    done: list[int] = []
    tasks = [(tmp_path, f"task-{n:02d}") for n in range(20)] + [(tmp_path, f"wait-{n}") for n in range(2)]
    Engine(cores=2).run_tasks(note, tasks, done.append, apart=True)
    assert sorted(done) == [6, 6] + [7] * 20
    others = {int((tmp_path / what).read_text()) for _, what in tasks} - {os.getpid()}
    assert len(others) == 1
    assert len({(tmp_path / f"wait-{n}").read_text() for n in range(2)}) == 2  # one of them here
    assert not any(map(running, others))


def test_an_interrupt_is_the_business_of_the_process_that_started_them(tmp_path: Path) -> None:
    with TaskProcesses(1) as processes:
        assert processes.run(note, (tmp_path, "interrupt")) == 9
    assert int((tmp_path / "interrupt").read_text()) != os.getpid()


def test_a_process_imports_pandas_when_it_is_wanted_and_not_for_lists() -> None:
    loaded = "len([name for name in __import__('sys').modules if name.partition('.')[0] == 'pandas'])"
    with TaskProcesses(1) as processes:
        assert processes.run(eval, "len(__import__('pyarrow').array(['grain', None]))") == 2
        assert processes.run(eval, loaded) == 0
        assert processes.run(eval, "__import__('pandas').Series([1, 2]).sum()") == 3


def test_what_a_task_raises_is_raised_here(tmp_path: Path) -> None:
    with TaskProcesses(1) as processes:
        with pytest.raises(InputError) as raised:
            processes.run(note, (tmp_path, "input"))
        assert (raised.value.found, raised.value.expected) == ("a hole", "none")
        assert str(raised.value) == f"{tmp_path}: a hole; expected none. Next: fill it."
        with pytest.raises(RunError, match="OfTwo: this and that"):
            processes.run(note, (tmp_path, "two"))
        assert processes.run(note, (tmp_path, "later")) == 5
        with pytest.raises(RunError, match="ended with signal 9"):
            processes.run(note, (tmp_path, "die"))


def test_processes_die_with_the_one_that_started_them(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from gristmill.pipelines.engine.task_processes import TaskProcesses; "
        "from tests.engines.test_task_processes import note; processes = TaskProcesses(1); "
        f"processes.run(note, (Path({str(tmp_path)!r}), 'pid')); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    pid, until = int((tmp_path / "pid").read_text()), time.monotonic() + 20
    while running(pid):
        assert time.monotonic() < until, "the process outlives the one that started it"
        time.sleep(0.05)


def test_documents_are_the_same_by_threads_and_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.pipelines.build import build

    data = tmp_path / "data"
    data.mkdir()
    for number in range(3):
        lines = "".join(f'{{"text": "grain {number} {n}"}}\n' for n in range(50))
        (data / f"{number}.jsonl").write_text(lines + "{broken\n")
    monkeypatch.setattr(ingest, "MIN_GROUP_BYTES", 1)  # a task for each file
    recipe = {"name": "n", "sources": [{"name": "s", "path": str(data)}], "policy": {"profiles": []}}
    loaded: list[list[str]] = []
    monkeypatch.setattr("gristmill.pipelines.build.load_kernels", loaded.append)
    found = []
    for name, least in (("threads", 1 << 40), ("processes", 0)):
        monkeypatch.setattr(ingest, "MIN_BYTES_APART", least)
        build(recipe, tmp_path / name, report=False)
        found.append((digests_of(tmp_path / name), datasets(tmp_path / name)["documents"].rows))
    assert found[0] == found[1]
    assert found[0][1] == 153  # three of them quarantined
    assert len(loaded) == 1  # while others read, and only then


def test_kernels_are_loaded_but_those_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(warm, "warm_one", ran.append)
    warm.load_kernels(["signals:language", "signals:fineweb_lines", "text:some_lines", "a.module:function"])
    assert ran == ["signals:fineweb_lines", "text:some_lines", "a.module:function"]
    monkeypatch.undo()
    warm.load_kernels(["text:no_such_version", "gristmill.no_such_module:function"])  # says nothing: its use will
