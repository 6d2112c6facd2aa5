# mypy: disallow-untyped-defs=False
"""Numbers of lines that a page shows beside code: they are no part of it, though they stand in blocks of their own.

They are known by how they stand, not by the names of classes: numbers that count up by one, in the cell before the cell of
the code, beside preformatted text of as many lines, or at the beginning of each of its lines. So Rouge, Pygments, Chroma, Hexo
and SyntaxHighlighter write them.
"""

import numpy as np
from gristmill.filters.html.layout import (
    BEGIN,
    CODE,
    ELEMENT,
    FINISH,
    LAST_MARK,
    MARK_TAG,
    PARENT,
    PLACE,
    PREFORMATTED,
    STATE,
    TAG,
    TD,
    TH,
    Page,
)
from gristmill.filters.html.tokeniser import is_space
from gristmill.kernels.compile import helper, inlined, kernel

MAX_STEPS = 100  # elements around a block that are looked at
MAX_DIGITS = 6  # of the number of a line
FEW_LINES = 5  # code of more may differ by a line from its numbers, for an empty line at its end is not seen


def leave_out_line_numbers(page: Page, kept: np.ndarray) -> None:
    """Take the numbers of lines of code out of the blocks that are kept (bool, changed in place)."""
    _leave_out(page.text, page.blocks, page.elements, page.marks, kept)


@kernel
def _leave_out(text, blocks, elements, marks, kept):
    first = 0
    while first < len(blocks):
        count, end = _run_from(text, blocks, elements, first)
        if count == 0:
            first += 1
            continue
        if _is_beside_code(text, blocks, elements, marks, first, end, count):
            kept[first:end] = False
        first = end


@helper
def _run_from(text, blocks, elements, first):
    """(numbers, the block behind them) of the run of blocks from `first` on that count up by one in one cell, or outside
    of cells in one list or element; (0, first) where that block is not made of such numbers."""
    begin, last = _counted(text, blocks[first], np.int64(-1))
    if last < 0:
        return np.int64(0), first
    cell, around = _cell(elements, blocks[first, ELEMENT]), elements[blocks[first, ELEMENT], PARENT]
    end = first + 1
    while end < len(blocks):
        _, more = _counted(text, blocks[end], last)
        element = blocks[end, ELEMENT]
        together = _cell(elements, element) == cell if cell >= 0 else elements[element, PARENT] == around
        if more < 0 or not together:
            break
        last = more
        end += 1
    return last - begin + 1, end


@inlined
def _counted(text, block, before):
    """(the first number, the last) of a block made of numbers that count up by one from `before` on, or from any where
    that is negative; (-1, -1) of another block."""
    number, digits, begin, last = np.int64(0), 0, np.int64(-1), before
    for at in range(block[BEGIN], block[FINISH] + 1):
        byte = text[at] if at < block[FINISH] else np.uint8(0x20)
        if byte >= 0x30 and byte <= 0x39:
            number = number * 10 + (np.int64(byte) - 0x30)
            digits += 1
            if digits > MAX_DIGITS:
                return np.int64(-1), np.int64(-1)
        elif is_space(byte):
            if digits:
                if last >= 0 and number != last + 1:
                    return np.int64(-1), np.int64(-1)
                if begin < 0:
                    begin = number
                last = number
            number, digits = np.int64(0), 0
        else:
            return np.int64(-1), np.int64(-1)
    return (begin, last) if begin >= 0 else (np.int64(-1), np.int64(-1))


@inlined
def _cell(elements, element):
    """The cell around an element, -1 where there is none."""
    for _ in range(MAX_STEPS):
        if element <= 0:
            return np.int64(-1)
        if elements[element, TAG] == TD or elements[element, TAG] == TH:
            return np.int64(element)
        element = elements[element, PARENT]
    return np.int64(-1)


@helper
def _is_beside_code(text, blocks, elements, marks, first, end, count):
    """Whether the blocks from `first` to `end`, `count` numbers, are those of the lines of code beside them."""
    cell = _cell(elements, blocks[first, ELEMENT])
    if cell >= 0 and end < len(blocks):
        other = _cell(elements, blocks[end, ELEMENT])
        if other > cell and elements[other, PARENT] == elements[cell, PARENT]:
            is_only = first == 0 or _cell(elements, blocks[first - 1, ELEMENT]) != cell
            if is_only and (blocks[end, STATE] & PREFORMATTED or (count > 1 and _has_code(blocks, marks, end))):
                return True
    if count < 2:
        return False
    for beside in (end, first - 1):
        if beside >= 0 and beside < len(blocks) and blocks[beside, STATE] & PREFORMATTED:
            lines = 1
            for at in range(blocks[beside, BEGIN], blocks[beside, FINISH]):
                lines += text[at] == 0x0A
            if FEW_LINES * abs(lines - count) <= count:
                return True
    return False


@helper
def _has_code(blocks, marks, number):
    """Whether a `code` element begins in a block."""
    found = False
    for mark in range(blocks[number - 1, LAST_MARK], blocks[number, LAST_MARK]):
        found |= marks[mark, MARK_TAG] == CODE
    return found


@kernel
def cut_line_numbers(text, blocks, marks):
    """Cut the numbers of its lines out of each preformatted block in which every line begins with one in an element of
    its own, as Sphinx and Chroma write them. Blocks become shorter where they stand."""
    first = 0
    for b in range(len(blocks)):
        last = blocks[b, LAST_MARK]
        if blocks[b, STATE] & PREFORMATTED and last - first >= 4 and _is_numbered(text, blocks[b], marks, first, last):
            _cut(text, blocks[b], marks, first, last)
        first = last


@helper
def _is_numbered(text, block, marks, first, last):
    """Whether each of two lines and more begins with a number, one more than that of the line before, and some have more
    than that."""
    at, mark, lines, before, more = np.int64(block[BEGIN]), first, 0, np.int64(-1), False
    while at < block[FINISH]:
        while mark < last and lines and marks[mark, PLACE] < at:
            mark += 1
        number, end = _number_at(text, at, block[FINISH], marks, mark, last)
        if number < 0 or (lines and number != before + 1):
            return False
        more |= end < block[FINISH] and text[end] != 0x0A
        before = number
        lines += 1
        at = _next_line(text, at, block[FINISH])
    return lines > 1 and more


@helper
def _number_at(text, at, finish, marks, mark, last):
    """(the number that the line at `at` begins with, the end of its element); (-1, at) where it has none."""
    start = at
    while start < finish and text[start] == 0x20:
        start += 1
    begun = False
    while mark < last and marks[mark, PLACE] <= start:
        begun |= marks[mark, MARK_TAG] >= 0
        mark += 1
    while mark < last and marks[mark, MARK_TAG] >= 0:
        mark += 1
    if not begun or mark == last:
        return np.int64(-1), at
    end, number, i = np.int64(marks[mark, PLACE]), np.int64(0), start
    while i < end and i - start < MAX_DIGITS and text[i] >= 0x30 and text[i] <= 0x39:
        number = number * 10 + (np.int64(text[i]) - 0x30)
        i += 1
    has_digits = i > start
    while i < end and text[i] == 0x20:
        i += 1
    return (number, end) if has_digits and i == end else (np.int64(-1), at)


@inlined
def _next_line(text, at, finish):
    while at < finish and text[at] != 0x0A:
        at += 1
    return at + 1


@helper
def _cut(text, block, marks, first, last):
    at, mark, finish, cut, lines = np.int64(block[BEGIN]), first, np.int64(block[FINISH]), np.int64(0), 0
    while at < finish:
        while mark < last and lines and marks[mark, PLACE] < at:
            marks[mark, PLACE] -= cut
            mark += 1
        _, end = _number_at(text, at, finish, marks, mark, last)
        while mark < last and marks[mark, PLACE] < end:
            marks[mark, PLACE] = min(np.int64(marks[mark, PLACE]), at) - cut
            mark += 1
        cut += end - at
        stop = min(_next_line(text, at, finish), finish)
        for i in range(end, stop):
            text[i - cut] = text[i]
        at = stop
        lines += 1
    while mark < last:
        marks[mark, PLACE] -= cut
        mark += 1
    block[FINISH] = finish - cut
