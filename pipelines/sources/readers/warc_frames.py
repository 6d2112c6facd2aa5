"""WARC framing: where each record begins and ends, and finding the next one after damage."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

MAX_HEADER_BYTES = 1 << 20
_START = re.compile(rb"WARC/[01]\.\d")
_NEXT = re.compile(rb"\n(?=WARC/[01]\.\d)")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_LINE_ENDS = b"\r\n"
_NO_LINE_END = re.compile(rb"[^\r\n]")
_PEEKED_BYTES = 64  # of the block that comes next
_KEPT_BYTES = 9000  # of what was searched: the start of a record may lie across two blocks
_PIECE_BYTES = 1 << 16  # dropping a record copies what is left of the window, so the window grows in small pieces


class WarcFrame(NamedTuple):
    """One framed record. content: header, blank line and block; None with a `defect`.

    offset: in the uncompressed stream. size: bytes it took.
    """

    offset: int
    size: int
    content: bytes | None
    header_bytes: int = 0
    defect: str = ""


class RecordWindow:
    """The part of the stream being framed. None among the blocks is a gap: damaged bytes were left out there."""

    def __init__(self, blocks: Iterator[bytes | None]) -> None:
        self._blocks = _pieces(blocks)
        self._ahead = b""  # the next block, where it has been looked at
        self.data = b""
        self.offset = 0
        self.at_gap = self.at_end = False

    def _next_block(self) -> bytes:
        """The next block, none at a gap or the end."""
        block, self._ahead = self._ahead, b""
        if block or self.at_gap or self.at_end:
            return block
        found = next(self._blocks, b"")
        self.at_gap, self.at_end = found is None, found == b""
        return found or b""

    def peek(self) -> bytes:
        """The first bytes of the next block, which is not taken; none at a gap or the end."""
        self._ahead = self._next_block()
        return self._ahead[:_PEEKED_BYTES]

    def more(self) -> bool:
        """Append the next block; False at a gap or the end."""
        block = self._next_block()
        self.data += block
        return bool(block)

    def need(self, count: int) -> bool:
        """Have `count` bytes in `data`."""
        if len(self.data) >= count:
            return True
        parts, size = [self.data], len(self.data)
        while size < count and (block := self._next_block()):
            parts.append(block)
            size += len(block)
        self.data = b"".join(parts)
        return size >= count

    def drop(self, count: int) -> None:
        self.data = self.data[count:]
        self.offset += count

    def drop_far(self, count: int) -> bool:
        """Drop `count` bytes without holding them; False when the stream ends before."""
        while count > len(self.data):
            count -= len(self.data)
            self.drop(len(self.data))
            if not self.more():
                return False
        self.drop(count)
        return True

    def cross_gap(self) -> None:
        """Go on behind a gap; it counts as one byte, so that no two records share an offset."""
        self.at_gap = False
        self.offset += 1

    def skip_line_ends(self) -> None:
        """Drop line ends, through as many blocks as there are."""
        while True:
            rest = self.data.lstrip(_LINE_ENDS)
            self.drop(len(self.data) - len(rest))
            if rest or not self.more():
                return

    def resync(self, following: re.Pattern[bytes], defect: str) -> WarcFrame:
        """One frame for everything up to where `following` matches, the start of the next record, or to the gap or end."""
        begin = self.offset
        while True:
            found = following.search(self.data)
            if found:
                self.drop(found.end())
                return WarcFrame(begin, self.offset - begin, None, 0, _RESYNCED.get(defect, defect))
            self.drop(max(len(self.data) - _KEPT_BYTES, 0))
            if not self.more():
                self.drop(len(self.data))
                defect = "corrupt_record" if self.at_gap else defect
                frame = WarcFrame(begin, self.offset - begin, None, 0, defect)
                if self.at_gap:
                    self.cross_gap()
                return frame


NextFrame = Callable[[RecordWindow, int], WarcFrame]


def _pieces(blocks: Iterator[bytes | None]) -> Iterator[bytes | None]:
    for block in blocks:
        if block is None or _is_one_record(block):
            yield block
        else:
            yield from (block[at : at + _PIECE_BYTES] for at in range(0, len(block), _PIECE_BYTES))


def _is_one_record(block: bytes) -> bool:
    """Whether a block is a whole record, as those of files with a gzip member per record are."""
    end = _HEADER_END.search(block, 0, MAX_HEADER_BYTES) if _START.match(block) else None
    length = _CONTENT_LENGTH.search(block, 0, end.end()) if end else None
    if end is None or length is None:
        return False
    return 0 <= len(block) - end.end() - int(length[1]) <= len(b"\r\n\r\n")


def frames(blocks: Iterator[bytes | None], limit: int, next_frame: NextFrame | None = None) -> Iterator[WarcFrame]:
    """The records of an uncompressed WARC stream; every damaged stretch is one frame with a defect.

    limit: a block above so many bytes is passed over without holding it (defect `too_large`). next_frame: takes the record
    at the start of the window, of archives that are framed otherwise.
    Defects: invalid_warc_header, wrong_content_length, truncated_record, corrupt_record, too_large.
    """
    window = RecordWindow(blocks)
    while True:
        window.skip_line_ends()
        if window.data:
            yield (next_frame or _next)(window, limit)
        elif window.at_gap:
            window.cross_gap()
            yield WarcFrame(window.offset - 1, 0, None, 0, "corrupt_record")
        elif window.at_end:
            return


def _next(window: RecordWindow, limit: int) -> WarcFrame:
    window.need(len(b"WARC/1.0"))
    if not _START.match(window.data):
        return window.resync(_NEXT, "invalid_warc_header")
    end = _header_end(window)
    if end is None:
        return window.resync(
            _NEXT, "truncated_record" if len(window.data) < MAX_HEADER_BYTES else "invalid_warc_header"
        )
    length = _CONTENT_LENGTH.search(window.data, 0, end)
    if length is None:
        return window.resync(_NEXT, "invalid_warc_header")
    size = end + int(length[1])
    if size - end > limit:
        start = window.offset
        whole = window.drop_far(size)
        return WarcFrame(start, window.offset - start, None, end, "too_large" if whole else "truncated_record")
    if not window.need(size):
        return window.resync(_NEXT, "truncated_record")
    if not _record_follows(window, size):
        return window.resync(_NEXT, "wrong_content_length")
    frame = WarcFrame(window.offset, size, window.data[:size], end)
    window.drop(size)
    return frame


def _header_end(window: RecordWindow) -> int | None:
    while True:
        found = _HEADER_END.search(window.data, 0, MAX_HEADER_BYTES)
        if found:
            return found.end()
        if len(window.data) >= MAX_HEADER_BYTES or not window.more():
            return None


def _record_follows(window: RecordWindow, size: int) -> bool:
    """After the block: line ends, then the next record, the end or a gap. More line ends than a header may have bytes are
    left to `skip_line_ends`."""
    start, searched = b"WARC/", size
    while True:
        found = _NO_LINE_END.search(window.data, searched)
        searched = found.start() if found else len(window.data)
        rest = window.data[searched : searched + len(start)]
        known = (rest + window.peek()).lstrip(_LINE_ENDS)[: len(start)] if len(rest) < len(start) else rest
        if len(known) == len(start) or searched - size > MAX_HEADER_BYTES:
            return start.startswith(known)
        if not window.more():
            return start.startswith(rest)  # also when the stream ends within the next start line


# A block that seemed to end too early but holds the next record had a length that was too long.
_RESYNCED = {"truncated_record": "wrong_content_length"}
