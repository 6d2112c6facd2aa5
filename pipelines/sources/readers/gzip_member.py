"""One gzip member, unpacked piece by piece."""

import struct
import zlib
from collections.abc import Iterator

CHUNK_BYTES = 1 << 20  # of what is unpacked at once
_MAX_HEADER_BYTES = 1 << 20


class GzipMember:
    """A gzip member, its deflate stream unpacked bare: a wrong checksum is a defect and costs nothing."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=-15)
        self._head, self._trailer = b"", b""
        self._in_header = True
        self._checksum = self._size = 0
        self.eof, self.unused, self.defect = False, b"", ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.unused = b""
        if self._in_header:
            self._head += data
            end = _header_end(self._head)
            if end is None:
                return
            data, self._head, self._in_header = self._head[end:], b"", False
        if not self._inner.eof:
            block = None
            # A full block may leave output inside even when all input is taken.
            while not self._inner.eof and (block is None or data or len(block) == CHUNK_BYTES):
                block = self._inner.decompress(data, CHUNK_BYTES)
                data = self._inner.unconsumed_tail
                self._checksum = zlib.crc32(block, self._checksum)
                self._size += len(block)
                yield block
            data = self._inner.unused_data
        if self._inner.eof:
            self._trailer += data
            if len(self._trailer) >= 8:
                self._finish()

    def _finish(self) -> None:
        checksum, size = struct.unpack("<II", self._trailer[:8])
        if checksum != self._checksum:
            self.defect = "wrong checksum"
        elif size != self._size & 0xFFFFFFFF:
            self.defect = "wrong size"
        self.eof, self.unused = True, self._trailer[8:]


def _header_end(head: bytes) -> int | None:
    """Where the deflate stream begins; None when the header goes on. zlib.error for what is no gzip header."""
    if not b"\x1f\x8b\x08".startswith(head[:3]) and not head.startswith(b"\x1f\x8b\x08"):
        raise zlib.error("no gzip header")
    if len(head) > _MAX_HEADER_BYTES:
        raise zlib.error("a gzip header without end")
    if len(head) < 10:
        return None
    flags, at = head[3], 10
    if flags & 4:
        if len(head) < at + 2:
            return None
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    for flag in (8, 16):  # name, comment
        if flags & flag:
            end = head.find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    at += 2 if flags & 2 else 0
    return at if len(head) >= at else None
