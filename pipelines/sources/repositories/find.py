"""Which repositories the paths of a source hold: checkouts, bare repositories, archives, else the folder itself."""

import glob
import os
from collections.abc import Callable
from fnmatch import fnmatchcase
from hashlib import blake2b

from fsspec.implementations.local import LocalFileSystem
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.streams import HEAD_BYTES, packed_as
from gristmill.pipelines.sources.repositories.archive import ARCHIVE_SUFFIXES
from gristmill.pipelines.sources.repositories.folder import walk
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

FORMAT = "code"
_GIT_SHAPE = ("HEAD", "objects", "refs")


def repositories(source: Source, left_out: list[str] | None = None) -> list[InputFile]:
    """One entry for each repository, sorted by relative path. A folder with repositories or archives below it stands for these;
    left_out: gets the other files in it. One without any is a repository itself.

    Raises InputError for a path that is not there, is no local folder or archive, or holds nothing.
    """
    return located_in_paths(source, FORMAT, _below, left_out)


def located_in_paths(
    source: Source, file_format: str, below: Callable[[str, list[str] | None], list[str]], left_out: list[str] | None
) -> list[InputFile]:
    """What the paths of a source stand for: files as they are, folders as what `below` finds in them."""
    found: dict[str, str] = {}  # path -> folder that it is named from
    for pattern in source.paths:
        if "://" in pattern and not pattern.startswith("file://"):
            raise _error(f"{pattern} is no local path", "folders and archives on this machine", source)
        pattern = pattern.removeprefix("file://")
        matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]
        if not matches or not os.path.exists(matches[0]):
            raise _error(f"{pattern} does not exist", "a folder, an archive or a file", source)
        for match in map(os.path.abspath, matches):
            base = os.path.dirname(match)
            if os.path.isdir(match):
                found |= dict.fromkeys(below(match, left_out), base)
            else:
                found[match] = base
    root = os.path.abspath(source.root) if source.root else os.path.commonpath(list(found.values())) if found else ""
    chosen = []
    for path in sorted(found):
        relative = os.fsencode(os.path.relpath(path, root)).decode("utf-8", "backslashreplace")
        if relative.startswith("../"):
            raise _error(f"{path} is not below {root}", "every input below `root`", source)
        if not any(fnmatchcase(relative, one) or fnmatchcase(os.path.basename(path), one) for one in source.exclude):
            chosen.append(stored_input(path, relative, file_format))
    if not chosen:
        raise _error(f"none of {len(found)} inputs is left", "at least one; see `exclude`", source)
    return chosen


def is_git(path: str) -> bool:
    """Whether a folder is a checkout or a bare repository."""
    git = os.path.join(path, ".git")
    return _is_git_folder(git) or _is_git_folder(path)


def _is_git_folder(path: str) -> bool:
    return all(os.path.lexists(os.path.join(path, name)) for name in _GIT_SHAPE)


def _below(folder: str, left_out: list[str] | None) -> list[str]:
    """The repositories in a folder, or the folder itself where there are none."""
    if is_git(folder):
        return [folder]
    found: list[str] = []
    others: list[str] = []
    for path, folders, files in os.walk(folder):
        below = [os.path.join(path, name) for name in sorted(folders)]
        found += filter(is_git, below)
        folders[:] = [name for name in folders if not name.startswith(".") and os.path.join(path, name) not in found]
        archives = [name for name in files if name.lower().endswith(ARCHIVE_SUFFIXES)]
        found += [os.path.join(path, name) for name in archives]
        others += [os.path.join(path, name) for name in files if name not in archives]
    if not found or (others and not any(is_git(one) for one in found) and len(others) > len(found)):
        return [folder]  # archives among files are data of a repository
    if left_out is not None:
        left_out += others
    return found


def stored_input(path: str, relative: str, file_format: str) -> InputFile:
    """A file, a git repository or a folder as what a reader is given."""
    local = LocalFileSystem()
    if os.path.isfile(path):
        stat = os.stat(path)
        with open(path, "rb") as stored:
            compression = packed_as(stored.read(HEAD_BYTES))
        return InputFile(local, path, relative, stat.st_size, file_format, compression, f"{stat.st_mtime_ns}")
    size, state = 0, blake2b(digest_size=16)
    if is_git(path):
        folder = os.path.join(path, ".git") if _is_git_folder(os.path.join(path, ".git")) else path
        state.update(_refs(folder))
        size = sum(entry.stat(follow_symlinks=False).st_size for entry in walk(os.path.join(folder, "objects"), []))
    else:
        for entry in walk(path, []):
            stat = entry.stat(follow_symlinks=False)
            size += stat.st_size
            line = f"{os.path.relpath(entry.path, path)}\0{stat.st_size}\0{stat.st_mtime_ns}\0"
            state.update(line.encode("utf-8", "backslashreplace"))
    return InputFile(local, path, relative, size, file_format, "", state.hexdigest())


def _refs(folder: str) -> bytes:
    """What says which commits a repository has: it changes when a commit or a branch does."""
    parts = []
    for name in ("HEAD", "packed-refs"):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as stored:
                parts.append(stored.read(16 << 20))
    for entry in walk(os.path.join(folder, "refs"), []):
        if entry.is_file(follow_symlinks=False):
            with open(entry.path, "rb") as stored:
                parts += [os.fsencode(os.path.relpath(entry.path, folder)), stored.read(200)]
    return b"\0".join(parts)


def _error(found: str, expected: str, source: Source) -> InputError:
    return InputError(found, expected=expected, where=f"source {source.name}", next_step="correct `path` of the source")
