"""The folder a model is trained into: whole or not there."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from gristmill.schemas.errors import RunError


@contextlib.contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """A folder beside `out` that becomes `out` at the end, and is removed when something fails."""
    target = Path(out).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunError("something is there already", where=str(out), expected="a new or empty folder")
    building = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    building.mkdir(parents=True)
    try:
        yield building
        os.replace(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
