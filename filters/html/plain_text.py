# mypy: disallow-untyped-defs=False
"""The kept blocks of a page as one text, with the lines between them that a browser's `innerText` has: cells of a row by a
tab, a blank line around paragraphs, headings, lists and tables, else a line end."""

import numpy as np
from gristmill.filters.html.layout import BEGIN, ELEMENT, FINISH, PARENT, TAG, TR
from gristmill.filters.html.tags import TAGS, tag_number
from gristmill.kernels.compile import helper, kernel

_SPACED = "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure article section hr listing menu"
SPACED_TAGS = np.zeros(TAGS, np.bool_)
for _name in _SPACED.split():
    SPACED_TAGS[tag_number(_name)] = True
MAX_STEPS = 100  # what lies farther apart in the tree is not looked at: blocks as deep as that are told apart anyway


@helper
def _separation(elements, one, other):
    """Line ends between texts of two elements: 0 in cells of one row, 1, or 2 where an element with space around it ends
    or begins between them. (Parents come before their children.)"""
    spaced = one == other  # two blocks of one element are told apart by an empty line in it
    for _ in range(MAX_STEPS):
        if one == other:
            if elements[one, TAG] == TR and not spaced:
                return 0
            return 2 if spaced else 1
        if one > other:
            spaced |= SPACED_TAGS[elements[one, TAG]]
            one = elements[one, PARENT]
        else:
            spaced |= SPACED_TAGS[elements[other, TAG]]
            other = elements[other, PARENT]
    return 2


@kernel
def join_blocks(text, blocks, elements, kept, out):
    """Write the text of the kept blocks to `out` (two bytes a block longer than `text`); returns its size."""
    at, last = 0, np.int32(-1)
    for b in range(len(blocks)):
        if not kept[b]:
            continue
        block = blocks[b]
        if last >= 0:
            ends = _separation(elements, last, block[ELEMENT])
            if ends == 0:
                out[at] = 0x09
                at += 1
            for _ in range(ends):
                out[at] = 0x0A
                at += 1
        for i in range(block[BEGIN], block[FINISH]):
            out[at] = text[i]
            at += 1
        last = block[ELEMENT]
    return at
