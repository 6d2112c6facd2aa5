# mypy: disallow-untyped-defs=False
"""The text of blocks as a browser shows it: white space collapses across inline elements, `pre` keeps all of it,
references are replaced; and what is counted of it on the way."""

from gristmill.filters.html.layout import (
    BEGIN,
    BLOCK_COLUMNS,
    CAPITALS,
    DIGITS,
    ELEMENT,
    FINISH,
    HIDDEN,
    LABEL,
    LABEL_END,
    LAST_MARK,
    LINK_WORDS,
    MARKS,
    PREFORMATTED,
    STATE,
    WIDE,
    WORDS,
)
from gristmill.filters.html.open_elements import (
    BLOCKS,
    BREAKING,
    HIDING,
    IN_WORD,
    KEEPING,
    LABELS,
    LINKING,
    MARKS_NOW,
    OPEN,
    OUT,
    S_ELEMENT,
    SPACE,
    TOP_BLOCK,
)
from gristmill.filters.html.references import put_reference
from gristmill.filters.html.tokeniser import is_space
from gristmill.kernels.compile import helper, inlined


@helper
def end_block(out, blocks, state):
    """End the open block; white space at its end goes, and a block without text."""
    state[SPACE] = state[IN_WORD] = state[BREAKING] = 0
    if not state[OPEN]:
        return
    block = blocks[state[BLOCKS]]
    end = state[OUT]
    while end > block[BEGIN]:
        if out[end - 1] == 0x20 or out[end - 1] == 0x0A or out[end - 1] == 0x09:
            end -= 1
        elif end - block[BEGIN] >= 2 and out[end - 1] == 0xA0 and out[end - 2] == 0xC2:
            end -= 2  # a no-break space
        else:
            break
    state[OPEN] = 0
    state[OUT] = end
    if end > block[BEGIN]:
        block[FINISH], block[LAST_MARK] = end, state[MARKS_NOW]
        state[BLOCKS] += 1


@helper
def _begin_block(blocks, stack, state):
    """Begin a block where text stands."""
    block = blocks[state[BLOCKS]]
    for column in range(BLOCK_COLUMNS):
        block[column] = 0
    block[BEGIN] = state[OUT]
    block[ELEMENT] = stack[state[TOP_BLOCK], S_ELEMENT]
    block[LABEL] = block[LABEL_END] = state[LABELS]
    block[STATE] = (HIDDEN if state[HIDING] else 0) | (PREFORMATTED if state[KEEPING] else 0)
    state[OPEN] = 1


@inlined
def _count_byte(byte, block, state):
    """Count what a byte that was written adds to its block."""
    letter = (byte | 0x20) >= 0x61 and (byte | 0x20) <= 0x7A
    if letter or byte >= 0x80 or (byte >= 0x30 and byte <= 0x39) or byte == 0x5F:
        if not state[IN_WORD]:
            state[IN_WORD] = 1
            block[WORDS] += 1
            if state[LINKING]:
                block[LINK_WORDS] += 1
            if letter and byte < 0x61:
                block[CAPITALS] += 1
        if byte >= 0x30 and byte <= 0x39:
            block[DIGITS] += 1
        elif byte >= 0xE0 and byte <= 0xE9 and byte != 0xE1 and byte != 0xE2:
            block[WIDE] += 1  # Thai and Lao, the scripts of India, kana, U+3000 to U+9FFF
    else:
        state[IN_WORD] = 0
        if byte == 0x2E or byte == 0x2C or byte == 0x21 or byte == 0x3F or byte == 0x3B or byte == 0x3A:
            block[MARKS] += 1


@inlined
def _put_byte(byte, out, block, state):
    """Write a byte, after the space that is due."""
    at = state[OUT]
    if state[SPACE]:
        state[SPACE] = state[IN_WORD] = 0
        if at > block[BEGIN] and out[at - 1] != 0x0A:
            out[at] = 0x20
            at += 1
    out[at] = byte
    state[OUT] = at + 1
    _count_byte(byte, block, state)


@helper
def put_mark(byte, out, state):
    """Write a byte that is not in the page; the space that is due before it is not written."""
    out[state[OUT]] = byte
    state[OUT] += 1
    state[IN_WORD] = state[SPACE] = 0


@helper
def add_text(data, i, end, has_references, table, scratch, out, blocks, stack, state):
    """Add data[i:end] to the open block, opening one where there is something to see. scratch: uint8, 16 long."""
    keeping = state[KEEPING] > 0
    while i < end:
        byte = data[i]
        if not keeping and is_space(byte):
            state[SPACE] = 1
            i += 1
            continue
        behind, size = i + 1, 0
        if byte == 0x26 and has_references:
            behind, size = put_reference(data, i, end, False, table, scratch, 0)
            if size == 1:
                byte, size = scratch[0], 0
                if not keeping and is_space(byte):
                    state[SPACE] = 1
                    i = behind
                    continue
        elif byte == 0x0D:
            byte = 0x0A
            if behind < end and data[behind] == 0x0A:
                behind += 1
        elif byte == 0:
            scratch[0], scratch[1], scratch[2], size = 0xEF, 0xBF, 0xBD, 3
        elif byte == 0xC2 and behind < end and data[behind] == 0xA0:
            scratch[0], scratch[1], size = 0xC2, 0xA0, 2
            behind += 1
        if not state[OPEN]:
            if keeping and byte == 0x0A:
                i = behind  # line ends before the first character of a block
                continue
            state[SPACE] = 0
            _begin_block(blocks, stack, state)
        block = blocks[state[BLOCKS]]
        state[BREAKING] = 0
        if size == 2 and scratch[0] == 0xC2 and scratch[1] == 0xA0:  # a no-break space is no part of a word
            _put_byte(0x20, out, block, state)
            at = state[OUT]
            out[at - 1], out[at] = 0xC2, 0xA0
            state[OUT] = at + 1
        elif size:
            for k in range(size):
                _put_byte(scratch[k], out, block, state)
        else:
            _put_byte(byte, out, block, state)
        i = behind
