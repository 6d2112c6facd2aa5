# mypy: disallow-untyped-defs=False
"""The text of blocks as a browser shows it: white space collapses across inline elements, `pre` keeps all of it, references
are replaced; what is not seen is left out but in `pre`: soft hyphens, places where a word may be cut, and the formulas
`$\\begingroup$` and `$\\endgroup$` (`\\$` on some sites), which Stack Exchange puts around every post and MathJax typesets to
nothing. And what is counted of it on the way."""

import numpy as np
from gristmill.filters.html.layout import (
    BEGIN,
    BLOCK_COLUMNS,
    CAPITALS,
    DIGITS,
    ELEMENT,
    FINISH,
    HALF_WORDS,
    HIDDEN,
    LABEL,
    LABEL_END,
    LAST_MARK,
    LINK_WORDS,
    MARKS,
    PREFORMATTED,
    STATE,
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
from gristmill.filters.html.scripts import HALF_WORD, LETTER, SENTENCE_MARK, character_kind
from gristmill.filters.html.tokeniser import is_space
from gristmill.kernels.compile import inlined

BEGIN_GROUP, BEGIN_GROUP_ESCAPED = (np.frombuffer(one, np.uint8) for one in (rb"$\begingroup$", rb"\$\begingroup\$"))
END_GROUP, END_GROUP_ESCAPED = (np.frombuffer(one, np.uint8) for one in (rb"$\endgroup$", rb"\$\endgroup\$"))


@inlined
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


@inlined
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
def put_mark(byte, out, state):
    """Write a byte that is not in the page; the space that is due before it is not written."""
    out[state[OUT]] = byte
    state[OUT] += 1
    state[IN_WORD] = state[SPACE] = 0


@inlined
def _unseen_formula(data, i, end):
    """How many bytes data[i:end] begins with that are a formula which shows nothing; 0 where it begins with none."""
    for formula in (BEGIN_GROUP, END_GROUP, BEGIN_GROUP_ESCAPED, END_GROUP_ESCAPED):
        size = len(formula)
        if i + size <= end:
            same = 0
            while same < size and data[i + same] == formula[same]:
                same += 1
            if same == size:
                return size
    return 0


@inlined
def _first_to_see(data, i, end, has_references, keeping, table, scratch):
    """The position of the first byte of data[i:end] that opens a block; white space before it is passed over."""
    while i < end:
        byte = data[i]
        if is_space(byte):
            if keeping and not (byte == 0x0A or byte == 0x0D):
                return i
            i += 1
        elif byte == 0x26 and has_references and not keeping:
            behind, size = put_reference(data, i, end, False, table, scratch, 0)
            if not (size == 1 and is_space(scratch[0])):
                return i
            i = behind
        else:
            unseen = _unseen_formula(data, i, end) if not keeping and (byte == 0x24 or byte == 0x5C) else 0
            if not unseen:
                return i
            i += unseen
    return end


@inlined
def add_text(data, i, end, has_references, table, scratch, out, blocks, stack, state):
    """Add data[i:end] to the open block, opening one where there is something to see. scratch: uint8, 16 long."""
    keeping = state[KEEPING] > 0
    if not state[OPEN]:
        i = _first_to_see(data, i, end, has_references, keeping, table, scratch)
        if i >= end:
            return
        state[SPACE] = 0
        _begin_block(blocks, stack, state)
    block = blocks[state[BLOCKS]]
    begin, at = block[BEGIN], state[OUT]
    space, in_word, linked = state[SPACE] != 0, state[IN_WORD] != 0, state[LINKING] != 0
    words, capitals, digits, halves, marks, seen = 0, 0, 0, 0, 0, False
    while i < end:
        byte = data[i]
        if byte <= 0x20 and not keeping and is_space(byte):
            space = True
            i += 1
            continue
        behind, size = i + 1, 1
        if byte == 0x26 and has_references:
            behind, size = put_reference(data, i, end, False, table, scratch, 0)
            byte = scratch[0]
            if size == 1 and not keeping and is_space(byte):
                space = True
                i = behind
                continue
        elif byte == 0x0D:
            byte = np.uint8(0x0A)
            if behind < end and data[behind] == 0x0A:
                behind += 1
        elif byte == 0:
            scratch[0], scratch[1], scratch[2], size = 0xEF, 0xBF, 0xBD, 3
            byte = scratch[0]
        elif byte == 0xC2 and behind < end and (data[behind] == 0xA0 or data[behind] == 0xAD):
            scratch[0], scratch[1], size = 0xC2, data[behind], 2
            behind += 1
        elif (byte == 0x24 or byte == 0x5C) and not keeping:
            unseen = _unseen_formula(data, i, end)
            if unseen:
                i += unseen
                continue
        if size == 2 and byte == 0xC2 and scratch[1] == 0xAD and not keeping:  # a soft hyphen
            i = behind
            continue
        seen = True
        if space:
            space, in_word = False, False
            if at > begin and out[at - 1] != 0x0A:
                out[at] = 0x20
                at += 1
        if size == 2 and byte == 0xC2 and scratch[1] == 0xA0:  # a no-break space is no part of a word
            out[at], out[at + 1] = 0xC2, 0xA0
            at += 2
            in_word = False
            i = behind
            continue
        out[at] = byte
        at += 1
        for k in range(1, size):
            out[at] = scratch[k]
            at += 1
        if byte >= 0x80:
            if byte >= 0xC0:  # not a byte within a character
                kind = character_kind(data, i, end) if size == 1 else character_kind(scratch, 0, size)
                halves += kind == HALF_WORD
                marks += kind == SENTENCE_MARK
                words += kind == LETTER and not in_word
                in_word = kind == LETTER
        else:
            letter = (byte | 0x20) >= 0x61 and (byte | 0x20) <= 0x7A
            digit = byte >= 0x30 and byte <= 0x39
            if letter or digit or byte == 0x5F:
                if not in_word:
                    in_word = True
                    words += 1
                    capitals += letter and byte < 0x61
                digits += digit
            else:
                in_word = False
                marks += byte == 0x2E or byte == 0x2C or byte == 0x21 or byte == 0x3F or byte == 0x3B or byte == 0x3A
        i = behind
    words += (block[HALF_WORDS] + halves + 1) // 2 - (block[HALF_WORDS] + 1) // 2
    block[WORDS] += words
    block[LINK_WORDS] += words if linked else 0
    block[CAPITALS] += capitals
    block[DIGITS] += digits
    block[HALF_WORDS] += halves
    block[MARKS] += marks
    state[OUT], state[SPACE], state[IN_WORD] = at, space, in_word
    if seen:
        state[BREAKING] = 0
