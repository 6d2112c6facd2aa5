"""The rows of a file of `<row ... />` elements, as Stack Exchange publishes its tables, with bounded memory.

XML has no `<` inside an attribute, so a row ends before the next one. Each is parsed by itself; what stands before them, a
document type included, is never given to a parser.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

_ROOT = re.compile(rb"([A-Za-z]+)\s*/?>")


class XmlRow(NamedTuple):
    """One row: the byte where it begins, its size, its bytes; None when above the limit."""

    offset: int
    size: int
    content: bytes | None


class XmlRows:
    """The rows of a stream. root: the element around them, None where there is none. is_closed: whether its end was met."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.root: str | None = None
        self.is_closed = False

    def read(self, blocks: Iterator[bytes]) -> Iterator[XmlRow]:
        parts: list[bytes] = []  # of what stands between one `<` and the next
        size = position = 0
        for block in blocks:
            *ended, rest = block.split(b"<")
            for piece in ended:
                parts.append(piece)
                size += len(piece)
                yield from self._element(parts, position, size)
                position += size + 1
                parts, size = [], 0
            size += len(rest)
            if size > self._limit:
                del parts[1:]
            else:
                parts.append(rest)
        yield from self._element(parts, position, size)

    def _element(self, parts: list[bytes], position: int, size: int) -> Iterator[XmlRow]:
        start = (parts[0] if parts and len(parts[0]) > 4 else b"".join(parts[:3]))[:100]
        if start[:3] == b"row" and start[3:4].isspace():
            content = None if size > self._limit else b"<" + b"".join(parts).rstrip()
            yield XmlRow(position - 1, size + 1, content)
        elif start[:1] == b"/":
            self.is_closed = self.is_closed or (self.root is not None and start[1:].startswith(self.root.encode()))
        elif self.root is None and (found := _ROOT.match(start)):
            self.root = found[1].decode()
            self.is_closed = found[0].endswith(b"/>")


def attributes_of(row: bytes) -> dict[str, str]:
    """The attributes of a row; ValueError for what is no XML, or uses an entity beside XML's own."""
    found: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        found.update(attributes)

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    try:
        parser.Parse(row if row.endswith(b"/>") else row + b"</row>", True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return found
