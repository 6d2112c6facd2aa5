"""A plain folder as a repository: an unpacked archive, a work tree without its git folder."""

import os
from collections.abc import Iterator
from functools import partial

from gristmill.pipelines.sources.repositories.files import ReadError, RepositoryFile, clean_path

_LEFT_OUT = (".git", ".hg", ".svn")


class FolderRepository:
    """The files below a folder; links are not followed, and so nothing outside it is read."""

    revision = url = ""

    def __init__(self, folder: str, name: str) -> None:
        self.folder, self.name = folder, name
        self.damage: list[str] = []

    def files(self) -> Iterator[RepositoryFile]:
        self.damage.clear()
        for entry in walk(self.folder, self.damage):
            path = clean_path(os.fsencode(os.path.relpath(entry.path, self.folder)).decode("utf-8", "backslashreplace"))
            if path is None:
                continue
            kind = "link" if entry.is_symlink() else "file" if entry.is_file(follow_symlinks=False) else "other"
            size = entry.stat(follow_symlinks=False).st_size
            yield RepositoryFile(path, size, kind, partial(_content, entry.path))

    def close(self) -> None:
        """Nothing is held open."""


def walk(folder: str, damage: list[str]) -> Iterator[os.DirEntry[str]]:
    """What lies below a folder but folders, in the order of paths; what cannot be listed is added to `damage`."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        damage.append(str(error))
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _LEFT_OUT:
                yield from walk(entry.path, damage)
        else:
            yield entry


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as stored:
            return stored.read()
    except OSError as error:
        raise ReadError(str(error)) from error
