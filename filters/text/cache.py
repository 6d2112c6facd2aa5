"""The folder for what is computed once per machine: compiled kernels, code point tables, word rules."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where compiled kernels and tables are kept: $GRISTMILL_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("GRISTMILL_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gristmill"
