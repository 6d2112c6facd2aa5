# mypy: disallow-untyped-defs=False
"""From a page to its blocks: runs of text between the borders of block elements, each with the elements it stands in.

No tree is built and nothing recurses: a stack holds the open elements (`open_elements`), text goes to one buffer. `<br>`
is a line end, two of them end a block, `<rt>` stands in parentheses, a formula is its TeX source where the page has it.
What is no text (scripts, styles, options ...) is left out, as are inline elements that are not shown; blocks that are not
shown are marked.
"""

import numpy as np
from gristmill.filters.html.attributes import (
    ARIA_HIDDEN,
    CODE_CELL,
    LINKED_DATA,
    NAMED_RELATION,
    NOT_SHOWN,
    SHADOW_ROOT,
    TEX,
    TYPESET,
    is_code_cell,
    read_attributes,
)
from gristmill.filters.html.block_text import add_text, end_block, put_mark
from gristmill.filters.html.formula_places import end_formula, may_show_formula, note_formula, start_formula
from gristmill.filters.html.formulas import with_tex
from gristmill.filters.html.layout import (
    ANNOTATION,
    BLOCK_COLUMNS,
    BODY,
    BR,
    BREAKS,
    DD,
    DEPTH,
    DL,
    DT,
    ELEMENT_COLUMNS,
    FIRST_BLOCK,
    FIRST_LABEL,
    FORMULA_COLUMNS,
    H1,
    H6,
    HEAD_COLUMNS,
    HTML,
    IFRAME,
    IMG,
    LABEL_END,
    LAST_LABEL,
    LI,
    LINK,
    LINKS,
    MARK_COLUMNS,
    MATH,
    MAX_HEADS,
    META,
    MJX_CONTAINER,
    NOSCRIPT,
    OL,
    PARENT,
    RP,
    RT,
    RUBY,
    SAID,
    SCRIPT_TAG,
    SOURCE,
    STYLE,
    SVG,
    TABLE,
    TAG,
    TBODY,
    TD,
    TEMPLATE,
    TFOOT,
    TH,
    THEAD,
    TIME,
    TITLE,
    TR,
    UL,
    A,
    P,
    Page,
)
from gristmill.filters.html.line_numbers import cut_line_numbers
from gristmill.filters.html.open_elements import (
    BLOCKS,
    BREAKING,
    ELEMENTS,
    FORMULAS,
    HEADS,
    HIDES,
    IN_TEX,
    KEEPING,
    KEEPS_SPACE,
    LABELS,
    LINKS_TEXT,
    MARKS_NOW,
    OPEN,
    OUT,
    S_ELEMENT,
    SKIPPING,
    SKIPS,
    STACK_COLUMNS,
    STATE_COLUMNS,
    TEX_SEEN,
    TOP_BARRIER,
    TOP_BLOCK,
    close_above,
    end_topmost,
    pop_to,
    push,
)
from gristmill.filters.html.references import references
from gristmill.filters.html.tags import (
    BARRIER,
    CLOSES_P,
    INLINE,
    KNOWN,
    PRE,
    PROPERTIES,
    SKIPPED,
    STATES_AFTER,
    TAGS,
    VOID,
    find_tag,
)
from gristmill.filters.html.tokeniser import (
    ATTRIBUTE_COLUMNS,
    ATTRIBUTES,
    DATA,
    END,
    END_TAG,
    FLAGS,
    KIND,
    NAME,
    NAME_END,
    NEXT,
    PLAIN,
    REST,
    REST_END,
    SCRIPT,
    SELF_CLOSING,
    START_TAG,
    TEXT,
    TOKEN_COLUMNS,
    next_token,
)
from gristmill.filters.html.tokeniser import BEGIN as TOKEN_BEGIN
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.vectors import count_byte

_ATTRIBUTES_AT_ONCE = 32  # of a tag; those of tags with more are read twice


@helper
def _note_head(tag, start, end, heads, state):
    """Note a tag that says something about the whole page."""
    count = state[HEADS]
    if count < MAX_HEADS:
        heads[count, 0], heads[count, 1], heads[count, 2], heads[count, 3] = tag, start, end, state[OUT]
        state[HEADS] = count + 1


@inlined
def _note_mark(tag, token, marks, state):
    """Note the start (tag) or end (-1 - tag) of an inline element in a block; starts outside blocks count for the next."""
    row = marks[state[MARKS_NOW]]
    row[0], row[1], row[2], row[3] = state[OUT], tag, token[REST], token[REST_END]
    state[MARKS_NOW] += 1


@inlined
def _close_what_ends(tag, stack, tops, state):
    """Close what the start of a block element ends: paragraphs, list items, cells, rows."""
    barrier = state[TOP_BARRIER]
    if PROPERTIES[tag] & CLOSES_P:
        close_above(P, barrier, stack, tops, state)
    if tag == LI:
        close_above(LI, max(barrier, max(tops[UL], tops[OL])), stack, tops, state)
    elif tag in (DD, DT):
        border = max(barrier, tops[DL])
        if not close_above(DD, border, stack, tops, state):
            close_above(DT, border, stack, tops, state)
    elif tag in (TR, TBODY, THEAD, TFOOT):
        border = tops[TABLE]
        close_above(TR, border, stack, tops, state)
        if tag != TR:
            close_above(TBODY, border, stack, tops, state)
            close_above(THEAD, border, stack, tops, state)
    elif tag in (TD, TH):
        border = max(tops[TABLE], tops[TR])
        if not close_above(TD, border, stack, tops, state):
            close_above(TH, border, stack, tops, state)


@helper
def _break_line(out, blocks, state):
    """A `<br>`: a line end; the second one in a row ends the block, but for code, which keeps its empty lines."""
    if state[OPEN]:
        state[BREAKING] += 1
        if state[BREAKING] > 1 and not state[KEEPING]:
            end_block(out, blocks, state)
        else:
            put_mark(0x0A, out, state)
            blocks[state[BLOCKS], BREAKS] += 1


@inlined
def _start(
    data, token, tag, is_void, attributes, labels, marks, heads, formulas, out, blocks, elements, stack, tops, state
):  # fmt: skip
    """A start tag: close what it closes, open its element; returns the state that the tokeniser goes on in."""
    properties = PROPERTIES[tag]
    if tag == BR:
        _break_line(out, blocks, state)
        return DATA
    if not properties & INLINE:
        if state[SKIPPING] == 0:
            end_block(out, blocks, state)
        _close_what_ends(tag, stack, tops, state)
    elif tag == A:
        if tops[A] >= 0:
            end_topmost(A, stack, tops, state)
    elif (tag in (RT, RP)) and tops[RT] > tops[RUBY]:
        pop_to(tops[RT], stack, tops, state)
        if state[OPEN]:
            put_mark(0x29, out, state)
    first, said = state[LABELS], 0
    if token[ATTRIBUTES]:
        state[LABELS], said = read_attributes(data, token, attributes, labels, first)
    if tag in (META, LINK, TIME) or said & NAMED_RELATION:
        _note_head(tag, token[REST], token[REST_END], heads, state)
    if tag == A and state[OPEN]:
        blocks[state[BLOCKS], LINKS] += 1
    if properties & INLINE and not properties & SKIPPED:
        _note_mark(tag, token, marks, state)
    if tag == IMG and state[SKIPPING] == 0 and not said & (NOT_SHOWN | ARIA_HIDDEN) and may_show_formula(data, token):
        note_formula(IMG, token[TOKEN_BEGIN], token[NEXT], formulas, state)
    if properties & VOID or is_void:
        return DATA
    if token[FLAGS] & SELF_CLOSING and (tag == SVG or tops[SVG] >= 0):
        return DATA
    flags = 0
    around = stack[state[TOP_BLOCK], S_ELEMENT]
    element = around
    if not properties & INLINE:
        element = state[ELEMENTS]
        entry = elements[element]
        entry[TAG], entry[PARENT] = tag, around
        entry[DEPTH] = elements[around, DEPTH] + 1
        entry[FIRST_LABEL], entry[LAST_LABEL] = first, state[LABELS]
        entry[SOURCE] = token[NAME]
        entry[FIRST_BLOCK] = state[BLOCKS]
        if tag == TD and token[ATTRIBUTES] and is_code_cell(data, token):
            said |= CODE_CELL
        entry[SAID] = said
        state[ELEMENTS] += 1
        if said & (NOT_SHOWN | ARIA_HIDDEN) or tag == NOSCRIPT:
            flags |= HIDES
    else:
        if state[OPEN]:
            blocks[state[BLOCKS], LABEL_END] = state[LABELS]
        if said & (NOT_SHOWN | ARIA_HIDDEN):
            flags |= SKIPS
    is_shown = tag == TEMPLATE and said & SHADOW_ROOT
    is_typeset = said & TYPESET and tag != MJX_CONTAINER  # the container has the formula in it for readers aloud
    if (properties & SKIPPED and not is_shown) or is_typeset:
        flags |= SKIPS
    if properties & PRE or said & CODE_CELL:
        flags |= KEEPS_SPACE
    if tag == A:
        flags |= LINKS_TEXT
    if tag == RT and state[OPEN]:
        put_mark(0x28, out, state)
    if tag == MATH or (tag == ANNOTATION and tops[MATH] >= 0):
        start_formula(tag, said, token[TOKEN_BEGIN], blocks, out, state)
    push(tag, element, flags, stack, tops, state)
    if tag == SCRIPT_TAG:
        state[TEX_SEEN] = 1 if said & TEX else 2 if said & LINKED_DATA else 0
    return STATES_AFTER[tag]


@inlined
def _end_inline(tag, token, marks, formulas, out, stack, tops, state):
    place = tops[tag]
    if place < 0:
        return
    if tag == RUBY and tops[RT] > place:
        _end_inline_text(RT, out, state)
    _end_inline_text(tag, out, state)
    if tag == MATH:
        end_formula(token[NEXT], formulas, state)
    if not PROPERTIES[tag] & SKIPPED:
        _note_mark(-1 - tag, token, marks, state)
    if place > state[TOP_BLOCK]:
        pop_to(place, stack, tops, state)
    elif place > state[TOP_BARRIER]:
        end_topmost(tag, stack, tops, state)


@helper
def _end_inline_text(tag, out, state):
    if tag == RT and state[OPEN]:
        put_mark(0x29, out, state)


@inlined
def _finish(tag, token, marks, formulas, out, blocks, stack, tops, state):
    """An end tag: close its element where it is open and in scope."""
    if PROPERTIES[tag] & INLINE:
        _end_inline(tag, token, marks, formulas, out, stack, tops, state)
        return
    if state[SKIPPING] == 0:
        end_block(out, blocks, state)
    if tag in (BODY, HTML):
        return
    border = state[TOP_BARRIER]
    if tag >= H1 and tag <= H6:  # any heading ends any heading
        place = np.int64(-1)
        for heading in range(H1, H6 + 1):
            place = max(place, tops[heading])
        if place > border:
            pop_to(place, stack, tops, state)
        return
    if tag in (TR, TBODY, THEAD, TFOOT, TD, TH):
        border = tops[TABLE]
    elif PROPERTIES[tag] & BARRIER:
        border = np.int64(-1)
    close_above(tag, border, stack, tops, state)


@inlined
def _is_tex_now(raw, tops, state):
    """Whether the text that comes is the TeX source of a formula: in an annotation, or a script of MathJax."""
    return state[TEX_SEEN] == 1 and (raw == SCRIPT_TAG or (state[IN_TEX] == 1 and tops[ANNOTATION] >= 0))


@kernel
def _read_page(data, table, out, blocks, elements, labels, marks, heads, formulas, stack, tops, state):
    """Read a page into arrays that are large enough for any page of its size; sizes are left in `state`."""
    token, attributes = np.zeros(TOKEN_COLUMNS, np.int64), np.zeros((_ATTRIBUTES_AT_ONCE, ATTRIBUTE_COLUMNS), np.int64)
    scratch = np.zeros(16, np.uint8)
    never_ended = np.zeros(TAGS, np.bool_)
    state[TOP_BLOCK] = state[TOP_BARRIER] = -1
    elements[0] = 0
    elements[0, PARENT] = -1
    state[ELEMENTS] = 1
    push(HTML, 0, 0, stack, tops, state)
    mode, i, name, name_end, raw = DATA, 0, 0, 0, 0
    while True:
        mode = next_token(data, i, len(data), mode, name, name_end, token, attributes)
        kind = token[KIND]
        i = token[NEXT]
        if kind == END:
            break
        if mode != DATA and i == len(data) and mode != SCRIPT and raw != STYLE:
            # raw text that nothing ends, as an iframe without an end tag: what follows is read as if it had been ended
            mode, i = DATA, token[TOKEN_BEGIN]
            never_ended[raw] = True
            pop_to(tops[raw], stack, tops, state)
            continue
        if kind in (TEXT, PLAIN):
            if mode == DATA:
                raw = 0
            is_tex = _is_tex_now(raw, tops, state)
            if (raw == TITLE and tops[SVG] < 0) or (raw == SCRIPT_TAG and state[TEX_SEEN] == 2):
                _note_head(raw, token[NAME], token[NAME_END], heads, state)
            if is_tex or (state[SKIPPING] == 0 and not (state[TEX_SEEN] == 1 and tops[MATH] >= 0)):
                if is_tex and raw == SCRIPT_TAG:
                    _note_mark(MATH, token, marks, state)
                add_text(data, token[NAME], token[NAME_END], kind == TEXT, table, scratch, out, blocks, stack, state)
                if is_tex and raw == SCRIPT_TAG:
                    _note_mark(-1 - MATH, token, marks, state)
        elif kind == START_TAG:
            name, name_end = token[NAME], token[NAME_END]
            raw = find_tag(data, name, name_end)
            if raw == HTML:
                _note_head(HTML, token[REST], token[REST_END], heads, state)
            elif raw < KNOWN or tops[MATH] < 0:  # the elements of a formula are no borders
                is_void = never_ended[raw] or (raw == IFRAME and token[FLAGS] & SELF_CLOSING != 0)
                mode = _start(
                    *(data, token, raw, is_void, attributes, labels, marks, heads, formulas),
                    *(out, blocks, elements, stack, tops, state),
                )
        elif kind == END_TAG:
            tag = find_tag(data, token[NAME], token[NAME_END])
            if tag == BR:
                _break_line(out, blocks, state)
            elif tag < KNOWN or tops[MATH] < 0:
                _finish(tag, token, marks, formulas, out, blocks, stack, tops, state)
    end_block(out, blocks, state)


@kernel
def _count(data, byte):
    return count_byte(data, 0, len(data), byte)


def read_page(html: bytes) -> Page:
    """The blocks of a page in UTF-8; invalid bytes are kept as they are. Formulas without a TeX source are written as TeX."""
    page, formulas = _read(html)
    if len(formulas):
        written = with_tex(html, formulas.tolist())
        if written != html:
            page, _ = _read(written)
    return page


def _read(html: bytes) -> tuple[Page, np.ndarray]:
    """The page, and its formulas that are to be written as TeX, int32 with FORMULA_COLUMNS."""
    source = np.frombuffer(html, np.uint8)
    size = len(source)
    tags = _count(source, 0x3C) + 16
    # a NUL becomes three bytes, some references of five bytes six
    out = np.empty(size + size // 4 + 2 * _count(source, 0) + 16, np.uint8)
    blocks, elements = np.empty((tags, BLOCK_COLUMNS), np.int32), np.empty((tags, ELEMENT_COLUMNS), np.int32)
    labels, stack = np.empty(size + 16, np.uint32), np.empty((tags, STACK_COLUMNS), np.int32)
    marks, heads = np.empty((2 * tags, MARK_COLUMNS), np.int32), np.empty((MAX_HEADS, HEAD_COLUMNS), np.int32)
    formulas = np.empty((tags, FORMULA_COLUMNS), np.int32)
    tops, state = np.full(TAGS, -1, np.int64), np.zeros(STATE_COLUMNS, np.int64)
    _read_page(source, references(), out, blocks, elements, labels, marks, heads, formulas, stack, tops, state)
    cut_line_numbers(out, blocks[: state[BLOCKS]], marks[: state[MARKS_NOW]])
    page = Page(
        source,
        out[: state[OUT]],
        blocks[: state[BLOCKS]],
        elements[: state[ELEMENTS]],
        marks[: state[MARKS_NOW]],
        heads[: state[HEADS]],
        labels[: state[LABELS]],
    )
    return page, formulas[: state[FORMULAS]]
