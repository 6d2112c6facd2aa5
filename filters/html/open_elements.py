# mypy: disallow-untyped-defs=False
"""The stack of open elements, kept as the standard's tree builder would keep it as far as the place of text goes.

Closing is a look at where the topmost element of a name lies: every element is pushed once and popped once, so a page
costs time linear in its tags whatever their nesting.
"""

from gristmill.filters.html.tags import BARRIER, INLINE, PROPERTIES
from gristmill.kernels.compile import helper, inlined

# Columns of the stack: tag; the element, or for inline ones that of what it is in; the place of the next open element of
# this tag below; the topmost block element and barrier below; flags.
S_TAG, S_ELEMENT, S_SAME, S_BLOCK, S_BARRIER, S_FLAGS = range(6)
STACK_COLUMNS = 6
HIDES, SKIPS, KEEPS_SPACE, LINKS_TEXT, DEAD = 1, 2, 4, 8, 16

# The state of a reading: sizes of what is written; how many open elements hide, skip, keep white space, link; the topmost
# block element and barrier; whether a space is due, a block is open, a word is being written; line breaks in a row; where
# a formula began, the words before it, and whether a space was due there; what TeX source has begun, and whether it goes
# on; where in the page the formula is, -1 where it is not shown; how many formulas are to be written as TeX.
(
    OPEN_ELEMENTS,
    BLOCKS,
    ELEMENTS,
    LABELS,
    MARKS_NOW,
    HEADS,
    OUT,
    HIDING,
    SKIPPING,
    KEEPING,
    LINKING,
    TOP_BLOCK,
    TOP_BARRIER,
    SPACE,
    OPEN,
    IN_WORD,
    BREAKING,
    FORMULA,
    FORMULA_WORDS,
    FORMULA_SPACE,
    TEX_SEEN,
    IN_TEX,
    FORMULA_AT,
    FORMULAS,
) = range(24)
STATE_COLUMNS = 24


@inlined
def _count(flags, change, state):
    state[HIDING] += change * (flags & HIDES != 0)
    state[SKIPPING] += change * (flags & SKIPS != 0)
    state[KEEPING] += change * (flags & KEEPS_SPACE != 0)
    state[LINKING] += change * (flags & LINKS_TEXT != 0)


@inlined
def push(tag, element, flags, stack, tops, state):
    """Open an element. tops: the place of the topmost open element of each tag, -1 where there is none."""
    place = state[OPEN_ELEMENTS]
    stack[place, S_TAG], stack[place, S_ELEMENT], stack[place, S_FLAGS] = tag, element, flags
    stack[place, S_SAME] = tops[tag]
    stack[place, S_BLOCK], stack[place, S_BARRIER] = state[TOP_BLOCK], state[TOP_BARRIER]
    tops[tag] = place
    if not PROPERTIES[tag] & INLINE:
        state[TOP_BLOCK] = place
    if PROPERTIES[tag] & BARRIER:
        state[TOP_BARRIER] = place
    if flags:
        _count(flags, 1, state)
    state[OPEN_ELEMENTS] = place + 1


@inlined
def pop_to(place, stack, tops, state):
    """Close everything from the top of the stack down to `place`."""
    for at in range(state[OPEN_ELEMENTS] - 1, place - 1, -1):
        flags = stack[at, S_FLAGS]
        if not flags & DEAD:
            tops[stack[at, S_TAG]] = stack[at, S_SAME]
        if flags:
            _count(flags, -1, state)
    state[TOP_BLOCK], state[TOP_BARRIER] = stack[place, S_BLOCK], stack[place, S_BARRIER]
    state[OPEN_ELEMENTS] = place


@inlined
def close_above(tag, border, stack, tops, state):
    """Close the topmost element of a tag when it lies above `border`; whether it did."""
    place = tops[tag]
    if place <= border:
        return False
    pop_to(place, stack, tops, state)
    return True


@helper
def end_topmost(tag, stack, tops, state):
    """End an inline element that blocks opened inside it outlive: it stays on the stack without effect."""
    place = tops[tag]
    _count(stack[place, S_FLAGS], -1, state)
    stack[place, S_FLAGS] = DEAD
    tops[tag] = stack[place, S_SAME]
