"""Tables of wikitext: those of data as Markdown, those that lay out a page as what their cells hold."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from gristmill.filters.text.markdown_table import MAX_SPAN, Cell

MAX_CELL_CHARACTERS = 300  # a table with longer cells is layout
_START = re.compile(r"^[\s:*#;]*\{\|")
_LEFT_OUT = re.compile(
    r"\b(?:infobox|navbox|metadata|ambox|tmbox|mbox|vertical-navbox|sidebar|toc|taxobox|geobox|noprint)", re.IGNORECASE
)
_FLOATS = re.compile(r"float\s*:\s*(?:right|left)|align\s*=\s*[\"']?(?:right|left)\b", re.IGNORECASE)
# of a cell with a bar too many or too few
_LEFT_ATTRIBUTES = re.compile(r"^\s*+(?:[\w-]{1,20}\s*+=\s*+\"[^\"\n]*\"\s*+)+(?:\||$)")
_SPAN = re.compile(r"\b(col|row)span\s*+=\s*+[\"']?\s*+(\d{1,4})", re.IGNORECASE)


class Table(NamedTuple):
    """A table: the caption or text above it (""), the rows."""

    caption: str
    rows: list[list[Cell]]
    is_left_out: bool  # an infobox or the like
    floats: bool  # beside the text, as infoboxes without a template do


def is_table_start(line: str) -> bool:
    return "{|" in line and _START.match(line) is not None


def table_end(lines: Sequence[str], start: int) -> int:
    """The line behind a table that begins at line `start`, inner tables included; all lines where it is never closed."""
    depth = 0
    for number in range(start, len(lines)):
        line = lines[number].lstrip()
        if is_table_start(line):
            depth += 1
        elif line.startswith("|}"):
            depth -= 1
            if depth == 0:
                return number + 1
    return len(lines)


def parse_table(lines: Sequence[str]) -> Table:
    """The lines of one table, from `{|` to `|}`."""
    caption: list[str] = []
    rows: list[list[Cell]] = [[]]
    parts: list[str] | None = None  # of the cell that has begun
    depth = 0

    def end() -> None:
        nonlocal parts
        if parts is not None:
            rows[-1].append(_cell("\n".join(parts)))
        parts = None

    for line in lines[1:]:
        bare = line.strip()
        if depth or is_table_start(bare):
            depth += is_table_start(bare) - bare.startswith("|}")
            if parts is not None:
                parts.append(line)
        elif bare.startswith("|}"):
            break
        elif bare.startswith("|-"):
            end()
            rows.append([])
        elif bare.startswith("|+"):
            end()
            caption.append(bare[2:].rpartition("|")[2].strip())
        elif bare[:1] in ("|", "!"):
            end()
            *whole, last = _cells(bare)
            rows[-1] += map(_cell, whole)
            parts = [last]
        elif parts is not None:
            parts.append(line)
        elif bare and len(rows) == 1:  # text before the first row is shown above the table
            caption.append(bare)
    end()
    return Table(
        " ".join(filter(None, caption)),
        [row for row in rows if row],
        bool(_LEFT_OUT.search(lines[0])),
        bool(_FLOATS.search(lines[0])),
    )


def _cells(line: str) -> list[str]:
    if line[0] == "!":
        line = line.replace("!!", "||")
    return line[1:].split("||")


def _cell(text: str) -> Cell:
    """A cell without its attributes, which a bar parts from what it holds."""
    attributes, bar, content = text.partition("|")
    if not bar or "\n" in attributes:
        return Cell(_LEFT_ATTRIBUTES.sub("", text).strip())
    spans = {name.lower(): min(max(int(count), 1), MAX_SPAN) for name, count in _SPAN.findall(attributes)}
    return Cell(_LEFT_ATTRIBUTES.sub("", content).strip(), spans.get("col", 1), spans.get("row", 1))
