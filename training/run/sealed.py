"""Sealed folders: complete once their seal is written, and provably as they were written ever since.

`complete.json`, the seal, is written last, after every other file has reached the disk. It lists each file with its size
and XXH3-128 and carries a record of what the folder is. A file that is missing, truncated, zeroed or changed is found.
"""

import json
from pathlib import Path
from typing import Any

from gristmill.training.data.files import checksum, json_object, to_disk, write_whole

SEAL = "complete.json"


def seal(folder: Path, record: dict[str, Any]) -> None:
    """Seal a folder whose files are all written. `record` may hold anything but the key `files`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        to_disk(path)
    for path in sorted(path for path in folder.rglob("*") if path.is_dir()):
        to_disk(path)
    listed = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "xxh3_128": checksum(path)}
        for path in files
    }
    write_whole(folder / SEAL, json.dumps({**record, "files": listed}, indent=1) + "\n")


def read_seal(folder: Path) -> dict[str, Any] | None:
    """The record of a sealed folder, with its `files`; None where the seal is missing or cannot be read."""
    try:
        record = json_object(folder / SEAL)
    except (OSError, ValueError):
        return None
    if record is None or not isinstance(record.get("files"), dict):
        return None
    return record


def fault(folder: Path, checksums: bool = True) -> str | None:
    """What is wrong with a sealed folder; None when every file is as it was written.

    checksums: read every file; without it only names and sizes are compared, which costs next to nothing.
    """
    if not (folder / SEAL).is_file():
        return f"{SEAL} is missing"
    record = read_seal(folder)
    if record is None:
        return f"{SEAL} cannot be read"
    for name, listed in record["files"].items():
        problem = _fault_of_file(folder / name, name, listed, checksums)
        if problem:
            return problem
    return None


def _fault_of_file(path: Path, name: str, listed: Any, checksums: bool) -> str | None:
    try:
        size, expected = listed["bytes"], listed["xxh3_128"]
    except (KeyError, TypeError):
        return f"{SEAL} cannot be read"
    try:
        found = path.stat().st_size
        if found != size:
            return f"{name} has {found:,} bytes instead of {size:,}"
        if checksums and checksum(path) != expected:
            return f"{name} is not as it was written (its checksum differs)"
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return None
