# mypy: disallow-untyped-defs=False
"""Formulas that a page has no TeX source of, written as TeX into the page before it is read once more: MathML that only says
what is drawn, and images of formulas whose TeX is their alternative text or stands in their address."""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape, unescape
from urllib.parse import parse_qs, unquote

import numpy as np
from gristmill.filters.formulas.mathml import latex_of_mathml
from gristmill.filters.formulas.nodes import Node
from gristmill.filters.formulas.tex import formula_in
from gristmill.filters.html.layout import IMG
from gristmill.filters.html.tag_attributes import MAX_TAG_BYTES, attribute, attributes_of
from gristmill.filters.html.tags import INLINE, KNOWN, PROPERTIES, find_tag
from gristmill.filters.html.tokeniser import (
    ATTRIBUTE_COLUMNS,
    DATA,
    END,
    END_TAG,
    FLAGS,
    KIND,
    NAME,
    NAME_END,
    NEXT,
    REST,
    REST_END,
    SELF_CLOSING,
    START_TAG,
    TEXT,
    TOKEN_COLUMNS,
    next_token,
)
from gristmill.kernels.compile import kernel

MAX_FORMULA_BYTES = 1 << 16  # a longer one stays as its characters
_PIECES = 5  # columns of a token of a formula: kind, name from and to, attributes from and to
_OPENS, _OPENS_AND_ENDS, _ENDS, _SAYS = range(4)
_DRAWN_BY = re.compile(r"latex\.php|codecogs\.com|(?:math|mime)tex\.cgi|/(?:la)?tex\?", re.IGNORECASE)
_BREAK = re.compile(r"<br */?>")  # as forums put it into alternative texts
_BEHIND_FORMULA, _BEHIND_BYTES = re.compile(rb"</(?:m:|mml:)?math *>(?:\s|</[^<>]*>)*$"), 100
_PROSE = re.compile(r"[^\W\d_]{2,} +[^\W\d_]{2,}")  # words, which are no formula where no sign of TeX is among them
_TEX_SIGN = re.compile(r"[\\^_{}=<>]")
_SAYS_NOTHING = re.compile(r"(?:equation|formula|image|math|latex|tex)?\.?", re.IGNORECASE)


def with_tex(html: bytes, formulas: Sequence[Sequence[int]]) -> bytes:
    """The page with a TeX source in place of each formula that can be written as one.

    formulas: (begin, end, tag number) of each, in the order of the page.
    """
    out: list[bytes] = []
    done = 0
    for begin, end, tag in formulas:
        if begin < done or end - begin > MAX_FORMULA_BYTES:
            continue
        piece = html[begin:end]
        if tag == IMG and _BEHIND_FORMULA.search(html, max(begin - _BEHIND_BYTES, 0), begin):
            continue  # a picture of it, for browsers of old
        latex, is_display = _of_image(piece) if tag == IMG else _of_mathml(piece)
        if latex:
            display = ' display="block"' if is_display else ""
            source = f'<math{display}><annotation encoding="application/x-tex">{escape(latex)}</annotation></math>'
            out += html[done:begin], source.encode("utf-8", "replace")
            done = end
    return b"".join([*out, html[done:]])


def _of_image(tag: bytes) -> tuple[str, bool]:
    """(TeX of an image, "" where it is none of a formula; whether it stands on a line of its own)."""
    tag = tag[4:MAX_TAG_BYTES]
    classes = (attribute(tag, "class") or "").lower()
    address = attribute(tag, "src") or attribute(tag, "data-src") or ""
    is_drawn = _DRAWN_BY.search(address) is not None
    if not is_drawn and not {"tex", "latex"} & set(classes.split()) and "quicklatex" not in classes:
        return "", False
    latex = formula_in(_BREAK.sub(" ", attribute(tag, "alt") or ""))
    if _SAYS_NOTHING.fullmatch(latex):
        latex = formula_in(_query_of(address)) if is_drawn else ""
    if _PROSE.search(latex) and not _TEX_SIGN.search(latex):
        return "", False
    return latex, "displayed" in classes


def _query_of(address: str) -> str:
    """The formula in the address of a program that draws formulas: ?latex=..., or all behind the question mark."""
    query = address.partition("?")[2].replace("&space;", " ")
    named = parse_qs(query)
    return (named.get("latex") or named.get("tex") or [unquote(query)])[0]


def _of_mathml(piece: bytes) -> tuple[str, bool]:
    """(TeX of a formula, "" where none can be made of it; whether it stands on a line of its own)."""
    formula = _tree(piece)
    if formula is None:
        return "", False
    is_display = formula.attribute("display") == "block" or formula.attribute("mode") == "display"
    if "ltx_" in formula.attribute("class") and (said := formula.attributes.get("alttext", "").strip()):
        return formula_in(said), is_display  # LaTeXML keeps the source there
    return latex_of_mathml(formula), is_display


def _tree(piece: bytes) -> Node | None:
    """The `math` element that a piece of a page is; None where it is none, or holds blocks of the page."""
    data = np.frombuffer(piece, np.uint8)
    rows = np.empty((len(piece) + 1, _PIECES), np.int32)
    count = _list_tokens(data, rows)
    root = Node("")
    open_nodes, open_names = [root], Counter[str]()
    for kind, begin, end, rest, rest_end in rows[:count].tolist():
        text = piece[begin:end].decode("utf-8", "replace")
        if kind == _SAYS:
            open_nodes[-1].inside.append(unescape(text))
            continue
        name = text.lower().rpartition(":")[2]
        if kind == _ENDS:
            closed = "" if open_names[name] else name  # what was never begun ends nothing
            while closed != name:
                closed = open_nodes.pop().name
                open_names[closed] -= 1
            continue
        node = Node(name, attributes_of(piece[rest:rest_end]) if rest_end > rest else {})
        open_nodes[-1].inside.append(node)
        if kind == _OPENS:
            open_nodes.append(node)
            open_names[name] += 1
    children = root.children
    return children[0] if count and len(children) == 1 and children[0].name == "math" else None


@kernel
def _list_tokens(data, rows):
    """Fill rows with the tags and texts of a formula; returns how many, 0 where a block of the page is among them."""
    token, attributes = np.zeros(TOKEN_COLUMNS, np.int64), np.zeros((1, ATTRIBUTE_COLUMNS), np.int64)
    i = count = 0
    while True:
        next_token(data, i, len(data), DATA, 0, 0, token, attributes)
        kind, i = token[KIND], token[NEXT]
        if kind == END:
            return count
        row = rows[count]
        row[1], row[2], row[3], row[4] = token[NAME], token[NAME_END], 0, 0
        if kind == TEXT:
            row[0] = _SAYS
        elif kind == END_TAG:
            row[0] = _ENDS
        elif kind == START_TAG:
            tag = find_tag(data, token[NAME], token[NAME_END])
            if tag < KNOWN and not PROPERTIES[tag] & INLINE:
                return 0
            row[0] = _OPENS_AND_ENDS if token[FLAGS] & SELF_CLOSING else _OPENS
            row[3], row[4] = token[REST], token[REST_END]
        else:
            continue
        count += 1
