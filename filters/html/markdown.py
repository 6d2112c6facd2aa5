"""The kept blocks of a page as Markdown: headings, lists, quotes, code with its language, tables, formulas, links if wanted.

Blocks know the elements around them and where inline elements begin and end in them, so this needs no second reading.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

import numpy as np
from gristmill.filters.html.layout import (
    BEGIN,
    BLOCKQUOTE,
    CODE,
    ELEMENT,
    EM,
    FINISH,
    H1,
    H6,
    ITALIC,
    LAST_MARK,
    LI,
    MARK_SOURCE,
    MARK_SOURCE_END,
    MARK_TAG,
    MATH,
    OL,
    PARENT,
    PLACE,
    PRE_TAG,
    SOURCE,
    STRONG,
    TABLE,
    TAG,
    TD,
    TH,
    TR,
    UL,
    A,
    B,
    Page,
)
from gristmill.filters.text.markdown_syntax import escape_line_start, escape_tags, fenced, longest_ticks, table

MAX_STEPS = 100  # elements above a block that are looked at
MAX_CELL_CHARACTERS = 300  # a table with longer cells is layout
_MAX_TAG_BYTES = 2000
_CLASS = re.compile(rb"^[^>]*?\sclass\s*=\s*(\"[^\">]*\"|'[^'>]*'|[^\s\"'>]+)", re.IGNORECASE)
_HREF = re.compile(rb"(?:^|[\s\"'/])href\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
_DISPLAY = re.compile(rb"display\s*=\s*[\"']?block|mode\s*=\s*display", re.IGNORECASE)
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language-|lang-|highlight-source-|highlight-text-|brush:\s*|sourceCode\s+)([\w+#.-]+)"
)


class _Around(NamedTuple):
    """The elements around a block that Markdown shows, as numbers of elements; -1 where there is none."""

    pre: int
    heading: int  # level, 0 where it is none
    item: int
    lists: tuple[int, ...]  # from the outside in
    quotes: int
    cell: int
    row: int
    table: int


def _around(page: Page, element: int) -> _Around:
    pre = item = cell = row = table = -1
    heading = quotes = 0
    lists: list[int] = []
    for _ in range(MAX_STEPS):
        if element < 0:
            break
        tag = int(page.elements[element, TAG])
        if tag == PRE_TAG:
            pre = element
        elif H1 <= tag <= H6:
            heading = heading or tag - H1 + 1
        elif tag == LI:
            item = element if item < 0 else item
        elif tag in (UL, OL):
            lists.append(element)
        elif tag == BLOCKQUOTE:
            quotes += 1
        elif table < 0 and tag in (TD, TH):
            cell = element if cell < 0 else cell
        elif table < 0 and tag == TR:
            row = element if row < 0 else row
        elif tag == TABLE:
            table = element if table < 0 else table
        element = int(page.elements[element, PARENT])
    return _Around(pre, heading, item, tuple(reversed(lists)), quotes, cell, row, table)


class _Writer:
    """Lines with the prefix of quotes and lists before them."""

    def __init__(self, page: Page, *, links: bool, emphasis: bool) -> None:
        self.page, self.links, self.emphasis = page, links, emphasis
        self.parts: list[str] = []
        self._numbers: dict[int, int] = {}
        self._indents: dict[int, str] = {}
        self._item, self._quotes = -1, 0
        self._lists: tuple[int, ...] = ()

    def add(self, text: str, around: _Around) -> None:
        """Add a piece of text of one or more lines; a blank line before it unless it goes on with a list."""
        starts_item = around.item >= 0 and around.item != self._item
        depth = max(len(around.lists), 1) if around.item >= 0 else 0
        indent = "  " * max(depth - 1, 0)
        mark = ""
        if starts_item:
            mark = self._mark(around.lists[-1] if around.lists else -1)
            self._indents[around.item] = " " * len(mark)
        elif around.item >= 0:
            mark = self._indents.get(around.item, "  ")
        quote = "> " * around.quotes
        lines = text.split("\n")
        first = quote + indent + mark + lines[0]
        rest = [(quote + indent + " " * len(mark) + line).rstrip() for line in lines[1:]]
        same_list = starts_item and self._item >= 0 and around.lists[:1] == self._lists[:1] and around.lists
        if self.parts:
            self.parts.append("\n" if same_list else f"\n{'>' * min(around.quotes, self._quotes)}\n")
        self.parts.append("\n".join([first, *rest]))
        self._item, self._lists, self._quotes = around.item, around.lists, around.quotes

    def _mark(self, parent: int) -> str:
        if parent >= 0 and self.page.elements[parent, TAG] == OL:
            self._numbers[parent] = self._numbers.get(parent, 0) + 1
            return f"{self._numbers[parent]}. "
        return "- "


def to_markdown(page: Page, kept: np.ndarray, *, links: bool = False, emphasis: bool = False) -> str:
    """The kept blocks as Markdown. links: addresses of links, as they stand in the page. emphasis: bold and italic."""
    writer = _Writer(page, links=links, emphasis=emphasis)
    numbers = np.flatnonzero(kept).tolist()
    seen: dict[int, _Around] = {}
    for number in numbers:
        element = int(page.blocks[number, ELEMENT])
        if element not in seen:
            seen[element] = _around(page, element)
    arounds = [seen[int(page.blocks[number, ELEMENT])] for number in numbers]
    start = 0
    while start < len(numbers):
        around, end = arounds[start], start + 1
        if around.pre >= 0:
            while end < len(numbers) and arounds[end].pre == around.pre:
                end += 1
            writer.add(_fenced(page, numbers[start:end], around.pre), around)
        elif around.table >= 0 and around.row >= 0 and around.cell >= 0:
            while end < len(numbers) and arounds[end].table == around.table and arounds[end].row >= 0:
                end += 1
            rows = _rows(writer, numbers[start:end], arounds[start:end])
            if rows:
                writer.add(table(rows), around._replace(item=-1) if around.item < 0 else around)
            else:
                for number, one in zip(numbers[start:end], arounds[start:end], strict=True):
                    writer.add(_block(writer, number, one), one)
        else:
            writer.add(_block(writer, number=numbers[start], around=around), around)
        start = end
    return "".join(writer.parts)


def _block(writer: _Writer, number: int, around: _Around) -> str:
    text = _inline(writer, number)
    if around.heading:
        return f"{'#' * around.heading} {' '.join(text.split())}"
    return "  \n".join(escape_line_start(line) for line in text.split("\n"))


def _fenced(page: Page, numbers: list[int], pre: int) -> str:
    code = "\n\n".join(page.block_text(number) for number in numbers)
    return fenced(code, _language(page, numbers[0], pre))


def _language(page: Page, number: int, pre: int) -> str:
    """The language that the class of a `code`, a `pre` or what is around it names."""
    tags = [
        page.source[mark[MARK_SOURCE] : mark[MARK_SOURCE_END]].tobytes()
        for mark in _marks(page, number)
        if mark[MARK_TAG] == CODE
    ]
    for element in (pre, int(page.elements[pre, PARENT])):
        source = int(page.elements[element, SOURCE])
        tags.append(page.source[source : source + _MAX_TAG_BYTES].tobytes())
    for tag in tags:
        found = _CLASS.search(tag)
        named = _LANGUAGE.search(found[1].strip(b"\"'").decode("utf-8", "replace")) if found else None
        if named:
            return named[1]
    return ""


def _rows(writer: _Writer, numbers: list[int], arounds: list[_Around]) -> list[list[str]]:
    """The cells of a table; nothing where it is no table of data: one column or row, or cells as long as paragraphs."""
    cells: dict[int, dict[int, str]] = {}
    for number, around in zip(numbers, arounds, strict=True):
        row = cells.setdefault(around.row, {})
        text = " ".join(_inline(writer, number).split()).replace("|", "\\|")
        row[around.cell] = f"{row[around.cell]}<br>{text}" if around.cell in row else text
        if len(row[around.cell]) > MAX_CELL_CHARACTERS:
            return []
    rows = [_with_empty_cells(writer.page, row, found) for row, found in cells.items()]
    return rows if len(rows) > 1 and max(map(len, rows)) > 1 else []


def _with_empty_cells(page: Page, row: int, found: dict[int, str]) -> list[str]:
    """The cells of a row up to its last one with text, those without text too."""
    last = max(found)
    between = [
        element
        for element in range(row + 1, last + 1)
        if page.elements[element, TAG] in (TD, TH) and page.elements[element, PARENT] == row
    ]
    return [found.get(element, "") for element in between] if set(found) <= set(between) else list(found.values())


def _marks(page: Page, number: int) -> np.ndarray:
    """The marks of a block, those between it and the block before it too."""
    first = int(page.blocks[number - 1, LAST_MARK]) if number else 0
    return page.marks[first : int(page.blocks[number, LAST_MARK])]


def _inline(writer: _Writer, number: int) -> str:
    """The text of a block with what its inline elements mean."""
    page = writer.page
    block = page.blocks[number]
    begin, finish = int(block[BEGIN]), int(block[FINISH])
    data = page.text[begin:finish].tobytes()
    edges = sorted(_edges(writer, number, data, begin), key=lambda edge: edge[:2])
    parts, at, verbatim = [], 0, 0
    for place, _, mark, changes in edges:
        parts += [_escaped(data[at:place], verbatim), mark]
        at, verbatim = place, verbatim + changes
    return "".join([*parts, _escaped(data[at:], verbatim)])


def _edges(writer: _Writer, number: int, data: bytes, begin: int) -> Iterator[tuple[int, int, str, int]]:
    """(place, order among those of one place, mark, change of the depth of verbatim text) for each side of an element."""
    opened: list[tuple[int, int, np.ndarray]] = []
    order = 0
    pairs: list[tuple[int, int, int, np.ndarray]] = []
    for mark in _marks(writer.page, number):
        tag, place = int(mark[MARK_TAG]), min(max(int(mark[PLACE]) - begin, 0), len(data))
        if tag >= 0:
            if tag == A and opened and opened[-1][0] == A:  # a link ends the one it begins in
                pairs.append((A, opened[-1][1], place, opened.pop()[2]))
            opened.append((tag, place, mark))
            continue
        for position in range(len(opened) - 1, max(len(opened) - 50, 0) - 1, -1):
            if opened[position][0] == -1 - tag:
                _, start, source = opened.pop(position)
                pairs.append((-1 - tag, start, place, source))
                break
    pairs += [(tag, start, len(data), source) for tag, start, source in opened]
    done = -1
    for tag, start, end, source in sorted(pairs, key=lambda pair: (pair[1], -pair[2])):
        while start < end and data[start] in b" \n\t":
            start += 1
        while end > start and data[end - 1] in b" \n\t":
            end -= 1
        sides = _sides(writer, tag, source, data[start:end]) if start < end and start >= done else None
        if sides:
            order += 1
            verbatim = int(tag in (CODE, MATH))
            yield start, order, sides[0], verbatim
            yield end, -order, sides[1], -verbatim
            done = end if tag not in (A, B, STRONG, ITALIC, EM) else done
    return


def _sides(writer: _Writer, tag: int, mark: np.ndarray, inner: bytes) -> tuple[str, str] | None:
    """What stands before and behind an inline element; None where it is shown as its text."""
    source = writer.page.source[
        mark[MARK_SOURCE] : min(mark[MARK_SOURCE_END], mark[MARK_SOURCE] + _MAX_TAG_BYTES)
    ].tobytes()
    if tag == CODE:
        ticks = "`" * (longest_ticks(inner.decode("utf-8", "replace")) + 1)
        space = " " if inner.startswith(b"`") or inner.endswith(b"`") else ""
        return ticks + space, space + ticks
    if tag == MATH:
        dollars = "$$" if _DISPLAY.search(source) else "$"
        return dollars, dollars
    if tag == A and writer.links:
        found = _HREF.search(source)
        address = unescape(found[1].strip(b"\"'").decode("utf-8", "replace")).strip() if found else ""
        if address and not address.startswith(("javascript:", "#")):
            return "[", f"]({address.replace(' ', '%20').replace('(', '%28').replace(')', '%29')})"
    if writer.emphasis and tag in (B, STRONG):
        return "**", "**"
    if writer.emphasis and tag in (ITALIC, EM):
        return "*", "*"
    return None


def _escaped(data: bytes, verbatim: int) -> str:
    text = data.decode("utf-8", "replace")
    return text if verbatim else escape_tags(text)
