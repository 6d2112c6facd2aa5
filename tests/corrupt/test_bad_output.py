"""Output folders that cannot be written, hold something else, or run full: one message, its exit code, no traceback."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.failures import explained
from gristmill.schemas.errors import ModelError, RecipeError, RunError

from tests.builds import build_process, digests, rows, write_jsonl, write_recipe

QUIET = Console(quiet=True)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "in.jsonl", rows(60))
    return write_recipe(tmp_path / "recipe.yaml", [{"name": "web", "path": "in.jsonl"}])


def test_below_a_regular_file(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = build_process(recipe, tmp_path / "file" / "run")
    assert done.returncode == 5
    assert "cannot create the folder" in done.stderr
    assert "choose another --out" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_with_something_else(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(RunError, match=r"not empty and is no gristmill run \(found cat.jpg\)"):
        build(str(recipe), tmp_path / "photos", console=QUIET, report=False)
    assert os.listdir(tmp_path / "photos") == ["cat.jpg"]


def test_a_folder_that_is_a_file(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError):
        build(str(recipe), tmp_path / "file", console=QUIET, report=False)
    assert (tmp_path / "file").read_text() == "x"


@contextlib.contextmanager
def small_disk(folder: Path, size: str, *more: str) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *more]), "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def can_mount() -> bool:
    with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
        subprocess.run(["unshare", "--mount", "true"], check=True, capture_output=True)
        return os.geteuid() == 0
    return False


def test_a_read_only_folder_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cannot write: .*expected a folder that can be written"), explained("/run"):
        raise OSError(30, "Read-only file system", "/run/lock.json")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "/run/part.parquet"), "/run/part.parquet: the disk is full"),
        (OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), "/run: the disk is full"),
        (OSError(5, "Input/output error"), "/run: the file system failed: Input/output error"),
    ],
)
def test_errors_of_the_file_system_become_run_errors(error: OSError, message: str) -> None:
    with pytest.raises(RunError) as caught, explained("/run"):
        raise error
    assert str(caught.value).startswith(message)
    assert "the same command goes on from here" in str(caught.value)


if can_mount():

    @pytest.mark.parametrize(
        "size", [pytest.param("64k", marks=pytest.mark.slow), pytest.param("200k", marks=pytest.mark.slow)]
    )
    def test_a_full_disk_is_a_run_error_and_the_run_goes_on_when_there_is_room(
        recipe: Path, tmp_path: Path, size: str
    ) -> None:
        whole = build_process(recipe, tmp_path / "whole")
        assert whole.returncode == 0, whole.stderr
        with small_disk(tmp_path / "disk", size):
            done = build_process(recipe, tmp_path / "disk" / "run")
            assert done.returncode == 5, done.stderr
            assert "the disk is full" in done.stderr
            assert "Traceback" not in done.stderr
            subprocess.run(["mount", "-o", "remount,size=64m", str(tmp_path / "disk")], check=True)
            again = build_process(recipe, tmp_path / "disk" / "run")
            assert again.returncode == 0, again.stderr
            assert digests(tmp_path / "disk" / "run") == digests(tmp_path / "whole")

    def test_a_read_only_file_system(recipe: Path, tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk", "1m", "ro"):
            done = build_process(recipe, tmp_path / "disk" / "run")
        assert done.returncode == 5
        assert "Traceback" not in done.stderr


def test_a_recipe_with_a_typo(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\nsources:\n  - name: web\n    path: in.jsonl\n    formt: jsonl\n")
    done = build_process(path, tmp_path / "run")
    assert done.returncode == 2
    assert f"{path}:5: " in done.stderr
    assert "unknown key `formt`; did you mean `format`?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": {"profiles": ["gopher@dolm"]}}, "gopher@dolma"),
        ({"policy": {"rules": [{"name": "a", "signal": "word_cout", "keep": ">= 1"}]}}, "did you mean `word_count`"),
        ({"signals": {"gopher_qualty": {}}}, "gopher_quality"),
        ({"text": "cleaned"}, "clean"),
        ({"dedup": {"exact": {"survivor": ["highest content_key"]}}}, "expected a numeric signal"),
    ],
)
def test_names_that_do_not_exist(tmp_path: Path, changes: dict, message: str) -> None:
    write_jsonl(tmp_path / "in.jsonl", rows(3))
    path = write_recipe(tmp_path / "recipe.yaml", [{"name": "web", "path": "in.jsonl"}], **changes)
    with pytest.raises(RecipeError) as caught:
        build(str(path), tmp_path / "run", console=QUIET, report=False)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", rows(3))
    path = write_recipe(
        tmp_path / "recipe.yaml",
        [{"name": "web", "path": "in.jsonl"}],
        signals={"tokens": {"tokenizer": "gone/tokenizer.json"}},
    )
    with pytest.raises(ModelError, match=r"gone/tokenizer\.json"):
        build(str(path), tmp_path / "run", console=QUIET, report=False)
    assert not (tmp_path / "run").exists()
