"""Where the values of a JSON text begin and end, found in a stream of chunks with bounded memory.

Framing is separate from parsing, so that a value is a record with a place, one above the limit is measured and never
held, and a value that is no JSON costs itself alone. The records are the elements of arrays and the objects beside
them, so one array, several, objects written over many lines, and objects between commas whose brackets are lost, all
read alike.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

_QUOTE, _COMMA = b'",'
_OPENING, _CLOSING = b"[{", b"]}"
_ARRAY = b"["
_MARKS = np.zeros(256, bool)
_MARKS[list(_OPENING + _CLOSING + b",")] = True
_BLANK = b" \t\r\n"


class JsonFrame(NamedTuple):
    """One framed value: where its first byte lies, how many bytes it has, its bytes; None when above the limit."""

    offset: int
    size: int
    content: bytes | None


def frames(blocks: Iterator[bytes], limit: int, disturb: Callable[[str], None]) -> Iterator[JsonFrame]:
    """The records of a JSON text.

    blocks: UTF-8 without byte order mark, in chunks of any size. limit: bytes of a record that are held.
    disturb: is told when the text ends inside a value; that value comes last, as far as it goes.
    """
    scan = _Scan(limit)
    for block in blocks:
        yield from scan.feed(block)
    last = scan.unfinished()
    if last is not None:
        yield last
    if last is not None and scan.is_inside:
        disturb(f"the JSON text ends inside a value that begins at byte {last.offset}")
    elif scan.in_array:
        disturb(f"the JSON array is not closed at byte {scan.position}, the end")


class _Scan:
    """The state between two chunks: inside a string or not, how deep, and the record that has begun."""

    def __init__(self, limit: int) -> None:
        self.position = 0  # of the next chunk in the text
        self._limit = limit
        self._in_string = self._escaped = False
        self._depth = 0
        self.in_array = False  # whether records are the elements of an array
        self._parts: list[bytes] = []
        self._size = 0
        self._begin = 0

    @property
    def is_inside(self) -> bool:
        """Whether the record that has begun has not ended: inside a string, an object or an array."""
        return self.in_array or self._in_string or self._depth > 0

    def feed(self, block: bytes) -> Iterator[JsonFrame]:
        """The records that end in this chunk."""
        data = np.frombuffer(block, np.uint8)
        marks = self._marks_outside_strings(block, data)
        change = np.isin(data[marks], list(_OPENING)).astype(np.int64) - np.isin(data[marks], list(_CLOSING))
        after = self._depth + self.in_array + np.cumsum(change)
        before = after - change
        balanced = not len(after) or after.min() >= 0
        if balanced:  # what lies deeper than two levels neither begins nor ends a record
            shallow = np.minimum(after, before) <= 1
            marks, before = marks[shallow], before[shallow]
        start = 0  # of what belongs to the record that has begun
        for place, nesting in zip(marks.tolist(), before.tolist(), strict=True):
            if balanced:
                self._depth = nesting - self.in_array
            end = self._end_at(block[place], place)
            if end is not None:
                yield from self._end(block, start, end)
                start = place + 1
        self._hold(block, start, len(block))
        self.position += len(block)
        if balanced and len(after):
            self._depth = int(after[-1]) - self.in_array

    def _end_at(self, byte: int, place: int) -> int | None:
        """Where the record ends that a bracket or comma at `place` ends, None where it ends none; keeps the depth."""
        if byte in _OPENING:
            if byte == _ARRAY[0] and self._depth == 0 and not self.in_array:
                self.in_array = True
                return place
            self._depth += 1
            return None
        if self._depth == 0:  # a comma, the end of the array, or a bracket that closes nothing
            self.in_array = self.in_array and byte == _COMMA
            return place
        if byte == _COMMA:
            return None
        self._depth -= 1
        return None if self._depth or self.in_array else place + 1  # the end of an object that stands by itself

    def _marks_outside_strings(self, block: bytes, data: np.ndarray) -> np.ndarray:
        """Where brackets and commas stand that are in no string; keeps the state of strings for the next chunk."""
        quotes = self._quotes(block)
        marks = np.flatnonzero(_MARKS[data])
        inside = (np.searchsorted(quotes, marks) + self._in_string) % 2
        self._in_string = bool((len(quotes) + self._in_string) % 2)
        return marks[inside == 0]

    def _quotes(self, block: bytes) -> np.ndarray:
        """Where strings begin and end: quotes that no backslash escapes. Escapes are blanked, pairs of backslashes first."""
        if self._escaped:
            block = b" " + block[1:]
        plain = block.replace(rb"\\", b"  ").replace(rb"\"", b"  ") if b"\\" in block else block
        self._escaped = plain.endswith(b"\\")
        return np.flatnonzero(np.frombuffer(plain, np.uint8) == _QUOTE)

    def _hold(self, block: bytes, start: int, end: int) -> None:
        """Keep a piece of the record that has begun, without the blanks before it; above the limit only its size."""
        if not self._size:
            piece = block[start:end].lstrip(_BLANK)
            self._begin = self.position + end - len(piece)
        else:
            piece = block[start:end]
        self._size += len(piece)
        if self._size > self._limit:
            self._parts = []
        elif piece:
            self._parts.append(piece)

    def _end(self, block: bytes, start: int, end: int) -> Iterator[JsonFrame]:
        """The record that ends here, if there is more than blanks."""
        self._hold(block, start, end)
        frame = self.unfinished()
        self._parts, self._size = [], 0
        if frame is not None:
            yield frame

    def unfinished(self) -> JsonFrame | None:
        """The record that has begun, as far as it goes."""
        if not self._size:
            return None
        content = None if self._size > self._limit else b"".join(self._parts).rstrip(_BLANK)
        return JsonFrame(self._begin, self._size if content is None else len(content), content)
