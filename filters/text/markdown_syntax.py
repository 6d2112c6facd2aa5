"""The pieces of Markdown that every conversion to it writes in one way: headings, fenced code, items, escapes."""

import re

_TICKS = re.compile(r"`+")
_LINE_START = re.compile(r"^(#{1,6}(?=\s|$)|>|[-+*](?=\s|$)|```|~~~|=+\s*$|-+\s*$|(?:\*\s*){3,}$|(?:_\s*){3,}$)")
_DEFINITION_START = re.compile(r"^\[(?=[^\[\]]{1,999}\]:)")
_NUMBER_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_HEADING_END = re.compile(r"(?:^|(?<=\s))(?=#+$)")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")


def heading(level: int, title: str) -> str:
    """A heading; number signs at the end of its title are part of it."""
    return "#" * level + " " + _HEADING_END.sub(r"\\", title)


def fenced(code: str, language: str = "") -> str:
    """A block of code between fences longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + longest_ticks(code))
    return f"{fence}{language}\n{code}\n{fence}"


def item(mark: str, text: str) -> str:
    """An item of a list: its mark before the first line of its text, as many spaces before the others."""
    first, *rest = text.split("\n")
    return "\n".join([mark + first, *(" " * len(mark) + line if line else "" for line in rest)])


def longest_ticks(code: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(ticks) for ticks in _TICKS.findall(code)), default=0)


def escape_tags(text: str) -> str:
    """Text in which nothing is read as an HTML tag."""
    return _TAG_START.sub(r"\\<", text)


def escape_line_start(line: str) -> str:
    """A line that would be read as a heading, quote, list, rule or the address of a link, so that it is not."""
    line = _DEFINITION_START.sub(r"\\[", line)
    return _NUMBER_START.sub(r"\1\\\2", _LINE_START.sub(r"\\\1", line))
