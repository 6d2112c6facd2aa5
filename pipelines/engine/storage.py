"""Files of a run on any file system, and their names in the engine's own path language.

A run folder is a local path or an fsspec URL. Object stores have no atomic rename, so nothing here renames across
folders: data files carry a unique attempt id, and what counts is only what a manifest, written last, lists.

Requests to an object store take tens of milliseconds each, so what is asked of one is counted (docs/cluster.md): a JSON
file is one request to read or write, a listing one for a thousand names, and many files are read side by side.
"""

import contextlib
import io
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec
from fsspec.spec import AbstractBufferedFile
from gristmill.pipelines.engine.ahead import map_ahead
from gristmill.schemas.errors import RunError

REQUESTS_AT_ONCE = 32
SMALL_FILE_BYTES = 1 << 20
_WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci"})


def package_step(url: str) -> str:
    """What to do when the package that opens a URL is not there."""
    if str(url).startswith(("s3://", "s3a://")):
        return "pip install 'gristmill[s3]'"
    return "install the package named here, or correct the URL"


class Storage:
    """One folder on a local or remote file system; every path argument is relative to it."""

    def __init__(self, root: str) -> None:
        try:
            # Other processes write here too (Spark's executors, a second run): a listing that was kept would hide it.
            self.fs, path = fsspec.core.url_to_fs(str(root), use_listings_cache=False)
        except (ImportError, ValueError) as error:
            expected = "a folder, or a URL of a kind that fsspec knows"
            raise RunError(str(error), where=str(root), expected=expected, next_step=package_step(root)) from error
        protocols = (self.fs.protocol,) if isinstance(self.fs.protocol, str) else tuple(self.fs.protocol)
        self.is_local = "file" in protocols
        self._makes_folders = not _WITHOUT_FOLDERS.intersection(protocols)
        self.root = os.path.abspath(path) if self.is_local else path
        self.url = self.root if self.is_local else str(root).rstrip("/")

    def __reduce__(self) -> tuple[type["Storage"], tuple[str]]:
        return (Storage, (self.url,))

    def path(self, *parts: str) -> str:
        """The name that this storage's own file system knows a file by; elsewhere it means nothing."""
        return str(PurePosixPath(self.root, *parts))

    def address(self, *parts: str) -> str:
        """The name that people, engines and fsspec know a file by: a plain path for local files, the URL elsewhere."""
        return self.path(*parts) if self.is_local else "/".join((self.url, *parts))

    def open(self, path: str, mode: str = "rb") -> IO[Any]:
        """An open file. One that is being written counts when it is closed; `discard` gives it up."""
        if "w" in mode:
            self.make_folder(str(PurePosixPath(path).parent))
        return self.fs.open(self.path(path), mode)

    def open_columns(self, path: str, size: int) -> IO[Any]:
        """A Parquet file of `size` bytes for its reader, which says itself which ranges it wants: nothing is read ahead.

        From a remote store a small file comes as a whole, in one request.
        """
        if self.is_local:
            return open(self.path(path), "rb")
        if size <= SMALL_FILE_BYTES:
            return io.BytesIO(self.read_bytes(path))
        file = self.fs.open(self.path(path), "rb", size=size, cache_type="none")
        if isinstance(file, AbstractBufferedFile):
            file.details = {"name": self.path(path), "size": size}  # or it asks for them
        return file

    def discard(self, file: Any, path: str) -> None:
        """Give up a file that is being written: nothing of it stays."""
        with contextlib.suppress(OSError):  # of a full disk: what is still buffered is given up anyway
            if isinstance(file, AbstractBufferedFile):
                file.discard()
                file.closed = True  # else it would be uploaded when it is collected
            else:
                file.close()
        self.remove_file(path)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; object stores have none to make."""
        if not self._makes_folders:
            return
        try:
            self.fs.makedirs(self.path(path), exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot create the folder: {error.strerror or error}",
                where=self.address(path),
                expected="a folder that can be written",
                next_step="choose another --out or change its permissions",
            ) from error

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there. To read a file if there is one, `read_json_if_there` asks once, not twice."""
        return bool(self.fs.exists(self.path(path)))

    def size(self, path: str) -> int:
        return int(self.fs.size(self.path(path)))

    def list(self, folder: str) -> list[str]:
        """File names directly in `folder`, sorted; empty when there is no such folder."""
        try:
            return sorted(PurePosixPath(path).name for path in self.fs.ls(self.path(folder), detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with everything in it; nothing happens where there is none."""
        if self._makes_folders:
            if self.exists(path):
                self.fs.rm(self.path(path), recursive=True)
        elif names := self.fs.find(self.path(path)):
            self.fs.rm(names)

    def remove_file(self, path: str) -> None:
        """Remove one file; nothing happens where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(self.path(path))

    def remove_files(self, paths: Sequence[str]) -> None:
        """Remove many files; a remote store is told of a thousand in a request."""
        if self._makes_folders:
            for path in paths:
                self.remove_file(path)
        elif paths:
            self.fs.rm([self.path(path) for path in paths])

    def read_bytes(self, path: str) -> bytes:
        """The content of a file, in one request. FileNotFoundError when there is none."""
        if self.is_local:
            return Path(self.path(path)).read_bytes()
        content: bytes = self.fs.cat_file(self.path(path), start=0)  # without a range s3fs asks for the size first
        return content

    def read_json(self, path: str) -> Any:
        return json.loads(self.read_bytes(path).decode("utf-8"))

    def read_json_if_there(self, path: str) -> Any | None:
        """The content of a JSON file, None when there is no such file."""
        try:
            return self.read_json(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_many_json(self, paths: Sequence[str]) -> Iterator[Any]:
        """The contents of many JSON files, in the order of `paths`; a remote store is asked for them side by side."""
        if self.is_local:
            yield from map(self.read_json, paths)
        else:
            yield from map_ahead(self.read_json, paths, REQUESTS_AT_ONCE)

    def write_json(self, path: str, value: Any) -> None:
        """Replace the file as one step (local: write, sync, rename; elsewhere: one put)."""
        self.write_bytes(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8"))

    def write_bytes(self, path: str, content: bytes) -> None:
        self.make_folder(str(PurePosixPath(path).parent))
        if not self.is_local:
            self.fs.pipe_file(self.path(path), bytes(content))  # of a memoryview too, which s3fs refuses
            return
        temporary = f"{self.path(path)}.{uuid.uuid4().hex[:8]}.tmp"
        try:
            with Path(temporary).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path(path))
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise

    def put_if_absent(self, path: str, value: Any) -> bool:
        """Write a JSON file unless it is there already; True when this call wrote it.

        Of several calls at once one writes: by a link where files are local, by a conditional put (`If-None-Match`)
        in stores that have it (S3, Google Cloud Storage, Azure). A file with exactly this content counts as this call's:
        a request that was answered, but whose answer was lost, is sent again and then finds its own file.
        """
        content = json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8")
        self.make_folder(str(PurePosixPath(path).parent))
        put = self._link_if_absent if self.is_local else self._create_if_absent
        if put(path, content):
            return True
        with contextlib.suppress(FileNotFoundError):  # removed since
            return self.read_bytes(path) == content
        return False

    def _link_if_absent(self, path: str, content: bytes) -> bool:
        temporary = Path(f"{self.path(path)}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            temporary.write_bytes(content)
            os.link(temporary, self.path(path))
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def _create_if_absent(self, path: str, content: bytes) -> bool:
        try:
            self.fs.pipe_file(self.path(path), content, mode="create")
        except FileExistsError:
            return False
        return True
