"""Stored bytes as uncompressed chunks: concatenated members, truncation and corruption included."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import zstandard
from fsspec.core import url_to_fs
from gristmill.pipelines.readers.split import Split
from gristmill.schemas.errors import InputError

CHUNK_BYTES = 1 << 20
HELD_BYTES = 16 << 20
_PROBE_BYTES = 512
# zstandard cannot limit the output of a call; 2 KiB of input expand to 64 MiB at the very most.
_ZSTD_INPUT_BYTES = 2 << 10
_ZSTD_MAX_WINDOW = 1 << 31  # archives written with --long=31
_MAGIC = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "zstd": b"\x28\xb5\x2f\xfd", "xz": b"\xfd7zXZ"}
_DEFECTS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)


def open_split(split: Split) -> BinaryIO:
    """The stored file, still compressed; InputError when it has gone since planning."""
    try:
        if split.url.startswith("/"):  # a local path: fsspec takes ten times as long to open it
            return open(split.url, "rb")
        fs, path = url_to_fs(split.url)
        return fs.open(path, "rb")
    except (FileNotFoundError, PermissionError) as error:
        step = "restore the file, or plan the run again"
        raise InputError(str(error), expected="the file that was planned", where=split.url, next_step=step) from error


def chunks(raw: BinaryIO, compression: str, disturb: Callable[[str], None]) -> Iterator[bytes]:
    """The uncompressed content in chunks of about CHUNK_BYTES.

    Everything before a defect is yielded; `disturb` is told of a truncated or corrupt stream and the byte where.
    """
    if compression:
        yield from _members(raw, compression, disturb)
    else:
        while block := raw.read(CHUNK_BYTES):
            yield block


def _members(raw: BinaryIO, kind: str, disturb: Callable[[str], None]) -> Iterator[bytes]:
    """One compressed member (gzip member, bz2 stream, zstd frame) after the other."""
    position, pending = 0, raw.read(CHUNK_BYTES)  # position: stored bytes before `pending`
    while pending:
        unpack = _UNPACK[kind]()
        while not unpack.eof:
            pending = pending or raw.read(CHUNK_BYTES)
            if not pending:
                disturb(f"truncated {kind} stream at byte {position}")
                return
            try:
                yield from unpack.feed(pending)
            except _DEFECTS as error:
                disturb(f"corrupt {kind} stream near byte {position}: {error}")
                return
            position += len(pending) - len(unpack.unused)
            pending = unpack.unused
        pending = pending if len(pending) >= 8 else pending + raw.read(CHUNK_BYTES)
        if kind == "gzip" and _is_padding(pending, raw):
            return
        if pending and not pending.startswith(_MAGIC[kind]) and not _is_skippable(kind, pending):
            disturb(f"bytes that are no {kind} member at byte {position}")
            return


def gzip_records(raw: BinaryIO, disturb: Callable[[str], None], start: bytes) -> Iterator[bytes | None]:
    """The content of a file with one gzip member per record, each checked before it is handed on.

    A damaged member becomes None, and reading goes on with the next member whose content begins with `start`. A last
    member that is cut short is yielded as far as it goes. Members above HELD_BYTES are handed on unchecked.
    """
    position, pending = 0, raw.read(CHUNK_BYTES)
    while pending:
        member, unpack = position, _Gzip()
        held: list[bytes] = []
        size = 0
        try:
            while not unpack.eof:
                pending = pending or raw.read(CHUNK_BYTES)
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
            yield b"".join(held)
        except zlib.error as error:
            disturb(f"corrupt gzip member at byte {member}: {error}")
            yield None
            position, pending = _next_member(raw, position, pending, position == member, start)
            continue
        pending = pending if len(pending) >= 8 else pending + raw.read(CHUNK_BYTES)
        if pending.startswith(b"\0") and _is_padding(pending, raw):
            return


def _next_member(raw: BinaryIO, position: int, data: bytes, skip: bool, start: bytes) -> tuple[int, bytes]:
    """(stored offset, bytes from there) of the next gzip member that begins with `start`; no bytes: none is left."""
    at = 1 if skip else 0
    while True:
        found = data.find(b"\x1f\x8b\x08", at)
        if found < 0 or len(data) - found < _PROBE_BYTES:
            block = raw.read(CHUNK_BYTES)
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
        pending = raw.read(CHUNK_BYTES)
    return not pending


def _is_skippable(kind: str, head: bytes) -> bool:
    return kind == "zstd" and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


class _Unpack(Protocol):
    """One member: `feed` yields bounded blocks; after `eof`, `unused` is what follows the member."""

    eof: bool
    unused: bytes

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.eof, self.unused = False, b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        block = None
        # A full block may leave output inside even when all input is taken.
        while not self._inner.eof and (block is None or data or len(block) == CHUNK_BYTES):
            block = self._inner.decompress(data, CHUNK_BYTES)
            data = self._inner.unconsumed_tail
            yield block
        self.eof, self.unused = self._inner.eof, self._inner.unused_data


class _Bounded:
    """The bz2 and lzma classes, which keep unread input inside and want b"" until they need more."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.eof, self.unused = False, b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, CHUNK_BYTES)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b"", CHUNK_BYTES)
        self.eof, self.unused = self._inner.eof, self._inner.unused_data


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_MAX_WINDOW).decompressobj()
        self.eof, self.unused = False, b""

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
    "gzip": _Gzip,
    "bz2": lambda: _Bounded(bz2.BZ2Decompressor()),
    "xz": lambda: _Bounded(lzma.LZMADecompressor()),
    "zstd": _Zstd,
}
