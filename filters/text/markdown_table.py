"""Tables of Markdown, from cells that may go over several columns and rows."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_SPAN = 100  # columns or rows that a cell goes over
MAX_CELLS = 1_000_000  # of a table that are made by spans or to fill rows up


class Cell(NamedTuple):
    """A cell: what it holds, and over how many columns and rows it goes, from 1 to MAX_SPAN."""

    content: str
    columns: int = 1
    rows: int = 1


def grid(rows: Iterable[Iterable[Cell]]) -> list[list[str]]:
    """The contents in rows and columns; a cell that goes over several stands in the first of them.

    In a table of more than MAX_CELLS cells those behind go over one column and row.
    """
    above: dict[int, int] = {}  # column -> rows for which a cell above goes on in it
    found: list[list[str]] = []
    made = 0
    for cells in rows:
        row: list[str] = []
        opened: dict[int, int] = {}
        if made >= MAX_CELLS:
            above.clear()
        for cell in cells:
            while len(row) in above:
                row.append("")
            for number in range(cell.columns if made + len(row) < MAX_CELLS else 1):
                opened[len(row)] = cell.rows - 1
                row.append("" if number else cell.content)
        row += [""] * (max(above, default=-1) + 1 - len(row))
        made += len(row)
        found.append(row)
        going_on = {column: left - 1 for column, left in above.items()} | opened
        above = {column: left for column, left in going_on.items() if left}
    return found


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head; bars in cells must be escaped already; "" of no cell.

    Rows with fewer cells than the longest get empty ones; in a table that would have more than MAX_CELLS for it only the head
    does, which is all that Markdown asks for.
    """
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    head, *others = rows
    fills = width * len(rows) <= MAX_CELLS
    lines = [_line(head, width), "|" + " --- |" * width, *(_line(row, width if fills else 0) for row in others)]
    return "\n".join(lines)


def _line(row: Sequence[str], width: int) -> str:
    return "| " + " | ".join([*row, *[""] * (width - len(row))]) + " |"
