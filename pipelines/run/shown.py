"""Results that a notebook shows as they read in a terminal."""

import unicodedata
from html import escape
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

_VISIBLE = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_KEPT_CONTROLS = (0x09, 0x0A)
_INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


class Shown:
    """`str(self)` in a notebook cell, escaped: it may quote text from documents."""

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(str(self))}</pre>'


class Tabled(Shown):
    """A result that is a table, too."""

    def rows(self) -> list[dict[str, Any]]:
        """Its rows, plain values by column."""
        raise NotImplementedError

    def to_arrow(self) -> pa.Table:
        """Its rows as an Arrow table."""
        return pa.Table.from_pylist(self.rows())

    def to_pandas(self) -> "pd.DataFrame":
        """Its rows as a DataFrame."""
        return self.to_arrow().to_pandas()


def printable(value: Any) -> Any:
    """Text from documents without control characters, on one line."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in value)
    return round(value, 6) if isinstance(value, float) else value


def visible(text: str) -> str:
    """Text with control, bidirectional and other invisible characters replaced by something that can be seen.

    >>> visible("a\\x00b\\u202ec")
    'a␀b⟨U+202E⟩c'
    """
    if text.isascii() and text.isprintable():
        return text
    shown = []
    for character in text:
        code = ord(character)
        if code in _KEPT_CONTROLS or unicodedata.category(character) not in _INVISIBLE_CATEGORIES:
            shown.append(character)
        elif code in _VISIBLE:
            shown.append(chr(_VISIBLE[code]))
        else:
            shown.append(f"⟨U+{code:04X}⟩")
    return "".join(shown)
