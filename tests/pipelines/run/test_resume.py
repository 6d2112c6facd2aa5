"""Interrupted, repeated, edited and concurrent builds: nothing is lost, nothing finished is done again."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.lock import run_lock
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError

from tests.builds import COLUMNS, POLICY, build_process, command, datasets, digests, rows, write_jsonl, write_recipe

FILES = 6


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six sources, so that every stage has several units."""
    folder = tmp_path_factory.mktemp("resume")
    entries = rows(240)
    sources = []
    for number in range(FILES):
        write_jsonl(folder / f"{number}.jsonl", entries[number::FILES])
        sources.append({"name": f"s{number}", "path": f"{number}.jsonl", "columns": COLUMNS})
    return write_recipe(folder / "recipe.yaml", sources)


@pytest.fixture(scope="module")
def uninterrupted(recipe: Path) -> dict[str, str]:
    out = recipe.parent / "whole"
    done = build_process(recipe, out)
    assert done.returncode == 0, done.stderr
    return digests(out)


def start(recipe: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(recipe, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def kill_when(process: subprocess.Popen[bytes], out: Path, units: int) -> None:
    """`kill -9` as soon as `units` markers lie in the run folder."""
    while process.poll() is None and sum(1 for _ in out.glob("**/units/*.json")) < units:
        time.sleep(0.002)
    process.kill()
    process.wait()


def finished_stages(out: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("manifest.json") if path.parent != out
    }


def assert_goes_on(recipe: Path, out: Path, expected: dict[str, str]) -> None:
    """The same command finishes the run, does no finished stage again, and leaves no file that nothing names."""
    before = finished_stages(out)
    done = build_process(recipe, out)
    assert done.returncode == 0, done.stderr
    assert digests(out) == expected
    after = finished_stages(out)
    assert {path: after[path] for path in before} == before
    for folder, manifest in datasets(out).items():
        named = {part.path for part in manifest.parts}
        assert {path.relative_to(out).as_posix() for path in (out / folder / "data").glob("*")} == named
    assert not (out / layout.LOCK).exists()


@pytest.mark.parametrize(
    "units", [3 * FILES, *(pytest.param(units, marks=pytest.mark.slow) for units in (1, FILES, 7 * FILES))]
)
def test_killed_after_some_units(recipe: Path, tmp_path: Path, uninterrupted: dict[str, str], units: int) -> None:
    kill_when(start(recipe, tmp_path / "run"), tmp_path / "run", units)
    assert_goes_on(recipe, tmp_path / "run", uninterrupted)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_killed_at_any_moment(recipe: Path, tmp_path: Path, uninterrupted: dict[str, str]) -> None:
    """Forty kills at random moments of one run after another, several kills of the same run among them."""
    dice = random.Random(2024)
    for number in range(20):
        out = tmp_path / f"run{number}"
        for _ in range(dice.randint(1, 3)):
            process = start(recipe, out)
            time.sleep(dice.uniform(0.3, 6.0))
            process.kill()
            process.wait()
        assert_goes_on(recipe, out, uninterrupted)


def test_a_second_run_does_nothing(recipe: Path, uninterrupted: dict[str, str]) -> None:
    out = recipe.parent / "whole"
    before = finished_stages(out)
    done = build_process(recipe, out)
    assert done.returncode == 0, done.stderr
    assert finished_stages(out) == before
    assert done.stderr.count("up to date") == 5
    assert digests(out) == uninterrupted


def test_an_edited_threshold_redoes_the_decisions_and_the_corpus(
    recipe: Path, tmp_path: Path, uninterrupted: dict[str, str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(recipe.parent / "whole", out)
    before = finished_stages(out)
    text = recipe.read_text().replace(">= 12", ">= 20")
    edited = recipe.with_name("edited.yaml")
    edited.write_text(text)
    assert build_process(edited, out).returncode == 0
    changed = {
        path.parent.relative_to(out).parts[0] for path, seen in finished_stages(out).items() if before[path] != seen
    }
    assert changed == {"decisions", "corpus", "edits"}
    assert digests(out)["decisions"] != uninterrupted["decisions"]


def test_an_interrupt_from_the_keyboard(recipe: Path, tmp_path: Path, uninterrupted: dict[str, str]) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(recipe, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while process.poll() is None and not list(out.glob("documents/units/*.json")):
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"finished work is kept" in error
    assert b"Traceback" not in error
    assert_goes_on(recipe, out, uninterrupted)


def test_two_runs_into_one_folder(recipe: Path, tmp_path: Path, uninterrupted: dict[str, str]) -> None:
    out = tmp_path / "run"
    first = start(recipe, out)
    while not (out / layout.LOCK).exists():
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGSTOP)
    second = build_process(recipe, out)
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(120) == 0
    assert second.returncode == 5
    assert f"another run is writing here (process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert digests(out) == uninterrupted


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with run_lock(storage):
        owner = storage.read_json(layout.LOCK)
    ended = subprocess.Popen(["true"])
    ended.wait()
    zombie = subprocess.Popen(["true"])
    while Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    started = Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[19]
    stale = [
        owner | {"pid": ended.pid},
        owner | {"started": "1"},  # the number of a dead process given to another one
        owner | {"boot": "before the machine restarted"},
        owner | {"pid": zombie.pid, "started": started},
        owner | {"host": "elsewhere", "refreshed": time.time() - 500},
    ]
    for left in stale:
        storage.write_json(layout.LOCK, left)
        with run_lock(storage):
            assert storage.read_json(layout.LOCK)["pid"] == os.getpid()
    zombie.wait()
    (tmp_path / layout.LOCK).write_bytes(b"")  # cut short by a power failure
    with run_lock(storage):
        pass


def test_a_live_lock_is_respected(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with run_lock(storage):
        with pytest.raises(RunError, match="another run is writing here"), run_lock(storage):
            pass
        storage.write_json(
            layout.LOCK, storage.read_json(layout.LOCK) | {"host": "elsewhere", "refreshed": time.time() - 5}
        )
        with pytest.raises(RunError, match="on elsewhere, seen 5 s ago"), run_lock(storage):
            pass


def test_a_kill_while_the_folder_is_claimed(recipe: Path, tmp_path: Path) -> None:
    """The temporary file of an interrupted start is no foreign content."""
    out = tmp_path / "run"
    out.mkdir()
    (out / "gristmill-run.json.0badcafe.tmp").write_bytes(b"")
    (out / f"{layout.LOCK}.0badcafe.tmp").write_bytes(b"{")
    done = build_process(recipe, out)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_marker_whose_writing_was_interrupted_is_no_unit(
    recipe: Path, tmp_path: Path, uninterrupted: dict[str, str]
) -> None:
    out = tmp_path / "run"
    kill_when(start(recipe, out), out, 2)
    (out / "documents" / "units" / "s000-000000.json.0badcafe.tmp").write_bytes(b'{"key"')
    (out / "documents" / "data" / "orphan.parquet").write_bytes(b"PAR1")
    done = build_process(recipe, out)
    assert done.returncode == 0, done.stderr
    assert digests(out) == uninterrupted
    assert not (out / "documents" / "data" / "orphan.parquet").exists()


@pytest.mark.slow
def test_the_summary_goes_before_the_stages_it_speaks_of(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert build_process(recipe, out).returncode == 0
    edited = recipe.with_name("killed.yaml")
    edited.write_text(recipe.read_text().replace(">= 12", ">= 30"))
    process = start(edited, out)
    while process.poll() is None and (out / "decisions" / "manifest.json").exists():
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not (out / "manifest.json").exists()
    assert build_process(edited, out).returncode == 0
    summary = json.loads((out / "manifest.json").read_text())
    assert summary["recipe"]["policy"]["thresholds"] == {"gopher@dolma/few_words": ">= 30"}
    assert POLICY["thresholds"] == {"gopher@dolma/few_words": ">= 12"}
