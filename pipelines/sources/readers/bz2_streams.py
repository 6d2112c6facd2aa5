"""A range of a bzip2 file, stream by stream: every stream of a multistream file is read, and a damaged one costs itself."""

import bz2
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from gristmill.pipelines.sources.readers.streams import CHUNK_BYTES

_STREAM = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_MAGIC_BYTES = 10


def bz2_streams(raw: BinaryIO, start: int, end: int, disturb: Callable[[str], None]) -> Iterator[bytes | None]:
    """The content of the streams that begin in [start, end), in blocks of at most CHUNK_BYTES.

    raw: the stored file. None stands for data that is lost in a damaged stream; reading goes on with the next stream.
    disturb: is told of each stream that is damaged or cut, with the byte where it begins.
    """
    raw.seek(start)
    begin, pending = start, b""  # begin: where the bytes in `pending` lie in the file
    while begin < end:
        pending = pending or raw.read(CHUNK_BYTES)
        if not pending:
            return
        stream, position = bz2.BZ2Decompressor(), begin
        try:
            while not stream.eof:
                if stream.needs_input:
                    pending = pending or raw.read(CHUNK_BYTES)
                    if not pending:
                        disturb(f"truncated bz2 stream at byte {position}, begun at byte {begin}")
                        yield None
                        return
                    fed, pending = pending, b""
                    block = stream.decompress(fed, CHUNK_BYTES)
                    position += len(fed)
                else:
                    block = stream.decompress(b"", CHUNK_BYTES)
                if block:
                    yield block
        except (OSError, ValueError) as error:
            disturb(f"corrupt bz2 stream begun at byte {begin}: {error}")
            yield None
            begin, pending = _next_stream(raw, begin + 1)
            continue
        pending = stream.unused_data
        begin = position - len(pending)
        if not pending.strip(b"\0"):  # padding, or the end
            pending = pending.lstrip(b"\0") or raw.read(CHUNK_BYTES).lstrip(b"\0")
            if not pending:
                return
            begin = raw.tell() - len(pending)


def _next_stream(raw: BinaryIO, place: int) -> tuple[int, bytes]:
    """(where it begins, bytes from there) of the first stream at or after a place; the end of the file where none is."""
    raw.seek(place)
    data = raw.read(CHUNK_BYTES)
    while data:
        found = _STREAM.search(data)
        if found:
            return place + found.start(), data[found.start() :]
        more = raw.read(CHUNK_BYTES)
        kept = data[-_MAGIC_BYTES + 1 :] if more else b""
        place += len(data) - len(kept)
        data = kept + more
    return raw.tell(), b""
