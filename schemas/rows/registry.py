"""Every row kind by name; adding one is its own file plus a line here."""

from functools import cache

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import load_registered
from gristmill.schemas.rows.kind import RowKind

DOCUMENT = "document"
GROUP = "gristmill.rows"  # of entry points: kinds that installed packages bring
ROW_KINDS: dict[str, str] = {
    DOCUMENT: "gristmill.schemas.rows.document",
    "conversation": "gristmill.schemas.rows.conversation",
    "pair": "gristmill.schemas.rows.pair",
    "prompt": "gristmill.schemas.rows.prompt",
}


@cache
def row_kind(name: str) -> RowKind:
    """The kind of this name, of an installed package, or at `module:attribute`; RecipeError where there is none."""
    found = load_registered(ROW_KINDS, "row kind", name, "KIND", group=GROUP)
    if not isinstance(found, RowKind):
        raise RecipeError(f"{name!r} is no row kind", where="rows", expected="an object of gristmill.RowKind")
    return found
