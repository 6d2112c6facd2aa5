"""The attributes of a single tag, for what looks at few of them; `attributes` reads those of all tags of a page."""

import re
from html import unescape

import numpy as np

MAX_TAG_BYTES = 2000  # of a tag that are looked at
_ATTRIBUTE = re.compile(rb"[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+)))?")


def attribute(source: np.ndarray, begin: int, end: int | None, name: str) -> str | None:
    """The value of an attribute as text, "" where it has none; None where the tag does not have it.

    source: the page, uint8. begin: where the name of the tag or its first attribute is. end: of the tag; None: its ">".
    """
    stop = begin + MAX_TAG_BYTES if end is None else min(end, begin + MAX_TAG_BYTES)
    tag = source[begin:stop].tobytes()
    wanted, at = name.encode(), 0
    while found := _ATTRIBUTE.match(tag, at):
        if found[1].lower() == wanted:
            value = next((part for part in found.groups()[1:] if part is not None), b"")
            return unescape(value.decode("utf-8", "replace"))
        at = found.end()
    return None
