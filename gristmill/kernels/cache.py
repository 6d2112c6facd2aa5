"""The folder for what is computed once per machine: compiled kernels, code point tables, word rules."""

import os
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

Tables = dict[str, np.ndarray]


def cache_folder() -> Path:
    """Where compiled kernels and tables are kept: $GRISTMILL_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("GRISTMILL_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gristmill"


def stored_tables(name: str, build: Callable[[], Tables]) -> Tables:
    """The arrays kept under `name` (which carries every version they depend on), else built and kept there.

    A damaged file is built again; a folder that cannot be written only costs the building each time.
    """
    path = cache_folder() / f"{name}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, BadZipFile):
        tables = build()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(temporary, **tables)  # type: ignore[arg-type]
        temporary.replace(path)
    except OSError:
        return tables
    return tables


def as_record(tables: Tables) -> np.record:
    """The tables as fields of one record, which kernels pass on as one pointer (a tuple of arrays is far slower)."""
    layout = np.dtype([(name, table.dtype, table.shape) for name, table in sorted(tables.items())], align=True)
    record = np.zeros(1, layout)
    for name, table in tables.items():
        record[name][0] = table
    return record.view(np.recarray)[0]
