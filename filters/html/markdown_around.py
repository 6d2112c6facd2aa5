"""What is around the blocks of a page as Markdown shows it: quotes and items of lists, code, headings, tables."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from gristmill.filters.html.attributes import CODE_CELL, HEADING
from gristmill.filters.html.layout import (
    BLOCKQUOTE,
    H1,
    H6,
    LI,
    OL,
    PARENT,
    PRE_TAG,
    SAID,
    TABLE,
    TAG,
    TD,
    TH,
    TR,
    Page,
)
from gristmill.filters.html.tag_attributes import attribute, tag_bytes

MAX_CONTAINERS = 20  # quotes and items around a block that are shown, from the outside in
MAX_NUMBER = 999_999_999  # of an item: greater ones are no marks in Markdown


class Around(NamedTuple):
    """The elements around a block that Markdown shows, by their rows; -1 where there is none. All but `pre` the innermost.

    containers: quotes and items, from the outside in; the first `outside_table` of them are around the table too.
    """

    pre: int = -1
    heading: int = 0  # level, 0 where it is none
    containers: tuple[int, ...] = ()
    table: int = -1
    outside_table: int = 0
    row: int = -1
    cell: int = -1


class Surroundings:
    """What is around each element of a page; every element is looked at once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._known: dict[int, Around] = {-1: Around()}
        self._numbers: dict[int, dict[int, int]] = {}

    def of(self, element: int) -> Around:
        """What is around a block whose innermost element this is."""
        path = []
        while element not in self._known:
            path.append(element)
            element = int(self._page.elements[element, PARENT])
        around = self._known[element]
        for element in reversed(path):
            around = self._known[element] = self._within(element, around)
        return around

    def _within(self, element: int, around: Around) -> Around:
        tag = int(self._page.elements[element, TAG])
        if tag == PRE_TAG and around.pre < 0:
            return around._replace(pre=element)
        if H1 <= tag <= H6:
            return around._replace(heading=tag - H1 + 1)
        if self._page.elements[element, SAID] & HEADING and not around.heading:
            level = _whole_number(self._said(element, "aria-level"))
            around = around._replace(heading=min(max(2 if level is None else level, 1), 6))  # 2 says the standard
        if tag in (LI, BLOCKQUOTE) and len(around.containers) < MAX_CONTAINERS:
            return around._replace(containers=(*around.containers, element))
        if tag == TABLE:
            return around._replace(table=element, outside_table=len(around.containers), row=-1, cell=-1)
        if tag == TR:
            return around._replace(row=element, cell=-1)
        if tag in (TD, TH):
            is_code = around.pre < 0 and self._page.elements[element, SAID] & CODE_CELL
            return around._replace(cell=element, pre=element if is_code else around.pre)
        return around

    def is_quote(self, container: int) -> bool:
        """Whether a container is a quote; the others are items."""
        return bool(self._page.elements[container, TAG] == BLOCKQUOTE)

    def are_siblings(self, container: int, other: int) -> bool:
        """Whether two containers are items of one list."""
        elements = self._page.elements
        both_items = elements[container, TAG] == LI and elements[other, TAG] == LI
        return bool(both_items and elements[container, PARENT] == elements[other, PARENT])

    def mark(self, item: int) -> str:
        """What an item begins with: its number in a numbered list, as a browser shows it, or a dash."""
        list_ = int(self._page.elements[item, PARENT])
        if list_ < 0 or self._page.elements[list_, TAG] != OL:
            return "- "
        if list_ not in self._numbers:
            self._numbers[list_] = self._numbered(list_)
        number = self._numbers[list_][item]
        return f"{number}. " if 0 <= number <= MAX_NUMBER else "- "

    @cached_property
    def _items(self) -> tuple[np.ndarray, np.ndarray]:
        """The items of a page and the lists that they are in, sorted by list."""
        elements = self._page.elements
        items = np.flatnonzero(elements[:, TAG] == LI)
        lists = elements[items, PARENT]
        order = np.argsort(lists, kind="stable")
        return items[order], lists[order]

    def _numbered(self, list_: int) -> dict[int, int]:
        """The number of each item of a list: attributes `start`, `reversed` and `value` of HTML."""
        items, lists = self._items
        mine = items[slice(*np.searchsorted(lists, [list_, list_ + 1]))].tolist()
        step = 1 if self._said(list_, "reversed") is None else -1
        start = _whole_number(self._said(list_, "start"))
        number = start if start is not None else 1 if step > 0 else len(mine)
        numbers = {}
        for item in mine:
            value = _whole_number(self._said(item, "value"))
            number = number if value is None else value
            numbers[item] = number
            number += step
        return numbers

    def _said(self, element: int, name: str) -> str | None:
        return attribute(tag_bytes(self._page, element), name)


def _whole_number(text: str | None) -> int | None:
    digits = (text or "").strip()
    return (
        int(digits)
        if len(digits) <= 10 and digits.removeprefix("-").isascii() and digits.removeprefix("-").isdigit()
        else None
    )
