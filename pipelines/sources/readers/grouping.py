"""Records that belong together and lie far apart in a file, put together in bounded memory.

While they are few they stay in memory; above MEMORY_BYTES they go to files in a temporary folder, by a hash of their key,
packed, and come back a bucket at a time. A bucket holds a 512th of the records.
"""

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard
from xxhash import xxh3_64_intdigest

MEMORY_BYTES = 256 << 20
BUCKETS = 512
_HEADER = struct.Struct("<II")  # bytes of the key, bytes of the record
_OVERHEAD = 100  # bytes of memory that a record takes beside its own


class Grouping:
    """Use as a context; `add` every record, then read `groups` once."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._held: dict[int, list[bytes]] = {}
        self._held_bytes = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Grouping":
        return self

    def __exit__(self, *error: object) -> None:
        self._held.clear()
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, key: str, record: bytes) -> None:
        """Keep a record under its key."""
        name = key.encode("utf-8", "replace")
        bucket = xxh3_64_intdigest(name) % BUCKETS
        self._held.setdefault(bucket, []).append(_HEADER.pack(len(name), len(record)) + name + record)
        self._held_bytes += len(record) + len(name) + _OVERHEAD
        if self._held_bytes > self._memory_bytes:
            self._spill()

    def groups(self) -> Iterator[tuple[str, list[bytes]]]:
        """(key, records in the order in which they were added) of each group; equal for any limit of memory."""
        for bucket in range(BUCKETS):
            groups: dict[str, list[bytes]] = {}
            for name, record in self._records(bucket):
                groups.setdefault(name.decode(), []).append(record)
            yield from groups.items()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="gristmill-groups-")
        pack = zstandard.ZstdCompressor(level=1)
        for bucket, records in self._held.items():
            with self._path(bucket).open("ab") as stored:
                stored.write(pack.compress(b"".join(records)))
        self._held.clear()
        self._held_bytes = 0

    def _path(self, bucket: int) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / str(bucket)

    def _records(self, bucket: int) -> Iterator[tuple[bytes, bytes]]:
        pieces = []
        if self._folder is not None and self._path(bucket).exists():
            with self._path(bucket).open("rb") as stored:
                pieces.append(zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True).read())
        pieces += self._held.pop(bucket, [])
        for piece in pieces:
            at = 0
            while at < len(piece):
                key, size = _HEADER.unpack_from(piece, at)
                at += _HEADER.size
                yield piece[at : at + key], piece[at + key : at + key + size]
                at += key + size
