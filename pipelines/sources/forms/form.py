"""What a form of records is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.schemas.recipe.source import Source

Record = Mapping[str, Any]  # a JSON object or table row; every string in it is valid Unicode


@dataclass(frozen=True)
class Form:
    """One way to publish rows of other kinds than documents.

    name: in recipes (`format: alpaca`). kinds: the row kinds that its records become. matches: whether a record has
    this form, by the names of its columns and the values in them; never raises. rows: the rows of that kind that a
    record of this form holds, as `RowKind.encode` takes them, usually one; RowError where it holds none. The
    source says further options. A form is asked in the order of the registry, special ones before general ones.
    """

    name: str
    kinds: tuple[str, ...]
    matches: Callable[[Record], bool]
    rows: Callable[[Record, str, Source], Sequence[dict[str, Any]]]
