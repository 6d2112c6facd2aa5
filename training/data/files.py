"""How the files of a folder are written and read: whole or not at all, set aside, not removed, line by line if damaged."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import xxhash

SET_ASIDE = "set-aside"
_CHUNK = 1 << 24


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream of bytes for the block; after it `path` holds them, on disk. At any moment it has its old content or all of the
    new one, whatever other processes write. Where the block raises, nothing has changed and nothing is left beside it."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    to_disk(path.parent)


def write_whole(path: Path, content: str) -> None:
    """Write a text file (UTF-8) as `whole_file` does."""
    with whole_file(path) as stream:
        stream.write(content.encode("utf-8"))


def checksum(*paths: Path) -> str:
    """XXH3-128 of the bytes of files, one after the other: 32 hex digits."""
    hasher = xxhash.xxh3_128()
    for path in paths:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                hasher.update(chunk)
    return str(hasher.hexdigest())


def to_disk(path: Path) -> None:
    """Return once a file, or the list of files in a folder, has reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_aside(path: Path) -> Path:
    """Move a file or folder into the folder `set-aside` beside it, under a name that is free there; return its new path."""
    target = _free_name(path)
    os.rename(path, target)
    return target


def keep_copy(path: Path) -> Path:
    """Copy a file into the folder `set-aside` beside it, under a name that is free there; return the copy's path."""
    target = _free_name(path)
    shutil.copy2(path, target)
    return target


def _free_name(path: Path) -> Path:
    home = path.parent / SET_ASIDE
    home.mkdir(exist_ok=True)
    target, number = home / path.name, 1
    while target.exists() or target.is_symlink():
        number += 1
        target = home / f"{path.name}.{number}"
    return target


def json_lines(path: Path, last_bytes: int | None = None) -> Iterator[dict[str, Any] | None]:
    """Each line of a file of JSON objects; None for a line that is damaged. Nothing where there is no file.

    A last line without its line feed was interrupted while being written; it counts as neither. last_bytes: only lines that
    are wholly among the last so many bytes.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        before = 0 if last_bytes is None else path.stat().st_size - last_bytes
        if before > 0:
            file.seek(before - 1)  # the line that has this byte, even if only its line feed, began before
            file.readline()
        for line in file:
            if line.endswith(b"\n"):
                yield _object(line)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def json_object(path: Path) -> dict[str, Any] | None:
    """The JSON object that a file holds; None where there is no file. ValueError when the file holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(content, dict):
        raise ValueError(f"{type(content).__name__} instead of an object")
    return content
