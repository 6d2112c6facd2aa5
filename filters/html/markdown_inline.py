"""The text of one block with what its inline elements mean in Markdown: code, formulas, links and emphasis if wanted."""

from typing import NamedTuple

import numpy as np
from gristmill.filters.html.layout import (
    BEGIN,
    CODE,
    EM,
    FINISH,
    ITALIC,
    LAST_MARK,
    MARK_TAG,
    MATH,
    PLACE,
    STRONG,
    SUB,
    SUP,
    A,
    B,
    Page,
)
from gristmill.filters.html.tag_attributes import attribute, mark_bytes
from gristmill.filters.text.markdown_syntax import escape_tags, longest_ticks
from gristmill.filters.text.raised import lowered, raised

_REPLACED = 1 << 16  # as a change of the depth of verbatim text: what follows is replaced by the mark before it
MAX_OPEN = 50  # inline elements that an end tag looks for its start among


class Wanted(NamedTuple):
    """links: addresses of links, as they stand in the page. emphasis: bold and italic."""

    links: bool
    emphasis: bool


class _Edge(NamedTuple):
    """A side of an inline element. order: among those of one place. verbatim: change of the depth of verbatim text."""

    place: int
    order: int
    mark: str
    verbatim: int


def inline_text(page: Page, number: int, wanted: Wanted) -> str:
    """The text of a block with what its inline elements mean."""
    block = page.blocks[number]
    begin, finish = int(block[BEGIN]), int(block[FINISH])
    data = page.text[begin:finish].tobytes()
    parts, at, verbatim = [], 0, 0
    for edge in _edges(page, number, data, wanted):
        parts += ["" if verbatim >= _REPLACED else _escaped(data[at : edge.place], verbatim), edge.mark]
        at, verbatim = edge.place, verbatim + edge.verbatim
    return "".join([*parts, _escaped(data[at:], verbatim)])


def marks_of(page: Page, number: int) -> np.ndarray:
    """The marks of a block, those between it and the block before it too."""
    first = int(page.blocks[number - 1, LAST_MARK]) if number else 0
    return page.marks[first : int(page.blocks[number, LAST_MARK])]


def _edges(page: Page, number: int, data: bytes, wanted: Wanted) -> list[_Edge]:
    """The sides of the elements of a block that are shown, in their order."""
    opened: list[tuple[int, int, np.ndarray]] = []
    pairs: list[tuple[int, int, int, np.ndarray]] = []
    begin = int(page.blocks[number, BEGIN])
    for mark in marks_of(page, number):
        tag, place = int(mark[MARK_TAG]), min(max(int(mark[PLACE]) - begin, 0), len(data))
        if tag >= 0:
            if tag == A and opened and opened[-1][0] == A:  # a link ends the one it begins in
                pairs.append((A, opened[-1][1], place, opened.pop()[2]))
            opened.append((tag, place, mark))
            continue
        for position in range(len(opened) - 1, max(len(opened) - MAX_OPEN, 0) - 1, -1):
            if opened[position][0] == -1 - tag:
                _, start, source = opened.pop(position)
                pairs.append((-1 - tag, start, place, source))
                break
    pairs += [(tag, start, len(data), source) for tag, start, source in opened]
    edges: list[_Edge] = []
    done = -1
    pairs.sort(key=lambda pair: (pair[1], -pair[2]))
    for k, (tag, start, end, source) in enumerate(pairs):
        while start < end and data[start] in b" \n\t":
            start += 1
        while end > start and data[end - 1] in b" \n\t":
            end -= 1
        if tag in (SUP, SUB) and start < end and start >= done:
            written = _script(tag, data[start:end].decode("utf-8", "replace"))
            has_link = any(one == A and _sides(page, A, mark, b"", wanted) for one, _, _, mark in pairs[k + 1 : k + 2])
            if written and not has_link:
                edges += [_Edge(start, len(edges), written, _REPLACED), _Edge(end, -len(edges), "", -_REPLACED)]
                done = end
            continue
        sides = _sides(page, tag, source, data[start:end], wanted) if start < end and start >= done else None
        if sides:
            _add_edges(edges, tag, start, end, sides)
            done = end if tag not in (A, B, STRONG, ITALIC, EM) else done
    return sorted(edges, key=lambda edge: edge[:2])


def _script(tag: int, text: str) -> str | None:
    return raised(text) if tag == SUP else lowered(text)


def _add_edges(edges: list[_Edge], tag: int, start: int, end: int, sides: tuple[str, str]) -> None:
    """Add both sides of an element; what follows an element of its kind directly is one with it, or a space behind it."""
    opening, closing = sides
    verbatim = int(tag in (CODE, MATH))
    if edges and edges[-1].place == start and edges[-1].mark[-1:] == opening[0]:
        if edges[-1].mark == closing and tag != MATH:
            edges[-1] = edges[-1]._replace(place=end)
            return
        if tag in (CODE, MATH):
            opening = " " + opening
    order = len(edges)
    edges.append(_Edge(start, order, opening, verbatim))
    edges.append(_Edge(end, -order, closing, -verbatim))


def _sides(page: Page, tag: int, mark: np.ndarray, inner: bytes, wanted: Wanted) -> tuple[str, str] | None:
    """What stands before and behind an inline element; None where it is shown as its text."""

    def said(name: str) -> str:
        return (attribute(mark_bytes(page, mark), name) or "").strip()

    if tag == CODE:
        ticks = "`" * (longest_ticks(inner.decode("utf-8", "replace")) + 1)
        space = " " if inner.startswith(b"`") or inner.endswith(b"`") else ""
        return ticks + space, space + ticks
    if tag == MATH:
        is_display = said("display").lower() == "block" or "mode=display" in said("type")
        dollars = "$$" if is_display else "$"
        return dollars, dollars
    if tag == A and wanted.links:
        address = said("href")
        if address and not address.startswith(("javascript:", "#")):
            return "[", f"]({address.replace(' ', '%20').replace('(', '%28').replace(')', '%29')})"
    if wanted.emphasis and tag in (B, STRONG):
        return "**", "**"
    if wanted.emphasis and tag in (ITALIC, EM):
        return "*", "*"
    return None


def _escaped(data: bytes, verbatim: int) -> str:
    text = data.decode("utf-8", "replace")
    return text if verbatim else escape_tags(text)
