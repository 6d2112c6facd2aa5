"""`make gpu-check`: one line without a GPU, every part on the CPU in a rehearsal, and what is not installed is left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PARTS = ("bare PyTorch", "pretrain", "sft", "dpo", "grpo", "ppo", "lora", "qlora")
WITHOUT = """
import importlib.util, sys

found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {modules!r} else found(name, package)

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path[:] = [Hidden(), *(finder for finder in sys.meta_path if "editable" not in str(finder).lower())]
"""


def run(repository: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/gpu_check.py", *arguments]
    options = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""} | environment
    return subprocess.run(command, cwd=repository, env=options, capture_output=True, text=True, timeout=900)


def rows(output: str) -> dict[str, str]:
    """What the table says of each part."""
    lines = output[output.index("s a step") :].splitlines()
    return {part: line for part in PARTS for line in lines if line.startswith(part.ljust(13))}


def test_without_a_gpu_it_says_so_in_one_line(repository: Path) -> None:
    found = run(repository)
    assert found.returncode == 0
    assert found.stdout.count("\n") == 1
    assert "no GPU" in found.stdout


@pytest.mark.slow
def test_versions_that_do_not_go_together_are_one_line(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").write_text("raise ImportError('huggingface-hub<2 is required')")
    found = run(repository, "--cpu-rehearsal", PYTHONPATH=str(tmp_path))
    assert (found.returncode, found.stderr) == (1, "")
    assert "cannot be imported (huggingface-hub<2 is required); nothing was run" in found.stdout


@pytest.mark.slow
def test_the_bare_loop_runs_where_gristmill_cannot(repository: Path, tmp_path: Path) -> None:
    modules = {"pydantic"}
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(modules=modules))
    found = run(repository, "--cpu-rehearsal", PYTHONPATH=str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr
    told = rows(found.stdout)
    assert {part for part, line in told.items() if "left out: it needs" in line} == set(PARTS) - {"bare PyTorch"}


@pytest.mark.slow
def test_a_rehearsal_runs_every_part(repository: Path) -> None:
    found = run(repository, "--cpu-rehearsal")
    assert found.returncode == 0, found.stdout + found.stderr
    told = rows(found.stdout)
    assert set(told) == set(PARTS)
    assert not any("left out" in line or "FAILED" in line for line in told.values()), told
    assert "of the time of the bare loop" in found.stdout


@pytest.mark.slow
def test_what_is_not_installed_is_named_and_the_rest_runs(repository: Path, tmp_path: Path) -> None:
    """Neither trl nor bitsandbytes, and gristmill not installed: the clone's folders are imported."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(modules={"trl", "bitsandbytes"}))
    found = run(repository, "--cpu-rehearsal", PYTHONPATH=str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr
    told = rows(found.stdout)
    assert {part for part, line in told.items() if "left out" in line} == {"dpo", "grpo", "qlora"}
    assert "needs trl" in told["dpo"]
    assert "needs bitsandbytes" in told["qlora"]
    assert "left out: trl, bitsandbytes" in found.stdout
