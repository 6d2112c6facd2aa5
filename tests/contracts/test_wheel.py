"""The wheel holds every module and data file, and every module imports from it alone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDERS = ("gristmill", "schemas", "filters", "pipelines", "training")
DATA = (
    "gristmill/py.typed",
    "gristmill/pipelines/inspect/report/page.css",
    "gristmill/pipelines/inspect/report/page.js",
)
IMPORT_ALL = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
for path in sorted((root / "gristmill").rglob("*.py")):
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


def test_every_module_imports_from_it(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{IMPORT_ALL}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},  # a kernel at another path would be compiled again
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
