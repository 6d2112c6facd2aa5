"""Environments of their own for peers whose dependencies would not resolve beside ours; made once, in .work."""

import subprocess
import venv
from pathlib import Path

from inputs import WORK


def python_with(name: str, packages: list[str]) -> Path:
    """The interpreter of an environment with these packages, from the package index when it is first asked for."""
    home = WORK / name
    python, complete = home / "bin" / "python", home / "complete"
    wanted = "\n".join(packages)
    if not complete.exists() or complete.read_text() != wanted:
        venv.create(home, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True
        )
        complete.write_text(wanted)
    return python
