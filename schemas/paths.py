"""Paths in what a person writes: relative ones are taken from the folder of the file that they stand in.

The folder is handed to validation as its context, `model.model_validate(data, context=beside(file))`; without it paths
stay as they are, as those of a recipe that is a mapping in a program.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

_BASE = "base"


def beside(file: str | Path) -> dict[str, Any]:
    """The context in which the paths of a file are those of its folder."""
    return {_BASE: Path(file).resolve().parent}


def resolve_path(path: str, base: Path) -> str:
    """The path with ~ and ${NAME} expanded; a relative one is taken from `base`, a URL stays."""
    expanded = os.path.expandvars(os.path.expanduser(path))
    if "://" in expanded or os.path.isabs(expanded):
        return expanded
    return os.path.normpath(base / expanded)


def base_of(info: ValidationInfo) -> Path | None:
    """The folder that paths are taken from; None where they stay as they are."""
    base: Path | None = (info.context or {}).get(_BASE)
    return base


def _resolved(path: str, info: ValidationInfo) -> str:
    base = base_of(info)
    return path if base is None else resolve_path(path, base)


RecipePath = Annotated[str, AfterValidator(_resolved)]
"""A path or URL in a recipe."""
