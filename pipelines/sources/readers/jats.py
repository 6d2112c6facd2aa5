"""Articles in JATS, one or many to a file, and archives of them as PubMed Central publishes its bulk packages."""

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.jats.article import article_of
from gristmill.filters.jats.blocks import ArticleChoices
from gristmill.pipelines.sources.readers.conversion import Converted, convert_each
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.record_frames import RecordFrame, elements
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.pipelines.sources.repositories.archive import ARCHIVE_SUFFIXES, ArchiveRepository
from gristmill.pipelines.sources.repositories.files import ReadError
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

CONVERT = f"{__name__}:convert"
_ARTICLES = ("article", "book-part-wrapper")
_SUFFIXES = (".nxml", ".xml")
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
EXPLAINED = {
    "too_large": "the record is above max_document_bytes",
    "truncated_record": "the stream ends within the record",
}


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    config = source.articles.model_dump(mode="json")
    pages = Pages(rows, isolate)
    for frame, notes in _frames(source, split, rows):
        page = PendingPage(b"", None, True, rows.framed, metadata=notes, convert=CONVERT, config=config)
        yield from queued(frame, rows, pages, page)
    if not rows.framed and split.size and not rows.errors:
        rows.disturb("no article in JATS in it")


def queued(frame: RecordFrame, rows: ReaderRows, pages: Pages, page: PendingPage) -> Iterator[pa.RecordBatch]:
    """Queue a framed record as `page`, or quarantine it with what is wrong with it."""
    rows.frame()
    if frame.content is None:
        if frame.defect != "too_large":
            rows.disturb(f"{frame.defect} at byte {frame.offset} of the unpacked stream")
        detail = f"{frame.size} bytes: {EXPLAINED[frame.defect]}"
        rows.quarantine(frame.defect, detail, frame.size, page.position, metadata=page.metadata)
    else:
        page.raw = frame.content
        pages.add(page)
    if pages.full:
        yield from pages.flush()
    if rows.full:
        yield rows.take()


def _frames(source: Source, split: Split, rows: ReaderRows) -> Iterator[tuple[RecordFrame, dict[str, Any]]]:
    """Each article with notes on where it lies."""
    limit = source.max_document_bytes
    if not split.path.lower().endswith(ARCHIVE_SUFFIXES):
        with open_split(split) as stored:
            blocks = utf8_blocks(chunks(stored, split.compression, rows.disturb))
            yield from ((frame, {}) for frame in elements(blocks, _ARTICLES, limit))
        return
    archive = ArchiveRepository(split, split.path, limit)
    for file in archive.files():
        if file.kind != "file" or not file.path.lower().endswith(_SUFFIXES):
            continue
        try:
            content = file.read()
        except ReadError as error:
            rows.disturb(f"{file.path}: {error}")
            defect = "too_large" if file.size > limit else "truncated_record"
            yield RecordFrame(None, 0, file.size, defect), {"member": file.path}
            continue
        for frame in elements(utf8_blocks([content]), _ARTICLES, limit):
            yield frame, {"member": file.path}
    for damage in archive.damage[:1]:
        rows.disturb(damage)


def utf8_blocks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of XML as UTF-8, by its byte order mark or what its declaration says."""
    blocks = iter(blocks)
    first = next(blocks, b"")
    mark = mark_of(first)
    declared = _DECLARED.search(first[:400])
    name = mark[1] if mark else declared[1].decode() if declared else "utf-8"
    try:
        codec = codecs.lookup(name)
    except LookupError:
        codec = codecs.lookup("utf-8")
    if codec.name in ("utf-8", "ascii"):
        yield first
        yield from blocks
        return
    decoder = codec.incrementaldecoder("replace")
    for block in (first, *blocks):
        yield decoder.decode(block).encode("utf-8", "replace")


def convert(batch: pa.RecordBatch, config: dict[str, Any]) -> pa.RecordBatch:
    """Articles in, extract.EXTRACTED out. config: schemas.recipe.source.ArticleOptions."""
    choices = ArticleChoices(**config)

    def one(raw: bytes) -> Converted:
        article = article_of(raw, choices)
        if article is None:
            return Converted(None, defect="invalid_article", detail="no article in it that can be read as XML")
        if not article.text:
            return Converted(None, skipped="no_text")
        left_out = {name: size for name, size in sorted(article.left_out.items()) if size}
        return Converted(article.text, {**article.notes, "left_out": left_out}, damage=article.damage)

    return convert_each(batch, one)
