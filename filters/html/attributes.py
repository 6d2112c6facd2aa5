# mypy: disallow-untyped-defs=False
"""What a reader of pages wants of the attributes of a start tag: labels, hidden or not, and what a few names say.

A label is a hash of a word in a class, id, role or itemprop attribute: `class="postContent wide"` gives post, content,
wide and postContent.
"""

import numpy as np
from gristmill.filters.html.tokeniser import (
    ATTRIBUTE,
    ATTRIBUTE_END,
    ATTRIBUTES,
    NEXT_ATTRIBUTE,
    REST,
    REST_END,
    VALUE,
    VALUE_END,
    is_space,
    next_attribute,
    same_letters,
)
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.hashing import FNV_START, fnv1a, splitmix64

# What attributes say of their element.
NOT_SHOWN = 1  # hidden, display: none, visibility: hidden
ARIA_HIDDEN = 2  # shown, but not read out: icons, and copies for the eye of what is there for screen readers
TYPESET = 4  # what MathJax or KaTeX made of a formula whose source is elsewhere
TEX = 8  # the source of a formula: encoding="application/x-tex", type="math/tex", encoding="LaTeX"
LINKED_DATA = 16  # type="application/ld+json"
NAMED_RELATION = 32  # rel="license" or rel="author"
SHADOW_ROOT = 64  # shadowrootmode: a template that is shown in the place of its parent
HEADING = 128  # role="heading"
CODE_CELL = 256  # of a cell: a line of code, whose white space a style sheet keeps

_CLASS, _ID, _STYLE, _HIDDEN_NAME, _ARIA, _ROLE, _ITEMPROP, _TYPE, _ENCODING, _REL, _SHADOW = (
    np.frombuffer(name, np.uint8)
    for name in (
        *(b"class", b"id", b"style", b"hidden", b"aria-hidden", b"role", b"itemprop"),
        *(b"type", b"encoding", b"rel", b"shadowrootmode"),
    )
)
_TRUE, _HEADING_ROLE = np.frombuffer(b"true", np.uint8), np.frombuffer(b"heading", np.uint8)
_NONE, _INVISIBLE = np.frombuffer(b"display:none", np.uint8), np.frombuffer(b"visibility:hidden", np.uint8)
_MATHJAX, _KATEX = np.frombuffer(b"MathJax", np.uint8), np.frombuffer(b"katex-html", np.uint8)
_JSON = np.frombuffer(b"ld+json", np.uint8)
_CODE_CLASS = np.frombuffer(b"blob-code", np.uint8)
_X_TEX, _MATH_TEX, _LATEX, _PLAIN_TEX = (
    np.frombuffer(name, np.uint8) for name in (b"x-tex", b"math/tex", b"latex", b"tex")
)
_LICENSE, _AUTHOR = np.frombuffer(b"license", np.uint8), np.frombuffer(b"author", np.uint8)


@inlined
def _is_label_byte(byte):
    return (byte >= 0x61 and byte <= 0x7A) or (byte >= 0x41 and byte <= 0x5A) or byte >= 0x80


@inlined
def _add_labels(data, i, end, seed, labels, count):
    """Append a hash of each run of letters, and of each whole class of several runs; returns the new number of labels."""
    whole, run, letters, runs, before = FNV_START, FNV_START, 0, 0, np.int64(0)
    while i <= end:
        byte = np.int64(0x20) if i == end else np.int64(data[i])
        is_letter = _is_label_byte(byte)
        # a run ends where letters do, and at a hump: postContent is two words
        if letters and (not is_letter or (byte <= 0x5A and byte >= 0x41 and before >= 0x61 and before <= 0x7A)):
            labels[count] = np.uint32(splitmix64(run) >> np.uint64(32)) ^ np.uint32(seed)
            count += 1
            runs += 1
            run, letters = FNV_START, 0
        if is_space(byte):
            if runs > 1:
                labels[count] = np.uint32(splitmix64(whole) >> np.uint64(32)) ^ np.uint32(seed)
                count += 1
            whole, runs = FNV_START, 0
        else:
            small = byte | 0x20 if byte >= 0x41 and byte <= 0x5A else byte
            whole = fnv1a(whole, small)
            if is_letter:
                run = fnv1a(run, small)
                letters += 1
        before = byte
        i += 1
    return count


@helper
def _contains(data, i, end, wanted):
    """Whether data[i:end] contains `wanted` (lower case) in any case, white space around a colon left out."""
    for start in range(i, end):
        if data[start] | 0x20 != wanted[0]:
            continue
        k, at = 0, start
        while at < end and k < len(wanted):
            byte = data[at]
            if byte >= 0x41 and byte <= 0x5A:
                byte |= 0x20
            if byte == wanted[k]:
                k += 1
            elif not (is_space(byte) and (wanted[k] == 0x3A or wanted[k - 1] == 0x3A)):
                break
            at += 1
            if at - start > 64:
                break
        if k == len(wanted):
            return True
    return False


@helper
def is_code_cell(data, token):
    """Whether the attributes of a cell name a class of GitHub's for lines of code, on its pages and where they are embedded."""
    return _contains(data, token[REST], token[REST_END], _CODE_CLASS)


@inlined
def _is_typeset(data, i, end):
    """Whether a class is MathJax, MathJax_… or katex-html."""
    while i < end:
        while i < end and is_space(data[i]):
            i += 1
        start = i
        while i < end and not is_space(data[i]):
            i += 1
        length = i - start
        if length == len(_KATEX) and data[start] == 0x6B and same_letters(data, start, i, _KATEX):
            return True
        if length >= len(_MATHJAX) and data[start] == 0x4D and (length == 7 or data[start + 7] == 0x5F):
            k = 0
            while k < 7 and data[start + k] == _MATHJAX[k]:
                k += 1
            if k == 7:
                return True
    return False


@helper
def _is_tex(data, i, end, is_encoding):
    """Whether a type (math/tex; mode=display) or the encoding of an annotation (application/x-tex, LaTeX) is TeX."""
    if is_encoding and (_contains(data, i, end, _LATEX) or same_letters(data, i, end, _PLAIN_TEX)):
        return True
    return _contains(data, i, end, _X_TEX) or _contains(data, i, end, _MATH_TEX)


@inlined
def read_attributes(data, token, attributes, labels, count):
    """Append the labels of a start tag; returns (number of labels, what else its attributes say as bits).

    attributes: those of the token; where the tag has more than the table holds they are read again, one by one.
    """
    i, end, said, known = token[REST], token[REST_END], 0, token[ATTRIBUTES] <= len(attributes)
    for number in range(token[ATTRIBUTES]):
        attribute = attributes[number if known else 0]
        if not known:
            next_attribute(data, i, end, attribute)
            i = attribute[NEXT_ATTRIBUTE]
        name, name_end = attribute[ATTRIBUTE], attribute[ATTRIBUTE_END]
        value, value_end = attribute[VALUE], attribute[VALUE_END]
        first, seed = data[name] | 0x20, -1
        if first == 0x63:
            if same_letters(data, name, name_end, _CLASS):
                seed = 0
                if _is_typeset(data, value, value_end):
                    said |= TYPESET
        elif first == 0x69:
            if same_letters(data, name, name_end, _ID):
                seed = 0
            elif same_letters(data, name, name_end, _ITEMPROP):
                seed = 1
        elif first == 0x72:
            if same_letters(data, name, name_end, _ROLE):
                seed = 2
                if same_letters(data, value, value_end, _HEADING_ROLE):
                    said |= HEADING
            elif same_letters(data, name, name_end, _REL) and (
                _contains(data, value, value_end, _LICENSE) or _contains(data, value, value_end, _AUTHOR)
            ):
                said |= NAMED_RELATION
        elif first == 0x73:
            if same_letters(data, name, name_end, _STYLE) and (
                _contains(data, value, value_end, _NONE) or _contains(data, value, value_end, _INVISIBLE)
            ):
                said |= NOT_SHOWN
            elif same_letters(data, name, name_end, _SHADOW):
                said |= SHADOW_ROOT
        elif first == 0x68:
            if same_letters(data, name, name_end, _HIDDEN_NAME):
                said |= NOT_SHOWN
        elif first == 0x61:
            if same_letters(data, name, name_end, _ARIA) and same_letters(data, value, value_end, _TRUE):
                said |= ARIA_HIDDEN
        elif same_letters(data, name, name_end, _TYPE) or same_letters(data, name, name_end, _ENCODING):
            if _is_tex(data, value, value_end, first == 0x65):
                said |= TEX
            elif _contains(data, value, value_end, _JSON):
                said |= LINKED_DATA
        if seed >= 0:
            count = _add_labels(data, value, value_end, seed, labels, count)
    return count, said
