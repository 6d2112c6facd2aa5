# mypy: disallow-untyped-defs=False
"""Where the formulas of a page are, while it is read: TeX takes the place of what was made of it, and what has no TeX is
noted, to be written as TeX (`formulas`)."""

from gristmill.filters.html.attributes import TEX
from gristmill.filters.html.layout import BEGIN, FORMULA_BEGIN, FORMULA_END, FORMULA_TAG, MATH, WORDS
from gristmill.filters.html.open_elements import (
    BLOCKS,
    FORMULA,
    FORMULA_AT,
    FORMULA_SPACE,
    FORMULA_WORDS,
    FORMULAS,
    IN_TEX,
    OPEN,
    OUT,
    SKIPPING,
    SPACE,
    TEX_SEEN,
)
from gristmill.filters.html.tokeniser import REST, REST_END
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.vectors import find_either


@helper
def start_formula(tag, said, begin, blocks, out, state):
    """The start of a formula, or of an annotation: of the first that is TeX, which takes the place of what was written.

    begin: where its tag is in the page.
    """
    if tag == MATH:
        state[FORMULA], state[FORMULA_SPACE] = state[OUT], state[SPACE]
        state[FORMULA_WORDS] = blocks[state[BLOCKS], WORDS] if state[OPEN] else 0
        state[TEX_SEEN] = state[IN_TEX] = 0
        state[FORMULA_AT] = begin if state[SKIPPING] == 0 else -1
        return
    state[IN_TEX] = 0
    if said & TEX and state[TEX_SEEN] == 0:
        if state[OPEN]:
            block = blocks[state[BLOCKS]]
            state[OUT] = max(state[FORMULA], block[BEGIN])
            block[WORDS] = state[FORMULA_WORDS]
            state[SPACE] = state[FORMULA_SPACE]
        state[TEX_SEEN] = state[IN_TEX] = 1


@helper
def end_formula(end, formulas, state):
    """The end of a formula, which is noted where it is shown and had no TeX. end: behind its end tag."""
    if state[TEX_SEEN] == 0 and state[FORMULA_AT] >= 0:
        note_formula(MATH, state[FORMULA_AT], end, formulas, state)
    state[TEX_SEEN] = state[IN_TEX] = 0
    state[FORMULA_AT] = -1


@inlined
def note_formula(tag, begin, end, formulas, state):
    """Note a formula that is to be written as TeX."""
    row = formulas[state[FORMULAS]]
    row[FORMULA_BEGIN], row[FORMULA_END], row[FORMULA_TAG] = begin, end, tag
    state[FORMULAS] += 1


@helper
def may_show_formula(data, token):
    """Whether an attribute of an image has a word that ends in "tex", as class="latex" or the address of latex.php."""
    i, end = token[REST] + 2, token[REST_END]  # a ">" is behind it
    while True:
        i = find_either(data, i, end, 0x78, 0x58)
        if i >= end:
            return False
        if data[i - 1] | 0x20 == 0x65 and data[i - 2] | 0x20 == 0x74:
            behind = data[i + 1] | 0x20
            if not (behind >= 0x61 and behind <= 0x7A):
                return True
        i += 1
