"""The wheel holds every module and data file, and every module imports from it alone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.contracts.import_statements import imported

FOLDERS = ("gristmill", "schemas", "filters", "pipelines", "training")
DATA = (
    "gristmill/py.typed",
    "gristmill/pipelines/inspect/report/page.css",
    "gristmill/pipelines/inspect/report/page.js",
)
IMPORT_ALL = """
import importlib, pathlib, sys
root, *but = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(root))
for path in sorted((root / "gristmill").rglob("*.py")):
    if any(path.is_relative_to(root / place) for place in but):
        continue
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__).is_relative_to(root), module.__file__
"""


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if name.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or "/" not in name:
            target = base / "copy" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((repository / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(base),
        str(base / "copy"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = base.glob("*.whl")
    return found


def test_every_module_is_in_it(repository: Path, wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True).stdout
    modules = [name for name in listed.splitlines() if name.endswith(".py") and name.split("/")[0] in FOLDERS]
    wanted = {name if name.startswith("gristmill/") else f"gristmill/{name}" for name in modules} | set(DATA)
    assert wanted - held == set()


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


HEAVY = ("gristmill/training", "gristmill/filters/pii/worker.py")  # import torch, transformers, presidio


def import_all(folder: Path, *but: str) -> None:
    """Import every module of the unpacked wheel but those at these places, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, str(folder), *but],
        cwd=folder,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},  # a kernel at another path would be compiled again
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_light_module_imports_from_it(unpacked: Path) -> None:
    import_all(unpacked, *HEAVY)


def test_what_heavy_modules_import_of_gristmill_is_in_it(unpacked: Path) -> None:
    files = (unpacked / "gristmill").rglob("*.py")
    modules = {".".join(path.relative_to(unpacked).with_suffix("").parts).removesuffix(".__init__") for path in files}
    heavy = [
        path for place in HEAVY for path in [unpacked / place, *(unpacked / place).rglob("*.py")] if path.is_file()
    ]
    assert len(heavy) > 50
    for path in heavy:
        names = {name for name in imported(path) if name.split(".")[0] == "gristmill"}
        assert names <= modules, path


@pytest.mark.slow
def test_every_module_imports_from_it(unpacked: Path) -> None:
    import_all(unpacked)
