"""A guard around resiliparse's main content extraction, which deletes nodes of three UTF-8 bytes.

It takes a node whose text, without white space around it, is three bytes long for an icon of the private use area if the
last byte is not ASCII (every version; the comparison reads the bytes in the wrong order): `男`, `€`, `…`, but also `où`.
An element is deleted for its whole text, so `<p><b>a<i>é</i></b></p>` goes too. What it means to delete, one icon
character as the only text of a node, still goes.
"""

import re
from html import unescape

_UNIT = r"[^<>& \t\n\v\f\r]|&[#\w]{1,31};?"
_LAST = r"[^\x00-\x7f]|&[#\w]{1,31};?"
_SHORT_NODE = re.compile(rf"(>[ \t\n\v\f\r]*+(?:{_UNIT}){{0,2}}?(?:{_LAST}))(?=[ \t\n\v\f\r]*+(?:<|\Z))")
_FIRST_NODE = re.compile(rf"\A([ \t\n\v\f\r]*+(?:{_UNIT}){{0,2}}?(?:{_LAST}))(?=[ \t\n\v\f\r]*+(?:<|\Z))")
_WHITE_SPACE = " \t\n\v\f\r"
_MAX_BYTES = 3
_MARK = "\ufdd0"  # a noncharacter: no text is interchanged with it


def mark_short_nodes(html: str) -> tuple[str, str]:
    """(`html` with a mark behind every text node that resiliparse might delete, the mark).

    The mark does not occur in `html`; it is "" when nothing was marked. Remove it from whatever is taken from the page.
    Text that only looks like a node (in a script, an attribute) may be marked too.
    """
    if html.isascii() and "&" not in html:
        return html, ""
    mark = _MARK
    while mark in html:
        mark += _MARK
    marked = _SHORT_NODE.sub(lambda match: _marked(match[1], mark), html)
    marked = _FIRST_NODE.sub(lambda match: _marked(match[1], mark), marked, count=1)
    return (html, "") if len(marked) == len(html) else (marked, mark)


def _marked(node: str, mark: str) -> str:
    text = unescape(node.removeprefix(">").strip(_WHITE_SPACE)).encode("utf-8", "replace")
    endangered = 0 < len(text) <= _MAX_BYTES and text[-1] >= 0x80 and not b"\xee\x80\x80" <= text <= b"\xef\xa3\xbf"
    return node + mark if endangered else node
