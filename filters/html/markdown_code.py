"""Code as Markdown: preformatted text, and lines that are all `code` though nothing around them is preformatted."""

import re
from collections.abc import Sequence

import numpy as np
from gristmill.filters.html.code_language import code_language
from gristmill.filters.html.layout import BEGIN, ELEMENT, FINISH, PARENT, TAG, TR, Page
from gristmill.filters.html.markdown_around import Around
from gristmill.filters.html.tag_attributes import attribute, tag_bytes
from gristmill.filters.html.tags import tag_number
from gristmill.filters.text.markdown_syntax import fenced

_DIV = tag_number("div")
_DIGITS = re.compile(r"\d+")


def code_end(page: Page, numbers: Sequence[int], arounds: Sequence[Around], first: int) -> int:
    """The place behind the preformatted blocks from place `first` on that are one piece of code: those of one element, or
    lines in rows of one table."""
    end = first + 1
    while end < len(numbers) and (
        arounds[end].pre == arounds[first].pre
        or (
            arounds[end].pre >= 0
            and _next_row(page, arounds[end - 1], arounds[end]) > 0
            and all(b"\n" not in _bytes(page, numbers[k]) for k in (end - 1, end))
        )
    ):
        end += 1
    return end


def preformatted(page: Page, numbers: Sequence[int], arounds: Sequence[Around]) -> str:
    """Preformatted blocks that are one piece of code between fences; rows without text are empty lines of it."""
    parts = [page.block_text(numbers[0])]
    for k in range(1, len(numbers)):
        lines = _next_row(page, arounds[k - 1], arounds[k]) if arounds[k].pre != arounds[0].pre else 2
        parts += ["\n" * lines, page.block_text(numbers[k])]
    return fenced("".join(parts), code_language(page, numbers[0], arounds[0].pre))


def _next_row(page: Page, before: Around, around: Around) -> int:
    """How many rows of one table a row stands behind another, 0 where it does not."""
    one, other = before.row, around.row
    parents = page.elements[[one, other], PARENT]
    if before.table < 0 or before.table != around.table or one >= other or one < 0 or parents[0] != parents[1]:
        return 0
    between = page.elements[one:other]
    return int(((between[:, TAG] == TR) & (between[:, PARENT] == parents[0])).sum())


def _bytes(page: Page, number: int) -> bytes:
    block = page.blocks[number]
    return page.text[block[BEGIN] : block[FINISH]].tobytes()


def code_lines(
    page: Page, numbers: Sequence[int], arounds: Sequence[Around], code: np.ndarray, first: int
) -> tuple[str, int]:
    """(code between fences, of how many blocks) where blocks from place `first` on are lines of code; else ("", 0).

    Lines are breaks in one `code`, or divisions side by side that are all `code`, as scripts that colour code write them.
    No-break spaces, which stand for the spaces of such lines, are spaces. code: which blocks are all `code`.
    """
    lines: list[str] = []
    k = first
    while k < len(numbers) and code[numbers[k]] and not arounds[k].heading and arounds[k].pre < 0:
        if k > first and not _goes_on(page, numbers[k - 1], numbers[k], arounds[k - 1], arounds[k]):
            break
        lines += [""] if k > first and _same_element(page, numbers[k - 1], numbers[k]) else []
        lines.append(page.block_text(numbers[k]).replace("\xa0", " "))
        k += 1
    text = "\n".join(lines)
    if "\n" not in text:
        return "", 0
    return fenced(text, code_language(page, numbers[first], int(page.blocks[numbers[first], ELEMENT]))), k - first


def _same_element(page: Page, one: int, other: int) -> bool:
    return bool(page.blocks[one, ELEMENT] == page.blocks[other, ELEMENT])


def _goes_on(page: Page, before: int, number: int, around_before: Around, around: Around) -> bool:
    """Whether a block may be the next line of code after the block before it."""
    if around_before.containers != around.containers or around_before.cell != around.cell:
        return False
    if _same_element(page, before, number):
        return True
    one, other = int(page.blocks[before, ELEMENT]), int(page.blocks[number, ELEMENT])
    elements = page.elements
    if elements[one, TAG] != _DIV or elements[other, TAG] != _DIV or elements[one, PARENT] != elements[other, PARENT]:
        return False
    return _kind(page, one) == _kind(page, other)  # cells of a grid, which have different classes, are no lines


def _kind(page: Page, element: int) -> str:
    return _DIGITS.sub("", attribute(tag_bytes(page, element), "class") or "")
