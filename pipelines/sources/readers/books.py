"""Books, one to a file: plain text, HTML, EPUB, or a ZIP archive of scanned pages."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.filters.books.book import BookChoices, BookError
from gristmill.filters.books.from_bytes import book_of
from gristmill.pipelines.sources.readers.conversion import Converted, convert_each
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.pipelines.sources.readers.whole_file import content
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

CONVERT = f"{__name__}:convert"


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    words = source.books.word_list
    if words is not None and not Path(words).is_file():
        step = "correct `books.word_list`, or leave it out"
        raise InputError(f"{words} is no file", expected="a word a line", where=f"source {source.name}", next_step=step)
    return [(0, file.size)]


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    pages = Pages(rows, isolate)
    raw = content(split, rows)
    if raw is not None:
        config = source.books.model_dump(mode="json")
        config |= {"encoding": source.encoding, "max_bytes": source.max_document_bytes}
        pages.add(PendingPage(raw, None, True, 0, metadata={}, convert=CONVERT, config=config))
    if pages.full:
        yield from pages.flush()


def convert(batch: pa.RecordBatch, config: dict[str, Any]) -> pa.RecordBatch:
    """Files in, extract.EXTRACTED out. config: schemas.recipe.source.BookOptions, and `encoding`, `max_bytes`."""
    choices = BookChoices(
        config["front_matter"], config["contents"], config["notes"], words_of(config["word_list"] or "")
    )

    def one(raw: bytes) -> Converted:
        try:
            book = book_of(raw, config["max_bytes"], config["encoding"], choices)
        except BookError as error:
            return Converted(None, defect=error.reason, detail=str(error))
        notes = {**book.notes, "left_out": {name: size for name, size in sorted(book.left_out.items()) if size}}
        return Converted(book.text, notes, damage=book.damage)

    return convert_each(batch, one)


@cache
def words_of(path: str) -> frozenset[str]:
    """The words of a list, one a line, in lower case; none without a path."""
    if not path:
        return frozenset()
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return frozenset(line.strip().casefold() for line in text.splitlines())
