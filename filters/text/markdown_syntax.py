"""The pieces of Markdown that every conversion to it writes in one way: fenced code, tables, escapes."""

import re
from collections.abc import Sequence

_TICKS = re.compile(r"`+")
_LINE_START = re.compile(r"^(#{1,6}(?=\s)|>|[-+*](?=\s)|```|~~~|=+$|-{3,}$)")
_NUMBER_START = re.compile(r"^(\d{1,9})([.)])(?=\s)")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")


def fenced(code: str, language: str = "") -> str:
    """A block of code between fences longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + longest_ticks(code))
    return f"{fence}{language}\n{code}\n{fence}"


def longest_ticks(code: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(ticks) for ticks in _TICKS.findall(code)), default=0)


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head; bars in cells must be escaped already. Short rows get empty cells."""
    width = max(map(len, rows))
    lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def escape_tags(text: str) -> str:
    """Text in which nothing is read as an HTML tag."""
    return _TAG_START.sub(r"\\<", text)


def escape_line_start(line: str) -> str:
    """A line that would be read as a heading, quote, list or rule, so that it is not."""
    return _NUMBER_START.sub(r"\1\\\2", _LINE_START.sub(r"\\\1", line))
