# mypy: disallow-untyped-defs=False
"""Every token of a document as Python objects: for looking into a page and for the tests; extraction makes none."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from gristmill.filters.html.references import references
from gristmill.filters.html.tokeniser import (
    ATTRIBUTE,
    ATTRIBUTE_COLUMNS,
    ATTRIBUTE_END,
    CDATA,
    COMMENT,
    DATA,
    DOCTYPE,
    END,
    END_TAG,
    FLAGS,
    FORCE_QUIRKS,
    KIND,
    NAME,
    NAME_END,
    NEXT,
    NEXT_ATTRIBUTE,
    NUL_STAYS,
    PLAINTEXT,
    RAWTEXT,
    RCDATA,
    REST,
    REST_END,
    SCRIPT,
    SELF_CLOSING,
    START_TAG,
    SYSTEM,
    SYSTEM_END,
    TEXT,
    TOKEN_COLUMNS,
    VALUE,
    VALUE_END,
    next_attribute,
    next_token,
    put_text,
)
from gristmill.kernels.compile import kernel

STATES = {"data": DATA, "rcdata": RCDATA, "rawtext": RAWTEXT, "script": SCRIPT, "plaintext": PLAINTEXT, "cdata": CDATA}


class Token(NamedTuple):
    """One token. kind: "text", "start", "end", "comment" or "doctype". name: the text, or the name of a tag or doctype;
    None where a doctype has none. attributes: of a start tag, the first of each name; "public" and "system" of a
    doctype. flag: self-closing, or quirks forced."""

    kind: str
    name: str | None
    attributes: dict[str, str]
    flag: bool = False


@kernel
def _next(data, i, state, name, name_end, token, attributes):
    return next_token(data, i, len(data), state, name, name_end, token, attributes)


@kernel
def _next_attribute(data, i, end, attribute):
    return next_attribute(data, i, end, attribute)


@kernel
def _text(data, i, end, has_references, in_attribute, nul_stays, lower, table, out):
    return put_text(data, i, end, has_references, in_attribute, nul_stays, lower, table, out, 0)


def tokens(html: bytes, state: str = "data", last_start_tag: str = "") -> Iterator[Token]:
    """The tokens of a document in UTF-8, from one of STATES on, without what a tree builder would tell the tokeniser.

    Neighbouring texts are not joined. last_start_tag: the tag that ends raw text.
    """
    prefix = last_start_tag.encode()
    data = np.frombuffer(prefix + html, np.uint8)
    token, attribute = np.zeros(TOKEN_COLUMNS, np.int64), np.zeros((1, ATTRIBUTE_COLUMNS), np.int64)
    i, now = len(prefix), STATES[state]
    while True:
        now = _next(data, i, now, 0, len(prefix), token, attribute)
        kind, i = token[KIND], token[NEXT]
        if kind == END:
            return
        flags = int(token[FLAGS])
        if kind in (START_TAG, END_TAG):
            attributes = _attributes(data, token[REST], token[REST_END]) if kind == START_TAG else {}
            name = _meaning(data, token[NAME], token[NAME_END], lower=True)
            yield Token("start" if kind == START_TAG else "end", name, attributes, bool(flags & SELF_CLOSING))
        elif kind == DOCTYPE:
            found = {"public": (token[REST], token[REST_END]), "system": (token[SYSTEM], token[SYSTEM_END])}
            identifiers = {key: _meaning(data, *where) for key, where in found.items() if where[0] >= 0}
            doctype = _meaning(data, token[NAME], token[NAME_END], lower=True) if token[NAME] >= 0 else None
            yield Token("doctype", doctype, identifiers, bool(flags & FORCE_QUIRKS))
        elif kind == COMMENT:
            yield Token("comment", _meaning(data, token[NAME], token[NAME_END]), {})
        else:
            stays = bool(flags & NUL_STAYS)
            yield Token("text", _meaning(data, token[NAME], token[NAME_END], kind == TEXT, nul_stays=stays), {})


def _attributes(data: np.ndarray, i: int, end: int) -> dict[str, str]:
    attribute = np.zeros(ATTRIBUTE_COLUMNS, np.int64)
    found: dict[str, str] = {}
    while _next_attribute(data, i, end, attribute):
        name = _meaning(data, attribute[ATTRIBUTE], attribute[ATTRIBUTE_END], lower=True)
        if name not in found:
            found[name] = _meaning(data, attribute[VALUE], attribute[VALUE_END], True, in_attribute=True)
        i = attribute[NEXT_ATTRIBUTE]
    return found


def _meaning(
    data: np.ndarray,
    i: int,
    end: int,
    has_references: bool = False,
    *,
    in_attribute: bool = False,
    nul_stays: bool = False,
    lower: bool = False,
) -> str:
    out = np.empty(3 * (end - i) + 8, np.uint8)
    size = _text(data, i, end, has_references, in_attribute, nul_stays, lower, references(), out)
    return out[:size].tobytes().decode("utf-8", "surrogatepass")
