"""Tables of the report: numbers aligned, every table scrolling inside its own box."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gristmill.pipelines.inspect.report.markup import Markup, element


class TableCell(NamedTuple):
    """A table cell. kind: its class, `number`, `name` (not wrapped), `words`, `path`; "" for none."""

    content: Any
    kind: str = ""


def table(heads: Sequence[str], rows: Sequence[Sequence[TableCell]], if_empty: str = "None.") -> Markup:
    """A table in a box; a head that begins with # stands over numbers."""
    if not rows:
        return element("p", if_empty, class_="soft")
    names = [element("th", head.lstrip("#"), class_="number" if head.startswith("#") else None) for head in heads]
    body = [element("tr", *[element("td", cell.content, class_=cell.kind or None) for cell in row]) for row in rows]
    head_row = [element("thead", element("tr", *names))] if any(heads) else []
    return element("div", element("table", *head_row, element("tbody", *body)), class_="box", tabindex="0")


def amount_cells(documents: int, bytes_: int, tokens: int | None) -> list[TableCell]:
    """Documents, megabytes and tokens."""
    figures = (count(documents), megabytes(bytes_), "" if tokens is None else count(tokens))
    return [TableCell(figure, "number") for figure in figures]


def count(number: int) -> str:
    return f"{number:,}"


def megabytes(number: int) -> str:
    """Bytes as MB (10^6), with as many digits as say something.

    >>> [megabytes(n) for n in (0, 999, 1_234_000, 98_765_000_000)]
    ['0', '0.001', '1.23', '98,765']
    """
    value = number / 1e6
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}" if number else "0"


def percent(part: int, whole: int) -> str:
    """A share; empty when there is no whole."""
    if not whole:
        return ""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 99.95 or share == 0 else f"{share:.1f} %" if share >= 0.1 else f"{share:.3f} %"
