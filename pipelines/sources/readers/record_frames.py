"""Records of one file told by the bytes that begin and end them, as a stream: elements of XML, paragraphs of a flat form."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class RecordFrame(NamedTuple):
    """content: None where it is above the limit, or has no end. offset: of its first byte in the unpacked stream."""

    content: bytes | None
    offset: int
    size: int
    defect: str = ""


def elements(blocks: Iterable[bytes], names: tuple[str, ...], limit: int) -> Iterator[RecordFrame]:
    """Every outermost element of one of the names, such as `<article ...>...</article>`, whatever stands around them.

    An element above `limit` bytes gives a frame without content, and so does one that the stream ends in.
    """
    opening = re.compile(rb"<(" + b"|".join(name.encode() for name in names) + rb")(?=[\s>/])")
    buffer, start, offset = bytearray(), -1, 0  # start: of the open element in the buffer; offset: of the buffer
    closing, searched, lost = b"", 0, 0
    for block in blocks:
        buffer += block
        while True:
            if start < 0:
                found = opening.search(buffer)
                if not found:
                    cut = max(len(buffer) - 64, 0)
                    del buffer[:cut]
                    offset += cut
                    break
                start, searched, lost = found.start(), found.end(), 0
                closing = b"</" + found[1]
            end = buffer.find(closing, searched)
            while end >= 0 and end + len(closing) < len(buffer) and buffer[end + len(closing)] not in b"> \t\r\n":
                end = buffer.find(closing, end + 1)
            last = buffer.find(b">", end) + 1 if end >= 0 else 0
            if not last:
                searched = max(len(buffer) - len(closing) - 1, searched, 0) if end < 0 else end
                if len(buffer) - start > limit:  # given up: what follows is looked through for its end, and not held
                    cut = max(len(buffer) - 64, start)
                    lost += cut - start
                    del buffer[start:cut]
                    offset += cut - start
                    searched = start
                break
            size = last - start + lost
            content = bytes(buffer[start:last]) if not lost and size <= limit else None
            yield RecordFrame(content, offset + start - lost, size, "" if content is not None else "too_large")
            del buffer[:last]
            offset += last
            start = -1
    if start >= 0:
        yield RecordFrame(None, offset + start - lost, len(buffer) - start + lost, "truncated_record")


def paragraphs(blocks: Iterable[bytes], start: bytes, limit: int) -> Iterator[RecordFrame]:
    """Every stretch that begins with a line that begins with `start`, up to the next such line."""
    mark = re.compile(rb"^" + re.escape(start), re.MULTILINE)
    buffer, offset, lost = bytearray(), 0, 0
    for block in blocks:
        buffer += block
        while True:
            first = mark.search(buffer)
            second = mark.search(buffer, first.end()) if first else None
            if first is None or second is None:
                cut = max(first.start() if first else 0, len(buffer) - len(start) - 1) if not first else first.start()
                del buffer[:cut]
                offset += cut
                if len(buffer) > limit:
                    dropped = len(buffer) - limit
                    del buffer[len(start) : len(start) + dropped]
                    lost += dropped
                break
            yield _paragraph(bytes(buffer[first.start() : second.start()]), offset + first.start(), lost)
            del buffer[: second.start()]
            offset += second.start() + lost
            lost = 0
    first = mark.search(buffer)
    if first:
        yield _paragraph(bytes(buffer[first.start() :]), offset + first.start(), lost)


def _paragraph(content: bytes, offset: int, lost: int) -> RecordFrame:
    return RecordFrame(None if lost else content, offset, len(content) + lost, "too_large" if lost else "")
