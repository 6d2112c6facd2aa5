"""Reading a folder of token shards: verified, memory-mapped, from a local folder or a copy of a remote one.

No token is handed out from a file whose size is not the manifest's; with `lazy` (the default) each file's checksum is
computed when it is first touched, with `full` all of them when the folder is opened, with `none` never.
A remote folder (any fsspec URL) is copied file by file, when touched, into `cache`; a copy is named by its checksum.
"""

import os
import resource
import shutil
import uuid
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from gristmill.schemas.errors import InputError, RunError
from gristmill.schemas.shards.format import (
    BIN,
    DOCS,
    IDX,
    LOSS,
    MANIFEST,
    TOMBSTONES,
    Shard,
    ShardFile,
    ShardSetManifest,
    Tombstone,
    parse_manifest,
    parse_tombstones,
)
from gristmill.schemas.shards.index import MAGIC
from gristmill.training.data.files import checksum

Verify = Literal["lazy", "full", "none"]
_CHUNK = 1 << 24
_IDX_HEADER = len(MAGIC) + 8 + 1 + 8 + 8


class MappedShard(NamedTuple):
    """A shard's files in memory maps. offsets: the byte offsets of the .idx as uint8, 8 a document; loss: uint8 or None.

    addresses: four int64 for a kernel that reads many shards: where tokens, offsets and loss (0: none) begin, and the
    number of documents. They hold as long as the arrays are kept.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    documents: int
    loss: np.ndarray | None
    addresses: bytes


class ShardSet:
    """A folder of shards. `mapped` keeps at most as many shards open as the process may open files for."""

    def __init__(self, folder: str, manifest: ShardSetManifest, verify: Verify, cache: Path | None) -> None:
        self.folder, self.manifest, self.verify, self.cache = folder, manifest, verify, cache
        self.by_name = {shard.name: shard for shard in manifest.shards}
        self._verified: set[str] = set()
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = 4096 if limit == resource.RLIM_INFINITY else min(4096, max(16, limit // 6))  # a shard is up to 3 files
        self.mapped = lru_cache(maxsize=most)(self._map)

    @classmethod
    def open(cls, folder: str | Path, verify: Verify = "lazy", cache: str | Path | None = None) -> "ShardSet":
        """The shards of a folder or fsspec URL; `cache` is where files of a remote folder are copied to."""
        url = str(folder)
        remote = "://" in url and not url.startswith(("file://", "local://"))
        if remote and cache is None:
            raise InputError("remote shards without a cache", where=url, next_step="name a local folder as cache")
        url = url if remote else os.path.abspath(url.split("://", 1)[-1])
        try:
            with fsspec.open(f"{url.rstrip('/')}/{MANIFEST}", "rb") as file:
                content = file.read()
        except FileNotFoundError as error:
            raise InputError(
                f"no {MANIFEST}", where=url, expected="a finished folder of shards", next_step="gristmill shards write"
            ) from error
        shards = cls(url, parse_manifest(content, url), verify, Path(cache) if remote and cache else None)
        if verify == "full":
            for shard in shards.manifest.shards:
                for extension in shard.files:
                    shards.path(shard.name, extension)
        return shards

    def tombstones(self) -> list[Tombstone]:
        """The tombstones as they stand now, in the order of writing."""
        try:
            with fsspec.open(f"{self.folder}/{TOMBSTONES}", "rb") as file:
                return parse_tombstones(file.read(), f"{self.folder}/{TOMBSTONES}")
        except FileNotFoundError:
            return []

    def path(self, name: str, extension: str) -> Path:
        """A local path of one file of a shard, checked as `verify` says; RunError names a file that is not as written."""
        recorded = self.by_name[name].files[extension]
        if self.cache is None:
            path = Path(self.folder) / f"{name}{extension}"
        else:
            path = self.cache / f"{recorded.checksum}{extension}"
            if not path.exists():
                self._fetch(f"{self.folder}/{name}{extension}", path, recorded)
        if not path.exists() or path.stat().st_size != recorded.bytes:
            found = f"{path.stat().st_size:,} bytes" if path.exists() else "missing"
            raise _damaged(path, found, f"{recorded.bytes:,} bytes")
        if self.verify != "none" and str(path) not in self._verified:
            _check(path, recorded)
            self._verified.add(str(path))
        return path

    def documents(self, name: str, first: int, last: int) -> pa.Table:
        """Rows first .. last (inclusive) of a shard's document table."""
        with pq.ParquetFile(self.path(name, DOCS)) as file:
            groups, start = [], 0
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if start <= last and first < start + rows:
                    groups.append((group, start))
                start += rows
            table = file.read_row_groups([group for group, _ in groups])
            return table.slice(first - groups[0][1], last - first + 1)

    def document_batches(self, name: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """A shard's document table, some columns of it, a batch at a time."""
        with pq.ParquetFile(self.path(name, DOCS)) as file:
            yield from file.iter_batches(columns=columns)

    def lengths(self, name: str) -> np.ndarray:
        """int32 tokens of every document of a shard."""
        path = self.path(name, IDX)
        return _map_array(path, np.dtype("<i4"), _documents(path, self.by_name[name]), _IDX_HEADER)

    def _map(self, name: str) -> MappedShard:
        shard = self.by_name[name]
        documents = _documents(self.path(name, IDX), shard)
        offsets = _map_array(self.path(name, IDX), np.dtype(np.uint8), 8 * documents, _IDX_HEADER + 4 * documents)
        dtype = self.manifest.numpy_dtype
        if shard.files[BIN].bytes != shard.tokens * dtype.itemsize:
            raise _damaged(
                self.path(name, BIN), f"{shard.files[BIN].bytes:,} bytes", f"{shard.tokens:,} tokens of {dtype}"
            )
        tokens = _map_array(self.path(name, BIN), dtype, shard.tokens)
        loss = None
        if LOSS in shard.files:
            loss = _map_array(self.path(name, LOSS), np.dtype(np.uint8), shard.tokens)
        addresses = (tokens.ctypes.data, offsets.ctypes.data, loss.ctypes.data if loss is not None else 0, documents)
        return MappedShard(tokens, offsets, documents, loss, np.array(addresses, np.int64).tobytes())

    def _fetch(self, url: str, path: Path, recorded: ShardFile) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        system, remote = url_to_fs(url)
        try:
            with system.open(remote, "rb") as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            if partial.stat().st_size != recorded.bytes:
                raise _damaged(url, f"{partial.stat().st_size:,} bytes", f"{recorded.bytes:,} bytes")
            _check(partial, recorded, url)
            partial.replace(path)
        except FileNotFoundError as error:
            raise _damaged(url, "missing", f"{recorded.bytes:,} bytes") from error
        finally:
            partial.unlink(missing_ok=True)


def _map_array(path: Path, dtype: np.dtype, count: int, offset: int = 0) -> np.ndarray:
    """A read-only memory map as a plain array (of no elements where there is nothing to map)."""
    return np.asarray(np.memmap(path, dtype, "r", offset, (count,))) if count else np.zeros(0, dtype)


def _documents(path: Path, shard: Shard) -> int:
    """The documents of an .idx file, whose header must be that of the manifest's shard."""
    with path.open("rb") as file:
        header = file.read(_IDX_HEADER)
    sequences = int.from_bytes(header[len(MAGIC) + 9 : len(MAGIC) + 17], "little")
    if header[: len(MAGIC)] != MAGIC or sequences != shard.documents:
        raise _damaged(path, f"an index of {sequences:,} documents", f"{shard.documents:,}")
    return sequences


def _check(path: Path, recorded: ShardFile, where: str | None = None) -> None:
    found = checksum(path)
    if found != recorded.checksum:
        raise _damaged(where or path, f"checksum {found}", recorded.checksum)


def _damaged(where: Path | str, found: str, expected: str) -> RunError:
    return RunError(
        f"{found}; the file is not the one that was written",
        where=str(where),
        expected=expected,
        next_step="restore the file from a copy, or write the shards again",
    )
