"""What a repository is to a reader: files with paths, whatever holds them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

MAX_PATH_CHARACTERS = 1000


class ReadError(ValueError):
    """A file, or all of a repository, that cannot be read; the message says why."""


@dataclass(frozen=True)
class RepositoryFile:
    """One file. read: its content; ReadError when it cannot be had. kind: file, link, submodule or other."""

    path: str
    size: int
    kind: str
    read: Callable[[], bytes] = field(repr=False)


class Repository(Protocol):
    """name: of the folder or archive. revision: commit, or "". url: where it comes from, or "". damage: what of it could not be
    listed, once `files` has been walked.

    files may be walked several times, and gives files in the order of their paths where it can (archives: as they stand).
    """

    name: str
    revision: str
    url: str
    damage: list[str]

    def files(self) -> Iterator[RepositoryFile]: ...

    def close(self) -> None: ...


def clean_path(path: str) -> str | None:
    """A path of an archive with `/` between parts; None for one that leaves the archive."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or len(path) > MAX_PATH_CHARACTERS:
        return None
    return "/".join(parts).encode("utf-8", "backslashreplace").decode()
