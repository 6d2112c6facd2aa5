"""Stored bytes as uncompressed chunks: concatenated members, truncation and corruption included."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import zstandard
from fsspec.core import url_to_fs
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.evidence import control_fraction
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas.errors import InputError

CHUNK_BYTES = 1 << 20
REMOTE_BLOCK_BYTES = 16 << 20  # that a store is asked for at once
HELD_BYTES = 16 << 20
_PROBE_BYTES = 512
# zstandard cannot limit the output of a call; 2 KiB of input expand to 64 MiB at the very most.
_ZSTD_INPUT_BYTES = 2 << 10
_ZSTD_MAX_WINDOW = 1 << 31  # archives written with --long=31
_MAGIC = {
    "gzip": b"\x1f\x8b",
    "bz2": b"BZh",
    "zstd": b"\x28\xb5\x2f\xfd",
    "xz": b"\xfd7zXZ\x00",
    "7z": b"7z\xbc\xaf\x27\x1c",
}
HEAD_BYTES = 512
# Trailers with checksums lie in the last bytes: fed one at a time, what comes before a wrong one is not lost.
_TAIL_BYTES = 64
_MAX_GZIP_HEADER_BYTES = 1 << 20
_DEFECTS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)


def open_split(split: Split) -> BinaryIO:
    """The stored file, still compressed; InputError when it has gone since it was listed, or cannot be opened."""
    try:
        if split.url.startswith("/"):  # a local path: fsspec takes ten times as long to open it
            return open(split.url, "rb")
        fs, path = url_to_fs(split.url)
        return fs.open(path, "rb", block_size=REMOTE_BLOCK_BYTES)
    except OSError as error:
        step = "restore the file, or leave it out with `exclude`; the same command goes on from here"
        raise InputError(str(error), expected="the file that was listed", where=split.url, next_step=step) from error


def _block(raw: BinaryIO) -> bytes:
    try:
        return raw.read(CHUNK_BYTES)
    except OSError as error:
        step = "see whether the file can be read otherwise, or leave it out with `exclude`"
        where = str(getattr(raw, "name", ""))
        raise InputError(f"cannot be read: {error}", expected="a readable file", where=where, next_step=step) from error


def chunks(raw: BinaryIO, compression: str, disturb: Callable[[str], None]) -> Iterator[bytes]:
    """The uncompressed content in chunks of at most about CHUNK_BYTES, none of them empty.

    Everything before a defect is yielded; `disturb` is told of a truncated or corrupt stream and the byte where. Text
    stored unpacked under the name of a packed file is taken as it is. Of a 7z archive it is the one file in it.
    """
    if compression == "7z":
        from gristmill.pipelines.sources.readers.seven_zip import seven_zip_blocks

        yield from seven_zip_blocks(raw, lambda name: True, disturb)
        return
    first = _block(raw)
    magic = _MAGIC.get(compression, b"")
    if compression and (magic.startswith(first[: len(magic)]) or not is_text(first)):
        yield from _members(raw, first, compression, disturb)
        return
    while first:
        yield first
        first = _block(raw)


def packed_as(head: bytes) -> str:
    """How a file that begins so is packed: gzip, bz2, zstd, xz, 7z, or ""."""
    return next((kind for kind, magic in _MAGIC.items() if head.startswith(magic)), "")


def is_text(head: bytes) -> bool:
    """Whether a file that begins so holds text and no archive: a byte order mark, or no control character."""
    head = head[:HEAD_BYTES]
    return bool(mark_of(head)) or (bool(head) and control_fraction(head) == 0)


def _members(raw: BinaryIO, first: bytes, kind: str, disturb: Callable[[str], None]) -> Iterator[bytes]:
    """One compressed member (gzip member, bz2 stream, zstd frame) after the other."""
    position, pending = 0, first  # position: stored bytes before `pending`
    while pending:
        unpack = _UNPACK[kind]()
        while not unpack.eof:
            pending = pending or _block(raw)
            if not pending:
                disturb(f"truncated {kind} stream at byte {position}")
                return
            whole = len(pending) if len(pending) >= CHUNK_BYTES else max(len(pending) - _TAIL_BYTES, 0)
            piece = pending[:whole] or pending[:1]
            try:
                yield from filter(None, unpack.feed(piece))
            except _DEFECTS as error:
                disturb(f"corrupt {kind} stream near byte {position}: {error}")
                return
            position += len(piece) - len(unpack.unused)
            pending = unpack.unused + pending[len(piece) :]
        if unpack.defect:
            disturb(f"corrupt {kind} stream before byte {position}: {unpack.defect}")
        pending = pending if len(pending) >= 8 else pending + _block(raw)
        if kind == "gzip" and _is_padding(pending, raw):
            return
        if pending and not pending.startswith(_MAGIC[kind]) and not _is_skippable(kind, pending):
            disturb(f"bytes that are no {kind} member at byte {position}")
            return


def gzip_records(raw: BinaryIO, disturb: Callable[[str], None], start: bytes) -> Iterator[bytes | None]:
    """The content of a file with one gzip member per record, each checked before it is handed on.

    A damaged member becomes None, and reading goes on with the next member whose content begins with `start`. A last
    member that is cut short is yielded as far as it goes. Members above HELD_BYTES are handed on unchecked, and so is one
    of several records that inflates and only has a wrong checksum.
    """
    position, pending = 0, _block(raw)
    while pending:
        member, unpack = position, GzipMember()
        held: list[bytes] = []
        size = 0
        try:
            while not unpack.eof:
                pending = pending or _block(raw)
                if not pending:
                    disturb(f"truncated gzip member at byte {position}, begun at byte {member}")
                    yield from held
                    return
                for block in unpack.feed(pending):
                    held.append(block)
                    size += len(block)
                    if size > HELD_BYTES:
                        yield b"".join(held)
                        held = []
                position += len(pending) - len(unpack.unused)
                pending = unpack.unused
            content = b"".join(held)
            if unpack.defect:
                if size <= HELD_BYTES and b"\n" + start not in content:
                    raise zlib.error(unpack.defect)
                disturb(f"corrupt gzip member at byte {member}: {unpack.defect}")
            yield content
        except zlib.error as error:
            disturb(f"corrupt gzip member at byte {member}: {error}")
            yield None
            position, pending = _next_member(raw, position, pending, position == member, start)
            continue
        pending = pending if len(pending) >= 8 else pending + _block(raw)
        if pending.startswith(b"\0") and _is_padding(pending, raw):
            return


def _next_member(raw: BinaryIO, position: int, data: bytes, skip: bool, start: bytes) -> tuple[int, bytes]:
    """(stored offset, bytes from there) of the next gzip member that begins with `start`; no bytes: none is left."""
    at = 1 if skip else 0
    while True:
        found = data.find(b"\x1f\x8b\x08", at)
        if found < 0 or len(data) - found < _PROBE_BYTES:
            block = _block(raw)
            keep = found if found >= 0 else max(len(data) - 2, at)
            position, data, at = position + keep, data[keep:] + block, 0
            if block:
                continue
            if found < 0:
                return position, b""
            found = 0
        if _begins_with(data[found : found + _PROBE_BYTES], start):
            return position + found, data[found:]
        at = found + 1


def _begins_with(member: bytes, start: bytes) -> bool:
    try:
        return zlib.decompressobj(wbits=31).decompress(member, len(start)) == start
    except zlib.error:
        return False


def _is_padding(pending: bytes, raw: BinaryIO) -> bool:
    """Nothing but zeros up to the end of the file: block padding, which gzip tools ignore too."""
    while pending and not pending.strip(b"\0"):
        pending = _block(raw)
    return not pending


def _is_skippable(kind: str, head: bytes) -> bool:
    return kind == "zstd" and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


class _Unpack(Protocol):
    """One member: `feed` yields bounded blocks; after `eof`, `unused` is what follows the member.

    defect: what is wrong with a member that was unpacked whole.
    """

    eof: bool
    unused: bytes
    defect: str

    def feed(self, data: bytes) -> Iterator[bytes]: ...


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
            end = _gzip_header_end(self._head)
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


def _gzip_header_end(head: bytes) -> int | None:
    """Where the deflate stream begins; None when the header goes on. zlib.error for what is no gzip header."""
    if not b"\x1f\x8b\x08".startswith(head[:3]) and not head.startswith(b"\x1f\x8b\x08"):
        raise zlib.error("no gzip header")
    if len(head) > _MAX_GZIP_HEADER_BYTES:
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


class _Bounded:
    """The bz2 and lzma classes, which keep unread input inside and want b"" until they need more."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.eof, self.unused, self.defect = False, b"", ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, CHUNK_BYTES)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b"", CHUNK_BYTES)
        self.eof, self.unused = self._inner.eof, self._inner.unused_data


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_MAX_WINDOW).decompressobj()
        self.eof, self.unused, self.defect = False, b"", ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        view, parts, size = memoryview(data), [], 0
        for start in range(0, len(data), _ZSTD_INPUT_BYTES):
            block = self._inner.decompress(view[start : start + _ZSTD_INPUT_BYTES])
            parts.append(block)
            size += len(block)
            if self._inner.eof:
                self.eof, self.unused = True, self._inner.unused_data + data[start + _ZSTD_INPUT_BYTES :]
                break
            if size >= CHUNK_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
        yield b"".join(parts)


_UNPACK: dict[str, Callable[[], _Unpack]] = {
    "gzip": GzipMember,
    "bz2": lambda: _Bounded(bz2.BZ2Decompressor()),
    "xz": lambda: _Bounded(lzma.LZMADecompressor()),
    "zstd": _Zstd,
}
