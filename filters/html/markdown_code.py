"""Code as Markdown: preformatted text, and lines that are all `code` though nothing around them is preformatted."""

import re
from collections.abc import Sequence

import numpy as np
from gristmill.filters.html.code_language import code_language
from gristmill.filters.html.layout import BEGIN, CODE, ELEMENT, FINISH, LAST_MARK, MARK_TAG, PARENT, PLACE, TAG, Page
from gristmill.filters.html.markdown_around import Around
from gristmill.filters.html.markdown_inline import marks_of
from gristmill.filters.html.tag_attributes import attribute, tag_bytes
from gristmill.filters.html.tags import tag_number
from gristmill.filters.text.markdown_syntax import fenced

_DIV = tag_number("div")
_DIGITS = re.compile(r"\d+")


def preformatted(page: Page, numbers: Sequence[int], pre: int) -> str:
    """The blocks of a `pre` element between fences."""
    return fenced("\n\n".join(page.block_text(number) for number in numbers), code_language(page, numbers[0], pre))


def blocks_with_code(page: Page) -> set[int]:
    """The blocks in which a `code` begins."""
    marks = np.flatnonzero(page.marks[:, MARK_TAG] == CODE)
    return set(np.searchsorted(page.blocks[:, LAST_MARK], marks, side="right").tolist())


def code_lines(page: Page, numbers: Sequence[int], arounds: Sequence[Around], first: int) -> tuple[str, int]:
    """(code between fences, of how many blocks) where blocks from place `first` on are lines of code; else ("", 0).

    Lines are breaks in one `code`, or divisions side by side that are all `code`, as scripts that colour code write them.
    No-break spaces, which stand for the spaces of such lines, are spaces.
    """
    lines: list[str] = []
    is_open, k = False, first
    while k < len(numbers) and not arounds[k].heading and arounds[k].pre < 0:
        same = k > first and _same_element(page, numbers[k - 1], numbers[k])
        if k > first and not _goes_on(page, numbers[k - 1], numbers[k], arounds[k - 1], arounds[k]):
            break
        is_code, is_open = _is_all_code(page, numbers[k], is_open and same)
        if not is_code:
            break
        lines += ["", _line(page, numbers[k])] if same else [_line(page, numbers[k])]
        k += 1
    text = "\n".join(lines)
    if "\n" not in text:
        return "", 0
    return fenced(text, code_language(page, numbers[first], int(page.blocks[numbers[first], ELEMENT]))), k - first


def _line(page: Page, number: int) -> str:
    return page.block_text(number).replace("\xa0", " ")


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


def _is_all_code(page: Page, number: int, is_open: bool) -> tuple[bool, bool]:
    """(whether all that is seen of a block is in `code`, whether that goes on behind it). is_open: it began before it."""
    begin, finish = int(page.blocks[number, BEGIN]), int(page.blocks[number, FINISH])
    at, depth = begin, int(is_open)
    has_code = is_open
    for mark in marks_of(page, number):
        change = {CODE: 1, -1 - CODE: -1}.get(int(mark[MARK_TAG]), 0)
        if change:
            place = min(max(int(mark[PLACE]), begin), finish)
            if depth == 0 and not _is_blank(page, at, place):
                return False, False
            at, depth, has_code = place, max(depth + change, 0), True
    return has_code and (depth > 0 or _is_blank(page, at, finish)), depth > 0


def _is_blank(page: Page, begin: int, end: int) -> bool:
    return not page.text[begin:end].tobytes().decode("utf-8", "replace").strip()
