"""Byte ranges of archives in a folder or store: fetched a few at a time, asked for again where a store did not answer."""

import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from gristmill.pipelines.engine.storage import package_step
from gristmill.pipelines.sources.readers.common_crawl.captures import Capture
from gristmill.schemas.errors import InputError

FIRST_BYTES = 1 << 20  # of a record whose stored length the index does not say
WAITS = (0.5, 2.0, 8.0)  # seconds before a request is made again
_GZIP = b"\x1f\x8b"


class Unreachable(Exception):
    """A record that could not be fetched, and why."""


class Archives:
    """The archives that an index names, below `store`."""

    def __init__(self, store: str, source: str, connections: int, limit: int) -> None:
        self._store, self._connections, self._limit = store.rstrip("/"), connections, limit
        try:
            self._fs: AbstractFileSystem = url_to_fs(store)[0]
        except (ValueError, ImportError) as error:
            raise InputError(
                f"{store}: {error}",
                expected="a path or a URL fsspec opens",
                where=f"source {source}",
                next_step=package_step(store),
            ) from error

    def contents(self, captures: Sequence[Capture]) -> Iterator[bytes | Unreachable]:
        """The record of each capture, unpacked one at a time, in their order; at most `connections` requests at a time."""
        with ThreadPoolExecutor(self._connections) as threads:
            for capture, stored in zip(captures, threads.map(self._stored, captures), strict=True):
                try:
                    yield stored if isinstance(stored, Unreachable) else unpacked(stored, self._limit)[0]
                except Unreachable as error:
                    yield Unreachable(f"{capture.filename}: {error}")

    def _stored(self, capture: Capture) -> bytes | Unreachable:
        """The bytes of a record as they are stored."""
        try:
            path = url_to_fs(below(self._store, capture.filename))[1]
            if capture.length is None:
                return self._of_unknown_length(path, capture.offset)
            if capture.length > self._limit:
                raise Unreachable(f"a record of {capture.length} bytes at {capture.offset}, above max_document_bytes")
            stored = self._asked(path, capture.offset, capture.length)
            if len(stored) != capture.length:
                raise Unreachable(f"{len(stored)} bytes instead of {capture.length} at {capture.offset}")
            return stored
        except Unreachable as error:
            return Unreachable(f"{capture.filename}: {error}")

    def _of_unknown_length(self, path: str, offset: int) -> bytes:
        size = FIRST_BYTES
        while True:
            stored = self._asked(path, offset, size)
            if len(stored) < size or size > self._limit or unpacked(stored, self._limit)[1]:
                return stored
            size *= 4

    def _asked(self, path: str, offset: int, length: int) -> bytes:
        """The bytes of a range. A store that fails is asked again; one that has no such file is not."""
        for wait in (*WAITS, None):
            try:
                found = bytes(self._fs.cat_file(path, start=offset, end=offset + length))
            except (FileNotFoundError, PermissionError) as error:
                raise Unreachable(f"no such file, or none that may be read: {error}") from error
            except Exception as error:  # each store's client has its own: of time, of connections, of answers
                if wait is None:
                    raise Unreachable(f"not fetched after {len(WAITS) + 1} requests: {error}") from error
                time.sleep(wait)
            else:
                if len(found) > length:
                    raise Unreachable(f"the store answers {len(found)} bytes to a request for {length}")
                return found
        raise AssertionError


def below(store: str, name: str) -> str:
    """The address of a named file below a store. Unreachable for a name that leads elsewhere."""
    if name.startswith(("/", "\\")) or ":" in name.partition("/")[0] or ".." in name.replace("\\", "/").split("/"):
        raise Unreachable(f"{name[:200]!r} is no name below the store")
    return f"{store}/{name}"


def unpacked(stored: bytes, limit: int) -> tuple[bytes, bool]:
    """(the first member of stored bytes, unpacked where they are gzip, up to a little above `limit`; whether it is whole).

    Unreachable for damaged bytes.
    """
    if not stored.startswith(_GZIP):
        return stored, False
    unpack = zlib.decompressobj(wbits=31)
    try:
        content = unpack.decompress(stored, limit + (1 << 20))
    except zlib.error as error:
        raise Unreachable(f"no gzip member: {error}") from error
    return content, unpack.eof or bool(unpack.unconsumed_tail)
