"""Columns of the arrays that a page is read into, and the numbers of the elements that its reader knows by name."""

from typing import NamedTuple

import numpy as np
from gristmill.filters.html.tags import tag_number

# Columns of a block: its text; the innermost block element around it; words, words in links; links; half words among
# them, the characters of scripts without spaces; sentence marks; digits; capitals; line breaks; the labels of its inline
# elements; flags; the end of its marks, which begin where those of the block before it end.
BEGIN, FINISH, ELEMENT, WORDS, LINK_WORDS, LINKS, HALF_WORDS = range(7)
MARKS, DIGITS, CAPITALS, BREAKS, LABEL, LABEL_END, STATE, LAST_MARK = range(7, 15)
BLOCK_COLUMNS = 15
HIDDEN, PREFORMATTED = 1, 2  # bits of STATE

# Columns of an element: its tag; its parent's row; its depth; its labels; where its tag is in the source; the first
# block in it or behind it; what its attributes say (bits of `attributes`).
TAG, PARENT, DEPTH, FIRST_LABEL, LAST_LABEL, SOURCE, FIRST_BLOCK, SAID = range(8)
ELEMENT_COLUMNS = 8

# Columns of a mark, the start or end of an inline element inside a block: where in the text; its tag, an end is
# -1 - tag; where its attributes are in the source.
PLACE, MARK_TAG, MARK_SOURCE, MARK_SOURCE_END = range(4)
MARK_COLUMNS = 4

# Columns of a head: a tag that says something about the page: its tag, its attributes, or the text of a title or script.
HEAD_TAG, HEAD_SOURCE, HEAD_SOURCE_END, HEAD_PLACE = range(4)
HEAD_COLUMNS = 4
MAX_HEADS = 2048  # what more there is of them is not looked at


# Columns of a formula that the page has no TeX source of, in the source: its begin, its end, and what it is.
FORMULA_BEGIN, FORMULA_END, FORMULA_TAG = range(3)
FORMULA_COLUMNS = 3


class Page(NamedTuple):
    """source, text: uint8. blocks, elements, marks, heads: int32, a row each (columns above). labels: uint32."""

    source: np.ndarray
    text: np.ndarray
    blocks: np.ndarray
    elements: np.ndarray
    marks: np.ndarray
    heads: np.ndarray
    labels: np.ndarray

    def block_text(self, number: int) -> str:
        """The text of a block."""
        block = self.blocks[number]
        return self.text[block[BEGIN] : block[FINISH]].tobytes().decode("utf-8", "replace")


def _numbers(names: str) -> tuple[int, ...]:
    return tuple(tag_number(name) for name in names.split())


A, BR, P, LI, UL, OL, DD, DT, DL = _numbers("a br p li ul ol dd dt dl")
TD, TH, TR, TABLE, TBODY, THEAD, TFOOT, BODY, HTML = _numbers("td th tr table tbody thead tfoot body html")
SVG, RT, RP, RUBY, MATH, ANNOTATION, ANNOTATION_XML, CODE, IMG = _numbers(
    "svg rt rp ruby math annotation annotation-xml code img"
)
MJX_CONTAINER = tag_number("mjx-container")
IFRAME, STYLE, TITLE, SCRIPT_TAG, NOSCRIPT, META, LINK, TIME, TEMPLATE = _numbers(
    "iframe style title script noscript meta link time template"
)
B, STRONG, ITALIC, EM, SUP, SUB = _numbers("b strong i em sup sub")
PRE_TAG, BLOCKQUOTE, H1, H6 = _numbers("pre blockquote h1 h6")
