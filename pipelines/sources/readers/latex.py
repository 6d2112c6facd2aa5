"""Papers from their LaTeX sources: e-prints, single files, folders, and archives of many e-prints."""

import io
import os
import tarfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from gristmill.filters.latex.markdown import LatexChoices
from gristmill.filters.latex.paper import TEX_SUFFIXES, PaperError, paper_of
from gristmill.filters.latex.unpack import files_of
from gristmill.pipelines.sources.readers.conversion import Converted, convert_each
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import open_split
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.pipelines.sources.repositories.archive import ArchiveRepository
from gristmill.pipelines.sources.repositories.files import ReadError
from gristmill.pipelines.sources.repositories.find import located_in_paths
from gristmill.pipelines.sources.repositories.folder import FolderRepository
from gristmill.schemas.recipe.source import Source

__all__ = ["locate", "read", "splits"]

CONVERT = f"{__name__}:convert"
FORMAT = "latex"
_PAPERS = (".tex", ".ltx", ".gz", ".tgz", ".tar", ".pdf")
_PACKED = (".gz", ".tgz", ".tar")
_SKIPPED = ("pdf_only",)


def locate(source: Source, left_out: list[str] | None = None) -> list[InputFile]:
    """A paper each: archives, packed files, `.tex` files, and folders that hold a `.tex` file."""
    return located_in_paths(source, FORMAT, _below, left_out)


def _below(folder: str, left_out: list[str] | None) -> list[str]:
    """The papers in a folder: itself where it has TeX files, else what is in it."""
    found: list[str] = []
    for path, folders, files in os.walk(folder):
        folders.sort()
        if any(name.lower().endswith((".tex", ".ltx")) for name in files):
            found.append(path)
            folders.clear()
            continue
        found += [os.path.join(path, name) for name in files if name.lower().endswith(_PAPERS)]
        if left_out is not None:
            left_out += [os.path.join(path, name) for name in files if not name.lower().endswith(_PAPERS)]
    return found


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    pages = Pages(rows, isolate)
    rows.bytes_consumed = split.size
    config = {**source.latex.model_dump(mode="json"), "max_bytes": source.max_document_bytes}
    for number, (name, raw, detail) in enumerate(_papers(source, split, rows)):
        rows.frame()
        notes = {"paper": name}
        if raw is None:
            rows.quarantine(
                "too_large" if "more than" in detail else "unreadable_file", detail, 0, number, metadata=notes
            )
        else:
            pages.add(PendingPage(raw, None, True, number, metadata=notes, convert=CONVERT, config=config))
        if pages.full:
            yield from pages.flush()
        if rows.full:
            yield rows.take()


def _papers(source: Source, split: Split, rows: ReaderRows) -> Iterator[tuple[str, bytes | None, str]]:
    """(name, bytes that `files_of` takes or None, what is wrong) of each paper of a split."""
    limit = source.max_document_bytes
    name = os.path.basename(split.path)
    while name.lower().endswith((*_PACKED, ".tex")):
        name = os.path.splitext(name)[0]
    if os.path.isdir(split.url):
        yield name, _packed_folder(split.url, limit, rows), f"more than {limit} bytes of TeX files"
        return
    if (
        split.path.lower().endswith(".tar")
        and not split.compression
        and (members := _members(split, limit, rows)) is not None
    ):
        yield from members
        return
    with open_split(split) as stored:
        raw = stored.read(limit + 1)
    yield name, raw if len(raw) <= limit else None, f"a file of more than {limit} bytes"


def _members(split: Split, limit: int, rows: ReaderRows) -> Iterator[tuple[str, bytes | None, str]] | None:
    """The e-prints in a bulk archive; None where the archive is one paper itself."""
    archive = ArchiveRepository(split, split.path, limit)
    if any(file.path.lower().endswith((".tex", ".ltx")) for file in archive.files()):
        return None

    def members() -> Iterator[tuple[str, bytes | None, str]]:
        for file in archive.files():
            if file.kind != "file" or not file.path.lower().endswith(_PAPERS):
                continue
            name = os.path.basename(file.path)
            name = name[: name.lower().rfind(".")]
            try:
                yield name, file.read(), ""
            except ReadError as error:
                yield name, None, str(error)
        for damage in archive.damage[:1]:
            rows.disturb(damage)

    return members()


def _packed_folder(folder: str, limit: int, rows: ReaderRows) -> bytes | None:
    """The TeX files of a folder as a tar archive; None where they are more than the limit."""
    out, size = io.BytesIO(), 0
    repository = FolderRepository(folder, folder)
    with tarfile.open(fileobj=out, mode="w") as archive:
        for file in repository.files():
            if file.kind != "file" or not file.path.lower().endswith(TEX_SUFFIXES):
                continue
            size += file.size
            if size > limit:
                return None
            try:
                content = file.read()
            except ReadError as error:
                rows.disturb(str(error))
                continue
            member = tarfile.TarInfo(file.path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    for damage in repository.damage[:1]:
        rows.disturb(damage)
    return out.getvalue()


def convert(batch: pa.RecordBatch, config: dict[str, Any]) -> pa.RecordBatch:
    """Sources of papers in, extract.EXTRACTED out. config: schemas.recipe.source.LatexOptions, and `max_bytes`."""
    options = dict(config)
    max_bytes = options.pop("max_bytes")
    choices = LatexChoices(**options)

    def one(raw: bytes) -> Converted:
        try:
            files, damage = files_of(raw, max_bytes)
            paper = paper_of(files, choices)
        except PaperError as error:
            if error.reason in _SKIPPED:
                return Converted(None, skipped=error.reason)
            return Converted(None, defect=error.reason, detail=str(error))
        left_out = {name: size for name, size in sorted(paper.left_out.items()) if size}
        return Converted(paper.text, {**paper.notes, "left_out": left_out}, damage=damage or paper.damage)

    return convert_each(batch, one)
