"""Looking up what a registry names: `"module:ATTRIBUTE"` strings, imported on first use."""

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from gristmill.schemas.errors import RecipeError


def unknown(what: str, name: str, known: Iterable[str]) -> RecipeError:
    """The error for a name that is none: what it should be, and the nearest one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return RecipeError(f"{what} {name!r} is unknown{hint}", expected=f"one of {', '.join(names)}")


def registered(registry: Mapping[str, str], what: str, name: str, default_attribute: str = "") -> Any:
    """The object registered under `name`; RecipeError with the nearest name when there is none."""
    if name not in registry:
        raise unknown(what, name, registry)
    module, _, attribute = registry[name].partition(":")
    found = import_module(module)
    chosen = attribute or default_attribute
    return getattr(found, chosen) if chosen else found
