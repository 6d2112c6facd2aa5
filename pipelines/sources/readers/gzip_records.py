"""Files with one gzip member per record, as crawlers write them: members are checked, and damaged ones are passed over.

Sound members are unpacked by ISA-L, twice as fast as by zlib. Whatever it does not take to its end is read again by zlib,
whose answers to damage are those that are promised here.
"""

import zlib
from collections.abc import Callable, Generator, Iterator
from typing import BinaryIO

from gristmill.pipelines.sources.readers.gzip_member import GzipMember
from gristmill.pipelines.sources.readers.streams import read_block, skip_padding
from isal import isal_zlib

HELD_BYTES = 16 << 20
_PROBE_BYTES = 512
_Damaged: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub says that this is no class
_PIECE_BYTES = 1 << 16  # given to ISA-L at once: what a piece holds of the next member is copied


def gzip_records(raw: BinaryIO, disturb: Callable[[str], None], start: bytes) -> Iterator[bytes | None]:
    """The content of a file with one gzip member per record, each checked before it is handed on.

    A damaged member becomes None, and reading goes on with the next member whose content begins with `start`. A last
    member that is cut short is yielded as far as it goes. Members above HELD_BYTES are handed on unchecked, and so is one
    of several records that inflates and only has a wrong checksum.
    """
    position, pending = 0, read_block(raw)
    while pending:
        taken, pending = yield from _sound_members(raw, pending)
        position += taken
        if not pending:
            return
        if position and pending.startswith(b"\0"):
            passed, pending = skip_padding(pending, raw)
            position += passed
            continue
        member, unpack = position, GzipMember()
        held: list[bytes] = []
        size = 0
        try:
            while not unpack.eof:
                pending = pending or read_block(raw)
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
        pending = pending if len(pending) >= 8 else pending + read_block(raw)


def _sound_members(raw: BinaryIO, data: bytes) -> Generator[bytes, None, tuple[int, bytes]]:
    """The content of one member after the other that is sound, and whose content and stored bytes are at most HELD_BYTES
    each. Returns (stored bytes taken, those that were read and not taken)."""
    before = begin = at = 0  # stored bytes before `data`, and before the member and what is next of it in `data`
    unpack, parts, size = isal_zlib.decompressobj(wbits=31), list[bytes](), 0
    while True:
        if at == len(data):
            block = read_block(raw)
            data = data[begin:] + block
            before, begin, at = before + begin, 0, at - begin
            if not block or len(data) > HELD_BYTES + len(block):
                return before, data
        piece = memoryview(data)[at : at + _PIECE_BYTES]
        try:
            parts.append(unpack.decompress(piece, HELD_BYTES + 1 - size))
        except _Damaged:
            return before + begin, data[begin:]
        size, at = size + len(parts[-1]), at + len(piece)
        if size > HELD_BYTES:
            return before + begin, data[begin:]
        if unpack.eof:
            yield b"".join(parts)
            begin = at = at - len(unpack.unused_data)
            unpack, parts, size = isal_zlib.decompressobj(wbits=31), [], 0


def _next_member(raw: BinaryIO, position: int, data: bytes, skip: bool, start: bytes) -> tuple[int, bytes]:
    """(stored offset, bytes from there) of the next gzip member that begins with `start`; no bytes: none is left."""
    at = 1 if skip else 0
    while True:
        found = data.find(b"\x1f\x8b\x08", at)
        if found < 0 or len(data) - found < _PROBE_BYTES:
            block = read_block(raw)
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
