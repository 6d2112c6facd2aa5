"""The kept blocks of a page as Markdown: headings, lists, quotes, code with its language, tables, formulas, links if wanted.

Blocks know the elements around them and where inline elements begin and end in them, so this needs no second reading.
"""

import re

import numpy as np
from gristmill.filters.html.code_blocks import code_blocks
from gristmill.filters.html.layout import ELEMENT, PARENT, TAG, TD, TH, Page
from gristmill.filters.html.markdown_around import Around, Surroundings
from gristmill.filters.html.markdown_code import code_end, code_lines, preformatted
from gristmill.filters.html.markdown_inline import Wanted, inline_text
from gristmill.filters.html.tag_attributes import attribute, tag_bytes
from gristmill.filters.text.markdown_syntax import escape_line_start, heading
from gristmill.filters.text.markdown_table import MAX_SPAN, Cell, grid, table

MAX_CELL_CHARACTERS = 300  # a table with longer cells is layout
_SPAN = re.compile(r"\d{1,4}", re.ASCII)


def to_markdown(page: Page, kept: np.ndarray, *, links: bool = False, emphasis: bool = False) -> str:
    """The kept blocks as Markdown. links: addresses of links, as they stand in the page. emphasis: bold and italic."""
    surroundings, wanted = Surroundings(page), Wanted(links, emphasis)
    writer = _Writer(surroundings)
    numbers, code = np.flatnonzero(kept).tolist(), code_blocks(page)
    arounds = [surroundings.of(int(page.blocks[number, ELEMENT])) for number in numbers]
    start = 0
    while start < len(numbers):
        around, end = arounds[start], start + 1
        if around.pre >= 0:
            end = code_end(page, numbers, arounds, start)
            writer.add(preformatted(page, numbers[start:end], arounds[start:end]), around.containers)
        elif around.cell >= 0 and around.row >= 0 and around.table >= 0:
            while end < len(numbers) and arounds[end].table == around.table and arounds[end].row >= 0:
                end += 1
            rows = _rows(page, numbers[start:end], arounds[start:end], wanted)
            if rows:
                writer.add(table(rows), around.containers[: around.outside_table])
            else:
                _add_blocks(writer, page, numbers[start:end], arounds[start:end], wanted, code)
        else:
            while end < len(numbers) and arounds[end].pre < 0 and arounds[end].cell < 0:
                end += 1
            _add_blocks(writer, page, numbers[start:end], arounds[start:end], wanted, code)
        start = end
    return "".join(writer.parts)


def _add_blocks(
    writer: "_Writer", page: Page, numbers: list[int], arounds: list[Around], wanted: Wanted, code: np.ndarray
) -> None:
    """Add blocks that are in no table of data. code: which blocks are all `code`."""
    k = 0
    while k < len(numbers):
        fenced, count = code_lines(page, numbers, arounds, code, k) if code[numbers[k]] else ("", 0)
        writer.add(fenced or _block(page, numbers[k], arounds[k], wanted), arounds[k].containers)
        k += max(count, 1)


class _Writer:
    """Pieces of text with the marks of the quotes and items around them before their lines."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.parts: list[str] = []
        self._around = surroundings
        self._hanging: dict[int, str] = {}  # what stands before further lines of each item that has begun
        self._last: list[int] = []  # the quotes and items around the piece before

    def add(self, text: str, containers: tuple[int, ...]) -> None:
        """Add a piece of one or more lines. containers: the quotes and items around it, from the outside in.

        An item begins with the first piece that no item within it holds; until then it is not shown.
        """
        items = [one for one in containers if not self._around.is_quote(one)]
        begins = items[-1] if items and items[-1] not in self._hanging else None
        shown = [one for one in containers if one == begins or one in self._hanging or self._around.is_quote(one)]
        mark = self._around.mark(begins) if begins is not None else ""
        if self.parts:
            self.parts.append("\n" if self._is_tight(shown, begins, mark) else self._blank_line(shown))
        first = "".join(mark if one == begins else self._before(one) for one in shown)
        if begins is not None:
            self._hanging[begins] = " " * len(mark)
        rest = "".join(map(self._before, shown))
        head, *lines = text.split("\n")
        self.parts.append("\n".join([first + head, *(rest + line if line else rest.rstrip() for line in lines)]))
        self._last = shown

    def _before(self, container: int) -> str:
        return "> " if self._around.is_quote(container) else self._hanging[container]

    def _is_tight(self, shown: list[int], begins: int | None, mark: str) -> bool:
        """Whether an item follows the text before it without a blank line: one of the same list, or the item around it."""
        if begins is None or shown[-1] != begins:
            return False
        outside = shown[:-1]
        if self._last == outside and outside:  # a list that does not begin with 1 would not interrupt a paragraph
            return mark in ("- ", "1. ") and not self._around.is_quote(outside[-1])
        place = len(outside)
        return (
            len(self._last) > place
            and self._last[:place] == outside
            and self._around.are_siblings(self._last[place], begins)
        )

    def _blank_line(self, shown: list[int]) -> str:
        """A blank line within the quotes and items around both this piece and the one before."""
        shared = 0
        while shared < min(len(shown), len(self._last)) and shown[shared] == self._last[shared]:
            shared += 1
        return "\n" + "".join(map(self._before, shown[:shared])).rstrip() + "\n"


def _block(page: Page, number: int, around: Around, wanted: Wanted) -> str:
    text = inline_text(page, number, wanted)
    if around.heading:
        return heading(around.heading, " ".join(text.split()))
    return "  \n".join(escape_line_start(line) for line in text.split("\n"))


def _rows(page: Page, numbers: list[int], arounds: list[Around], wanted: Wanted) -> list[list[str]]:
    """The cells of a table; nothing where it is no table of data: one column or row, or cells as long as paragraphs."""
    cells: dict[int, dict[int, str]] = {}
    for number, around in zip(numbers, arounds, strict=True):
        row = cells.setdefault(around.row, {})
        text = " ".join(inline_text(page, number, wanted).split()).replace("|", "\\|")
        row[around.cell] = f"{row[around.cell]}<br>{text}" if around.cell in row else text
        if len(row[around.cell]) > MAX_CELL_CHARACTERS:
            return []
    rows = grid(_spanning(page, row, found) for row, found in cells.items())
    return rows if len(rows) > 1 and max(map(len, rows)) > 1 else []


def _spanning(page: Page, row: int, found: dict[int, str]) -> list[Cell]:
    """The cells of a row up to its last one with text, those without text too."""
    last = max(found)
    between = [
        element
        for element in range(row + 1, last + 1)
        if page.elements[element, TAG] in (TD, TH) and page.elements[element, PARENT] == row
    ]
    elements = between if set(found) <= set(between) else list(found)
    return [Cell(found.get(one, ""), _span(page, one, "colspan"), _span(page, one, "rowspan")) for one in elements]


def _span(page: Page, cell: int, name: str) -> int:
    said = (attribute(tag_bytes(page, cell), name) or "").strip()
    return min(max(int(said), 1), MAX_SPAN) if _SPAN.fullmatch(said) else 1
