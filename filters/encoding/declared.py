"""What a page says of its own encoding: byte order mark, `<meta>`, XML declaration."""

import codecs
import re
from collections.abc import Iterator

from gristmill.filters.encoding.labels import encoding_of

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the UTF-16 one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
# Browsers look at 1,024 bytes before they parse, but they start over when they meet a `<meta>` later.
_HEAD_BYTES = 1 << 16
_SPACE = rb"[\t\n\f\r ]"
_TAG_END = re.compile(rb"(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
_META = re.compile(rb"<meta(?=[\t\n\f\r /])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"([^\t\n\f\r /=>]+)(?:" + _SPACE + rb"*=" + _SPACE + rb"*(?:\"([^\"]*)\"|'([^']*)'|([^\t\n\f\r >]*)))?"
)
_CHARSET = re.compile(
    rb"charset" + _SPACE + rb"*=" + _SPACE + rb"*(?:\"([^\"]+)\"|'([^']+)'|([^\t\n\f\r ;\"']+))", re.IGNORECASE
)
_XML = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']+)[\"']")
_BODY = re.compile(rb"<body[\s>]", re.IGNORECASE)


def mark_of(raw: bytes) -> tuple[bytes, str] | None:
    """(byte order mark, encoding) at the beginning of `raw`."""
    return next((found for found in MARKS if raw.startswith(found[0])), None)


def encoding_of_markup(raw: bytes) -> str | None:
    """The encoding that a page's first `<meta>`, else its XML declaration, names; None for none or an unknown one.

    As in browsers, UTF-16 said by a `<meta>` that can be read as ASCII means UTF-8, and x-user-defined windows-1252.

    >>> encoding_of_markup(b'<html><meta http-equiv=content-type content="text/html; charset=gb2312">')
    'gbk'
    >>> encoding_of_markup(b"<!-- <meta charset=big5> --><meta charset='utf-16'>")
    'utf-8'
    """
    body = _BODY.search(raw, 0, _HEAD_BYTES)
    head = raw[: body.start() if body else _HEAD_BYTES]
    found = next((name for attributes in _metas(head) if (name := _of_meta(attributes))), None)
    if found is None and (declaration := _XML.match(head)):
        found = encoding_of(declaration[1].decode("latin-1"))
    if found in ("utf-16le", "utf-16be"):
        return "utf-8"
    return "windows-1252" if found == "x-user-defined" else found


def _metas(head: bytes) -> Iterator[bytes]:
    """The attributes of every `<meta>` that stands in no comment and in no other tag's attribute."""
    at, quotes_close = 0, True
    while (at := head.find(b"<", at)) >= 0:
        if head.startswith(b"<!--", at):
            end = head.find(b"-->", at + 4)
            if end < 0:
                return
            at = end + len(b"-->")
            continue
        if not head[at + 1 : at + 2].isalpha() and head[at + 1 : at + 2] not in (b"/", b"!", b"?"):
            at += 1
            continue
        closed = _TAG_END.match(head, at) if quotes_close else None
        quotes_close = closed is not None  # else a tag ends at the next `>`: no tag is looked through to the end twice
        end = closed.end() if closed else head.find(b">", at) + 1
        if not end:
            return
        if meta := _META.match(head, at):
            yield head[meta.end() : end - 1]
        at = end


def _of_meta(attributes: bytes) -> str | None:
    values: dict[bytes, bytes] = {}
    for match in _ATTRIBUTE.finditer(attributes):
        values.setdefault(match[1].lower(), match[2] or match[3] or match[4] or b"")
    if b"charset" in values:
        return encoding_of(values[b"charset"].decode("latin-1"))
    if values.get(b"http-equiv", b"").lower() == b"content-type" and (
        said := _CHARSET.search(values.get(b"content", b""))
    ):
        return encoding_of((said[1] or said[2] or said[3]).decode("latin-1"))
    return None
