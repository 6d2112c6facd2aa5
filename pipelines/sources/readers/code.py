"""Repositories of source code: git folders, archives and plain folders, a document for each file or for each repository.

A repository is one split. It is walked twice: once for the licences in its root, once for its files.
"""

import os
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa
from gristmill.filters.code.language_names import DATA
from gristmill.filters.code.languages import language_of
from gristmill.filters.code.licences import is_licence_file, is_manifest, repository_licences
from gristmill.filters.code.marks import (
    encoded_characters,
    is_generated,
    is_lfs_pointer,
    is_minified,
    is_vendored,
)
from gristmill.filters.code.notebook import notebook_text
from gristmill.pipelines.sources.readers.decoding import decode_content, is_junk, utf8_of
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.pipelines.sources.repositories.archive import ArchiveRepository
from gristmill.pipelines.sources.repositories.files import ReadError, Repository, RepositoryFile
from gristmill.pipelines.sources.repositories.find import is_git
from gristmill.pipelines.sources.repositories.find import repositories as locate
from gristmill.pipelines.sources.repositories.folder import FolderRepository
from gristmill.pipelines.sources.repositories.git import GitRepository
from gristmill.pipelines.sources.repositories.whole import WholeRepository
from gristmill.schemas.recipe.source import Source

__all__ = ["locate", "read", "splits"]

MAX_ABOUT_BYTES = 1 << 20
_PROBED_BYTES = 8000
_LONGEST_LINE = 1000
_LARGEST_DATA = 5000
_ROOT_SUFFIXES = (".tar", ".tgz", ".tbz2", ".txz", ".zip", ".gz", ".bz2", ".xz", ".zst", ".whl", ".crate", ".git")


class _About(NamedTuple):
    """What is said of every file of a repository. root: the one folder that an archive's files lie in, with `/`, or ""."""

    notes: dict[str, Any]
    root: str


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    try:
        repository = _open(source, split)
    except ReadError as error:
        rows.disturb(str(error))
        return
    try:
        about = _about(repository, split)
        make = _files if source.code.documents == "files" else _whole
        for _ in make(source, repository, about, rows):
            if rows.full:
                yield rows.take()
    finally:
        repository.close()
    if repository.damage:
        more = f" (and {len(repository.damage) - 1} more)" if len(repository.damage) > 1 else ""
        rows.disturb(repository.damage[0] + more)


def _open(source: Source, split: Split) -> Repository:
    name = os.path.basename(split.path)
    while name.lower().endswith(_ROOT_SUFFIXES):
        name = os.path.splitext(name)[0]
    name = name or split.path
    if os.path.isdir(split.url):
        if is_git(split.url):
            return GitRepository(split.url, name, source.code.revision)
        return FolderRepository(split.url, name)
    return ArchiveRepository(split, name, source.code.max_file_bytes)


def _about(repository: Repository, split: Split) -> _About:
    """Licences and address of a repository, found in a walk of their own."""
    texts: list[tuple[str, str]] = []
    roots: set[str] = set()
    for file in repository.files():
        root, slash, rest = file.path.partition("/")
        if len(roots) < 2:
            roots.add(root + slash if slash else "")
        name = rest or root
        near = name.count("/") <= (1 if name.startswith("LICENSES/") else 0)
        wanted = is_licence_file(name.rpartition("/")[2]) or is_manifest(name)
        if file.kind == "file" and near and wanted and 0 < file.size <= MAX_ABOUT_BYTES:
            try:
                texts.append((file.path, file.read().decode("utf-8", "replace")))
            except ReadError:
                continue  # the second walk says so
    root = roots.pop() if len(roots) == 1 and isinstance(repository, ArchiveRepository) else ""
    in_root = [(path, text) for path, text in texts if path.removeprefix(root).count("/") <= 1 and _in_root(path, root)]
    notes = {
        "repository": repository.url or repository.name,
        "revision": repository.revision,
        "repository_licences": repository_licences(in_root),
    }
    return _About({name: value for name, value in notes.items() if value}, root)


def _in_root(path: str, root: str) -> bool:
    below = path.removeprefix(root)
    return "/" not in below or below.startswith("LICENSES/")


def _files(source: Source, repository: Repository, about: _About, rows: ReaderRows) -> Iterator[None]:
    """Each file a row, quarantined or counted as left out."""
    for number, file in enumerate(repository.files()):
        rows.frame()
        path = file.path.removeprefix(about.root)
        notes: dict[str, Any] = {**about.notes, "path": path}
        identity = [rows.split.path, path]
        found = _text_of(source, file, path, notes)
        if isinstance(found, _LeftOut):
            if found.detail is None:
                rows.skip(found.reason)
            else:
                rows.quarantine(found.reason, found.detail, file.size, number, id_value=identity, metadata=notes)
        else:
            url = _address(repository, path)
            rows.add(utf8_of(found, notes), number, id_value=identity, url=url, metadata=notes)
        yield


def _whole(source: Source, repository: Repository, about: _About, rows: ReaderRows) -> Iterator[None]:
    """The repository as one row; as several, cut between files, where it is above `max_document_bytes`."""
    left_out: Counter[str] = Counter()
    with WholeRepository(source.code) as whole:
        for file in repository.files():
            path = file.path.removeprefix(about.root)
            found = _text_of(source, file, path, {})
            reason = found.reason if isinstance(found, _LeftOut) else _unfit(path, found, repository.name)
            if isinstance(found, _LeftOut) or reason:
                left_out[reason or "other"] += 1
            else:
                whole.add(path, found)
        number = -1
        for number, (files, text) in enumerate(whole.documents(source.max_document_bytes)):
            rows.frame()
            notes = about.notes | {"files": files, "left_out": dict(sorted(left_out.items()))}
            content, url = utf8_of(text, notes), repository.url or None
            rows.add(content, 0, id_value=[rows.split.path], url=url, metadata=notes, number=number)
            yield
    if number < 0:
        rows.frame()
        rows.skip("no_code")
    yield


class _LeftOut(NamedTuple):
    """Why a file is no document: by design, or in words as it should have been one."""

    reason: str
    detail: str | None = None


def _text_of(source: Source, file: RepositoryFile, path: str, notes: dict[str, Any]) -> "str | _LeftOut":
    """The text of a file; notebooks as Markdown."""
    if file.kind != "file":
        return _LeftOut(file.kind if file.kind in ("link", "submodule") else "no_plain_file")
    if any(fnmatchcase(path, pattern) for pattern in source.exclude):
        return _LeftOut("excluded")
    if not file.size:
        return _LeftOut("empty_file")
    if file.size > source.code.max_file_bytes:
        return _LeftOut("large_file")
    try:
        raw = file.read()
    except ReadError as error:
        return _LeftOut("unreadable_file", f"{path}: {error}")
    if b"\0" in raw[:_PROBED_BYTES] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _LeftOut("binary_file")
    text = decode_content(raw, source.encoding, notes)
    if is_junk(utf8_of(text, {}), notes):
        return _LeftOut("binary_file")
    if is_lfs_pointer(text):
        return _LeftOut("lfs_pointer")
    if path.lower().endswith(".ipynb"):
        cells = notebook_text(text)
        if cells is None:
            return _LeftOut("invalid_notebook", f"{path}: no notebook that can be read")
        text, notes["converted"] = cells, "notebook"
    return text if text.strip() else _LeftOut("empty_file")


def _unfit(path: str, text: str, repository: str) -> str | None:
    """Why a file is not part of its repository's document: what rules of the profile `code` say of documents of one file."""
    lines = text.split("\n")
    language = language_of(path, text)
    if language.name is None:
        return "unknown_language"
    if is_vendored(path, repository):
        return "vendored"
    if is_generated(path, lines):
        return "generated"
    longest = max(map(len, lines))
    if is_minified(path, language.name, lines) or (longest > _LONGEST_LINE and language.kind == "programming"):
        return "minified"
    if language.kind == DATA and len(text) > _LARGEST_DATA:
        return "data"
    encoded, run = encoded_characters(text)
    return "encoded" if run > 1024 or encoded > 0.5 * len(text) else None


def _address(repository: Repository, path: str) -> str | None:
    """The address of a file where its repository's is one of the web."""
    if not repository.url.startswith("http"):
        return None
    between = "/-/blob/" if "gitlab" in repository.url else "/blob/"
    return f"{repository.url}{between}{repository.revision}/{quote(path)}"
