"""Looking things up by name: registries of `"module:attribute"` strings, names that are wrong, objects of third parties.

Everything that a user names (a signal family, a profile, a reader, an objective, a step) is found here. A registry is a
mapping of the names that gristmill brings; an installed package adds to it by an entry point of the registry's group, and
a recipe may name `module:attribute` itself.
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from gristmill.schemas.errors import RecipeError


def nearest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most like `name`; None where none is as like it as `cutoff` (0 to 1) wants."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return found[0] if found else None


def unknown_name_error(what: str, name: str, known: Iterable[str], *, where: str = "") -> RecipeError:
    """The error for a name that nothing has: what it should name, the nearest name, and every name there is.

    >>> print(unknown_name_error("profile", "web-em", ["web-en", "web-any"]))
    profile 'web-em' is unknown; did you mean 'web-en'?; expected one of web-any, web-en
    """
    names = sorted(known)
    nearest = nearest_name(name, names)
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return RecipeError(f"{what} {name!r} is unknown{hint}", expected=f"one of {', '.join(names)}", where=where)


def load_object(reference: str, default_attribute: str = "") -> Any:
    """The object that `module:attribute` names; without an attribute `default_attribute`, or the module itself."""
    module, _, attribute = reference.partition(":")
    loaded = import_module(module)
    chosen = attribute or default_attribute
    return getattr(loaded, chosen) if chosen else loaded


@cache
def installed_names(group: str) -> dict[str, str]:
    """Name -> `module:attribute` of every entry point that installed packages declare for a group."""
    return {point.name: point.value for point in installed_entry_points().select(group=group)}


@cache
def installed_entry_points() -> Any:
    """The entry points of all groups, to `select` from: looking for them opens a file of every package that is installed.

    Of a class that differs between versions of Python.
    """
    from importlib.metadata import entry_points  # slow to import

    return entry_points()


def load_registered(
    registry: Mapping[str, str], what: str, name: str, default_attribute: str = "", group: str = ""
) -> Any:
    """The object that `name` stands for.

    registry: the names that gristmill brings; they come before others. what: what the registry holds, for errors.
    default_attribute: of the module, where a reference names none. group: of the entry points that add to the registry.
    Raises RecipeError, with the nearest name, where there is none, or where `module:attribute` cannot be imported.
    """
    added = installed_names(group) if group else {}
    reference = registry.get(name) or added.get(name)
    if reference is None and ":" in name:
        reference = name
    if reference is None:
        raise unknown_name_error(what, name, {**registry, **added})
    try:
        return load_object(reference, default_attribute)
    except (ImportError, AttributeError) as error:
        if name in registry:
            raise
        raise RecipeError(
            f"{what} {name!r} cannot be loaded: {error}",
            expected="`module:attribute` of a module that this Python can import",
            next_step="install its package, or put its folder on PYTHONPATH",
        ) from error
