"""Tables of JATS as tables of Markdown."""

from collections.abc import Callable

from gristmill.filters.safe_xml import local_name, number_of, outermost
from gristmill.filters.text.markdown_table import MAX_SPAN, Cell, grid, table
from lxml import etree


def markdown_table(element: etree._Element, inline: Callable[[etree._Element], str]) -> str:
    """A table; "" where it has no cell. inline: the text of a cell."""

    def cell(one: etree._Element) -> Cell:
        spans = (min(max(number_of(one.get(name)), 1), MAX_SPAN) for name in ("colspan", "rowspan"))
        return Cell(inline(one).replace("|", "\\|").replace("\n", " "), *spans)

    rows = ([cell(one) for one in row if local_name(one) in ("td", "th")] for row in outermost(element, "tr"))
    return table(grid(rows))
