"""A command that needs an extra says which one, and what to install."""

import subprocess
import sys
from pathlib import Path

import pytest
from gristmill.schemas.extras import package_error


def test_the_extra_that_brings_a_package_is_named() -> None:
    found = package_error(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert str(found) == (
        "the package torch is not installed; expected the extra `train`, which this command needs. "
        'Next: `pip install "gristmill[train]"`.'
    )


@pytest.mark.parametrize("name", ["gristmill.nothing", "pyarrow", None])
def test_other_missing_modules_are_not_explained_away(name: str | None) -> None:
    assert package_error(ModuleNotFoundError("no module", name=name)) is None


def test_training_without_torch_is_one_message(tmp_path: Path) -> None:
    code = "import sys\nsys.modules['torch'] = None\nfrom gristmill.pipelines.cli.main import main\nmain()"
    command = [sys.executable, "-c", code, "train", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert done.stderr.startswith("error: the package torch is not installed")
    assert "Traceback" not in done.stderr
