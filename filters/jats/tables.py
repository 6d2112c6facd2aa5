"""Tables of JATS as tables of Markdown."""

from collections.abc import Callable

from gristmill.filters.safe_xml import local_name, number_of, outermost
from lxml import etree

MAX_PADDED_CELLS = 1_000_000  # of a table above, rows stay as short as they are, which Markdown allows


def markdown_table(table: etree._Element, inline: Callable[[etree._Element], str]) -> str:
    """A table; "" where it has no cell. inline: the text of a cell."""
    rows: list[list[str]] = []
    for row in outermost(table, "tr"):
        cells: list[str] = []
        for cell in (one for one in row if local_name(one) in ("td", "th")):
            cells.append(inline(cell).replace("|", "\\|").replace("\n", " "))
            cells += [""] * (min(number_of(cell.get("colspan")), 100) - 1)
        rows.append(cells)
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    pads = width * len(rows) <= MAX_PADDED_CELLS
    lines = ["| " + " | ".join(row + [""] * (width - len(row) if pads else 0)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])
