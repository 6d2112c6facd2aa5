"""The attributes of a single tag, for what looks at few of them; `attributes` reads those of all tags of a page."""

import re
from collections.abc import Iterator, Sequence
from html import unescape

import numpy as np
from gristmill.filters.html.layout import MARK_SOURCE, MARK_SOURCE_END, SOURCE, Page

MAX_TAG_BYTES = 2000  # of a tag that are looked at
_ATTRIBUTE = re.compile(rb"[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+)))?")


def tag_bytes(page: Page, element: int) -> bytes:
    """The source of an element's tag from its name on, with what follows it where it is short; nothing of the root."""
    if element <= 0:
        return b""
    begin = int(page.elements[element, SOURCE])
    return page.source[begin : begin + MAX_TAG_BYTES].tobytes()


def mark_bytes(page: Page, mark: Sequence[int] | np.ndarray) -> bytes:
    """The source of the attributes of an inline element. mark: its start."""
    begin = int(mark[MARK_SOURCE])
    return page.source[begin : min(int(mark[MARK_SOURCE_END]), begin + MAX_TAG_BYTES)].tobytes()


def attributes_of(tag: bytes) -> dict[str, str]:
    """Every attribute of a tag as text, "" where it has no value, the first of each name. tag: as `attribute` takes it."""
    found: dict[str, str] = {}
    for name, value in _attributes(tag):
        found.setdefault(name.decode("utf-8", "replace"), _text(value))
    return found


def attribute(tag: bytes, name: str) -> str | None:
    """The value of an attribute as text, "" where it has none; None where the tag does not have it.

    tag: from its name or its first attribute on, as far as its ">".
    """
    wanted = name.encode()
    return next((_text(value) for found, value in _attributes(tag) if found == wanted), None)


def _attributes(tag: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name in small letters, value) of each attribute."""
    at = 0
    while found := _ATTRIBUTE.match(tag, at):
        yield found[1].lower(), next((part for part in found.groups()[1:] if part is not None), b"")
        at = found.end()


def _text(value: bytes) -> str:
    return unescape(value.decode("utf-8", "replace"))
