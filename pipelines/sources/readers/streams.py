"""Stored bytes as uncompressed chunks: concatenated members, truncation and corruption included."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import zstandard
from fsspec.core import url_to_fs
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.evidence import control_fraction
from gristmill.pipelines.sources.readers.gzip_member import CHUNK_BYTES, GzipMember
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas.errors import InputError

REMOTE_BLOCK_BYTES = 16 << 20  # that a store is asked for at once
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


def read_block(raw: BinaryIO) -> bytes:
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
    first = read_block(raw)
    magic = _MAGIC.get(compression, b"")
    if compression and (magic.startswith(first[: len(magic)]) or not is_text(first)):
        yield from _members(raw, first, compression, disturb)
        return
    while first:
        yield first
        first = read_block(raw)


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
            pending = pending or read_block(raw)
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
        pending = pending if len(pending) >= 8 else pending + read_block(raw)
        if kind == "gzip":
            passed, pending = skip_padding(pending, raw)
            position += passed
        if pending and not pending.startswith(_MAGIC[kind]) and not _is_skippable(kind, pending):
            disturb(f"bytes that are no {kind} member at byte {position}")
            return


def skip_padding(pending: bytes, raw: BinaryIO) -> tuple[int, bytes]:
    """(how many zeros begin what is left of a file, what is behind them): block padding, which gzip tools pass over too."""
    passed = 0
    while pending:
        rest = pending.lstrip(b"\0")
        passed += len(pending) - len(rest)
        if rest:
            return passed, rest
        pending = read_block(raw)
    return passed, b""


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
