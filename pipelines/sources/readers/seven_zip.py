"""A file inside a 7z archive as a stream of blocks: nothing is written to disk, and memory is bounded.

py7zr pushes what it unpacks; a thread runs it, and a queue of a few blocks turns that into an iterator. Names in the archive
are compared, never opened. What unpacks to more than MAX_RATIO times its archive, and to more than MAX_FREE_BYTES, is a bomb:
reading stops there and says so.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from gristmill.pipelines.sources.readers.streams import CHUNK_BYTES

MAX_RATIO = 1000  # XML of wikis and forums packs to a tenth, histories of pages to a two-hundredth
MAX_FREE_BYTES = 1 << 30
_QUEUED = 8


class _Stopped(Exception):
    """Nobody wants more of the archive."""


def seven_zip_blocks(raw: BinaryIO, wanted: Callable[[str], bool], disturb: Callable[[str], None]) -> Iterator[bytes]:
    """The content of the one file in an archive whose name is wanted.

    raw: the stored archive. disturb: is told when there is no such file or several, or when the archive is
    damaged, locked by a password, or a bomb; what was unpacked before is yielded.
    """
    import py7zr

    try:
        archive = py7zr.SevenZipFile(raw, "r")
        names = [name for name in archive.getnames() if wanted(name)]
        locked = archive.needs_password()
    except Exception as error:  # py7zr raises what its codecs raise
        disturb(f"no readable 7z archive: {_said(error)}")
        return
    if locked:
        disturb("a 7z archive with a password")
        return
    if len(names) != 1:
        found = ", ".join(archive.getnames()[:10]) or "nothing"
        disturb(f"{len(names)} files to read in the 7z archive, one expected; it holds {found}")
        return
    size = raw.seek(0, os.SEEK_END)
    yield from _unpacked(archive, names[0], max(MAX_RATIO * size, MAX_FREE_BYTES), disturb)


def _unpacked(archive: Any, name: str, limit: int, disturb: Callable[[str], None]) -> Iterator[bytes]:
    blocks: queue.Queue[bytes | str | None] = queue.Queue(_QUEUED)
    stopped = threading.Event()

    def put(block: bytes | str | None) -> None:
        while not stopped.is_set():
            try:
                return blocks.put(block, timeout=0.2)
            except queue.Full:
                continue
        raise _Stopped

    def unpack() -> None:
        try:
            archive.extract(targets=[name], factory=_factory(put, limit))
            put(None)
        except _Stopped:
            pass
        except Exception as error:
            with contextlib.suppress(_Stopped):
                put(_said(error))

    thread = threading.Thread(target=unpack, daemon=True)
    thread.start()
    try:
        while (block := blocks.get()) is not None:
            if isinstance(block, str):
                disturb(f"corrupt 7z archive in {name}: {block}")
                return
            yield block
    finally:
        stopped.set()
        thread.join()


def _factory(put: Callable[[bytes], None], limit: int) -> Any:
    from py7zr.io import Py7zIO, WriterFactory

    class Sink(Py7zIO):
        """Hands on what is written to it."""

        def __init__(self) -> None:
            self.written = 0

        def write(self, data: bytes | bytearray) -> int:
            self.written += len(data)
            if self.written > limit:
                raise ValueError(f"more than {limit} bytes unpacked, too much for its size")
            for start in range(0, len(data), CHUNK_BYTES):
                put(bytes(data[start : start + CHUNK_BYTES]))
            return len(data)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            return None

        def size(self) -> int:
            return self.written

    class Sinks(WriterFactory):
        def create(self, filename: str) -> Py7zIO:
            return Sink()

    return Sinks()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200].rstrip(": ")
