"""Files of a run on any file system, and their names in the engine's own path language.

A run folder is a local path or an fsspec URL. Object stores have no atomic rename, so nothing here renames across
folders: data files carry a unique attempt id, and what counts is only what a manifest, written last, lists.
"""

import json
import os
import uuid
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec
from gristmill.schemas.errors import RunError


class Storage:
    """One folder on a local or remote file system; every path argument is relative to it."""

    def __init__(self, root: str) -> None:
        self.fs, path = fsspec.core.url_to_fs(str(root))
        self.is_local = "file" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))
        self.root = os.path.abspath(path) if self.is_local else path
        self.url = self.root if self.is_local else str(root).rstrip("/")

    def __reduce__(self) -> tuple[type["Storage"], tuple[str]]:
        return (Storage, (self.url,))

    def path(self, *parts: str) -> str:
        return str(PurePosixPath(self.root, *parts))

    def engine_path(self, *parts: str) -> str:
        """The path for `Engine.read`: plain for local files, the URL elsewhere."""
        if self.is_local:
            return self.path(*parts)
        return "/".join((self.url, *parts))

    def open(self, path: str, mode: str = "rb") -> IO[Any]:
        if "w" in mode:
            self.make_folder(str(PurePosixPath(path).parent))
        return self.fs.open(self.path(path), mode)

    def make_folder(self, path: str) -> None:
        try:
            self.fs.makedirs(self.path(path), exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot create the folder: {error.strerror or error}",
                where=self.path(path),
                expected="a folder that can be written",
                next_step="choose another --out or change its permissions",
            ) from error

    def exists(self, path: str) -> bool:
        return bool(self.fs.exists(self.path(path)))

    def size(self, path: str) -> int:
        return int(self.fs.size(self.path(path)))

    def list(self, folder: str) -> list[str]:
        """File names directly in `folder`, sorted; empty when there is no such folder."""
        if not self.exists(folder):
            return []
        return sorted(PurePosixPath(p).name for p in self.fs.ls(self.path(folder), detail=False))

    def remove(self, path: str) -> None:
        if self.exists(path):
            self.fs.rm(self.path(path), recursive=True)

    def read_json(self, path: str) -> Any:
        with self.open(path) as file:
            return json.loads(file.read().decode("utf-8"))

    def write_json(self, path: str, value: Any) -> None:
        """Replace the file as one step (local: write, sync, rename; elsewhere: one put)."""
        self.write_bytes(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8"))

    def write_bytes(self, path: str, content: bytes) -> None:
        if not self.is_local:
            with self.open(path, "wb") as file:
                file.write(content)
            return
        self.make_folder(str(PurePosixPath(path).parent))
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
        """Write a JSON file unless it is there already; True when this call wrote it."""
        content = json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8")
        if not self.is_local:
            if self.exists(path):
                return False
            with self.open(path, "wb") as file:
                file.write(content)
            return True
        self.make_folder(str(PurePosixPath(path).parent))
        temporary = Path(f"{self.path(path)}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            temporary.write_bytes(content)
            os.link(temporary, self.path(path))
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True
