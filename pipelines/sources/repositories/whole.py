"""The files of a repository as documents, in an order that is known only when all of them have been read.

Texts wait in memory up to MEMORY_BYTES, above that in a temporary file without a name; of a file its path stays in memory, and
what it imports where the order asks for it.
"""

import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from gristmill.filters.code.dependency_order import in_dependency_order
from gristmill.filters.code.imports import FileImports, imports_of
from gristmill.filters.code.languages import language_of
from gristmill.schemas.recipe.source import CodeOptions

MEMORY_BYTES = 64 << 20


class _Stored(NamedTuple):
    """Where the text of a file lies, and the file as the order sees it."""

    file: FileImports
    start: int
    size: int


class WholeRepository:
    """Use as a context; `add` every file, then read `documents` once."""

    def __init__(self, options: CodeOptions) -> None:
        self._options = options
        self._stored: list[_Stored] = []
        self._end = 0
        self._texts = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115  closed by __exit__

    def __enter__(self) -> "WholeRepository":
        return self

    def __exit__(self, *error: object) -> None:
        self._texts.close()

    def add(self, path: str, text: str) -> None:
        """Keep a file, with its header."""
        if self._options.order == "dependency":
            file = imports_of(path, language_of(path, text).name, text)
        else:
            file = FileImports(path, None, "", ())
        header = self._options.file_header.replace("{path}", path)
        content = f"{header}\n{text.rstrip()}\n".encode("utf-8", "surrogatepass")
        self._texts.write(content)
        self._stored.append(_Stored(file, self._end, len(content)))
        self._end += len(content)

    def documents(self, max_bytes: int) -> Iterator[tuple[int, str]]:
        """(number of files, text) of each document: as many files as have room in `max_bytes`, and at least one."""
        texts: list[str] = []
        size = 0
        for stored in self._ordered():
            if texts and size + stored.size > max_bytes:
                yield len(texts), "\n".join(texts)
                texts, size = [], 0
            self._texts.seek(stored.start)
            texts.append(self._texts.read(stored.size).decode("utf-8", "surrogatepass"))
            size += stored.size + 1
        if texts:
            yield len(texts), "\n".join(texts)

    def _ordered(self) -> list[_Stored]:
        """By path, or each file after those that it imports; an archive's files of one path as they stand in it."""
        if self._options.order == "dependency":
            return [self._stored[place] for place in in_dependency_order([one.file for one in self._stored])]
        return sorted(self._stored, key=lambda stored: stored.file.path)
