"""Results that a notebook shows as they read in a terminal."""

from html import escape
from typing import Any


class Shown:
    """`str(self)` in a notebook cell, escaped: it may quote text from documents."""

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(str(self))}</pre>'


def printable(value: Any) -> Any:
    """Text from documents without control characters, on one line."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in value)
    return round(value, 6) if isinstance(value, float) else value
