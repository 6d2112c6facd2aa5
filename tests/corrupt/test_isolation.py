"""Records that crash, hang or exhaust a native parser: each is alone with its reason, and the run goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.filters import registry
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.pool import IsolatedPool, WorkerLimits
from gristmill.pipelines.measure import families as measuring
from gristmill.schemas.errors import RunError

from tests.builds import table, write_jsonl, write_recipe

ROOT = str(Path(__file__).parents[2])  # where workers find `tests`
SCHEMA = pa.schema([("characters", pa.int64()), ("process", pa.int64())])


@pytest.fixture(autouse=True)
def _importable_in_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ROOT)


@pytest.fixture
def pool() -> IsolatedPool:
    return IsolatedPool(2, WorkerLimits(seconds=3.0, seconds_per_mib=0.0, memory_bytes=4 << 30))


def batch_of(*texts: str) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def test_every_way_to_fail_isolates_its_record(pool: IsolatedPool) -> None:
    texts = ["fine", "CRASH", "a", "HANG", "bb", "RAISE", "ccc", "MEMORY", "dddd"]
    answer = pool.run("tests.corrupt.crashing:measure", {}, batch_of(*texts), SCHEMA)
    pool.close()
    assert answer.column("characters").to_pylist() == [4, None, 1, None, 2, None, 3, None, 4]
    errors = answer.column("error").to_pylist()
    assert errors[::2] == [None] * 5
    assert errors[1] == "crashed"
    assert errors[3] == "timeout"
    assert errors[5] == "ValueError: cannot parse"
    assert "MemoryError" in errors[7]


def test_the_search_for_a_culprit_gives_smaller_batches_less_time() -> None:
    seconds = [WorkerLimits(seconds=30.0).seconds]
    limits = WorkerLimits(seconds=30.0)
    for _ in range(4):
        limits = limits.halved()
        seconds.append(limits.seconds)
    assert seconds == [30.0, 15.0, 7.5, 5.0, 5.0]
    assert WorkerLimits(seconds=3.0).halved().seconds == 3.0


def test_a_worker_is_kept_between_batches_and_an_empty_batch_needs_none(pool: IsolatedPool) -> None:
    assert pool.run("tests.corrupt.crashing:measure", {}, batch_of(), SCHEMA).num_rows == 0
    first = pool.run("tests.corrupt.crashing:measure", {}, batch_of("x"), SCHEMA)
    second = pool.run("tests.corrupt.crashing:measure", {}, batch_of("y", "z"), SCHEMA)
    pool.close()
    assert set(first.column("process").to_pylist()) == set(second.column("process").to_pylist())
    assert os.getpid() not in first.column("process").to_pylist()


def test_a_worker_answers_by_several_functions_in_turns() -> None:
    only = IsolatedPool(1, WorkerLimits(seconds=10.0, memory_bytes=4 << 30))
    processes = {
        number
        for turn in range(6)
        for number in only.run("tests.corrupt.crashing:measure", {"turn": turn % 3}, batch_of("x"), SCHEMA)
        .column("process")
        .to_pylist()
    }
    only.close()
    assert len(processes) == 1


def test_files_of_the_working_directory_hide_no_module_and_are_found(
    pool: IsolatedPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for who builds in a folder that has a `json.py` of its own, or a folder named as this package."""
    (tmp_path / "gristmill").mkdir()
    for name in ("json.py", "socket.py", "gristmill/__init__.py"):
        (tmp_path / name).write_text("raise ImportError('a file of the user')\n")
    (tmp_path / "own_measure.py").write_text("from tests.corrupt.crashing import measure\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as in a notebook
    for module in ("tests.corrupt.crashing", "own_measure"):
        assert pool.run(f"{module}:measure", {}, batch_of("fine"), SCHEMA).column("characters").to_pylist() == [4]
    pool.close()


def test_a_function_that_cannot_be_imported_stops_the_run(pool: IsolatedPool) -> None:
    with pytest.raises(RunError, match="did not start: ModuleNotFoundError"):
        pool.run("no_such_module:measure", {}, batch_of("x"), SCHEMA)


@pytest.mark.slow
def test_a_build_goes_on_over_records_that_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.FAMILIES, "crashing", "tests.corrupt.crashing:FAMILY")
    impatient = IsolatedPool(2, WorkerLimits(seconds=3.0, seconds_per_mib=0.0))
    monkeypatch.setattr(measuring, "shared_pool", lambda: impatient)
    registry.family.cache_clear()
    texts = ["one", "CRASH here", "three", "HANG here", "five"]
    write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    recipe = write_recipe(
        tmp_path / "recipe.yaml",
        [{"name": "pages", "path": "in.jsonl"}],
        signals={"crashing": {}},
        policy={"rules": [{"name": "short", "signal": "characters", "keep": ">= 1"}]},
        dedup={"exact": None},
    )
    build(str(recipe), tmp_path / "run", console=Console(quiet=True), report=False)
    impatient.close()
    registry.family.cache_clear()
    kept = [row["failed_rules"] for row in table(tmp_path / "run", "decisions").to_pylist()]
    assert kept == [[], ["unmeasured/crashing"], [], ["unmeasured/crashing"], []]
    assert table(tmp_path / "run", "signals/crashing").column("crashing_error").to_pylist() == [
        *(None, "crashed", None, "timeout", None)
    ]


REGISTER = """
import gristmill.filters.registry as registry
registry.FAMILIES["meeting"] = "tests.corrupt.crashing:MEETING"
"""


@pytest.mark.parametrize("engine", ["sail", pytest.param("spark", marks=[pytest.mark.java, pytest.mark.slow])])
def test_isolated_functions_run_in_several_processes_at_once(tmp_path: Path, engine: str) -> None:
    """No process answers before a second one is there too: the build ends with two ids, or without the second fails."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(REGISTER)
    (tmp_path / "meeting").mkdir()
    for number in range(4):
        write_jsonl(tmp_path / f"{number}.jsonl", [{"text": f"document {number} {row}"} for row in range(3)])
    recipe = write_recipe(
        tmp_path / "recipe.yaml",
        [{"name": f"s{number}", "path": f"{number}.jsonl"} for number in range(4)],
        signals={"meeting": {"meeting": str(tmp_path / "meeting")}},
        policy={},
        dedup={"exact": None},
    )
    path = os.pathsep.join([str(tmp_path / "site"), ROOT])
    program = [sys.executable, "-m", "gristmill", "build", str(recipe), "--no-report", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": path, "GRISTMILL_POOL_SIZE": "2", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [*program, "--out", str(tmp_path / "run"), "--engine", engine],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(set(table(tmp_path / "run", "signals/meeting").column("process").to_pylist())) >= 2
