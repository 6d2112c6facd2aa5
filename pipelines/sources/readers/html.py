"""Saved HTML pages: one file is one document, its text extracted as the source says."""

from collections.abc import Iterator

import pyarrow as pa
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.pipelines.sources.readers.whole_file import content, splits
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    pages = Pages(rows, isolate)
    raw = content(split, rows)
    if raw is not None:
        pages.add(PendingPage(raw, None, True, 0, metadata={"mime": "text/html"}))
    if pages.full:
        yield from pages.flush()
