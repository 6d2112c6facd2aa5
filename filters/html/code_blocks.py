# mypy: disallow-untyped-defs=False
"""Which blocks of a page are all `code`, though they need not be preformatted: lines of code in divisions of their own."""

import numpy as np
from gristmill.filters.html.layout import BEGIN, CODE, ELEMENT, FINISH, LAST_MARK, MARK_TAG, PLACE, Page
from gristmill.filters.html.tokeniser import is_space
from gristmill.kernels.compile import inlined, kernel


def code_blocks(page: Page) -> np.ndarray:
    """bool: whether all that is seen of a block is in `code`."""
    out = np.zeros(len(page.blocks), bool)
    _find(page.text, page.blocks, page.marks, out)
    return out


@kernel
def _find(text, blocks, marks, out):
    first, is_open = 0, False
    for b in range(len(blocks)):
        begin, finish, last = np.int64(blocks[b, BEGIN]), np.int64(blocks[b, FINISH]), blocks[b, LAST_MARK]
        goes_on = (
            is_open and blocks[b, ELEMENT] == blocks[b - 1, ELEMENT]
        )  # two breaks in a row end a block within `code`
        depth, at, all_code = 1 if goes_on else 0, begin, True
        for m in range(first, last):
            change = 1 if marks[m, MARK_TAG] == CODE else -1 if marks[m, MARK_TAG] == -1 - CODE else 0
            if change:
                place = min(max(np.int64(marks[m, PLACE]), begin), finish)
                all_code &= depth > 0 or _is_blank(text, at, place)
                at, depth = place, max(depth + change, 0)
        out[b] = all_code and (depth > 0 or _is_blank(text, at, finish))
        is_open, first = depth > 0, last


@inlined
def _is_blank(text, i, end):
    """Whether text[i:end] is white space; no-break spaces are too."""
    while i < end and (is_space(text[i]) or (text[i] == 0xC2 and i + 1 < end and text[i + 1] == 0xA0)):
        i += 2 if text[i] == 0xC2 else 1
    return i >= end
