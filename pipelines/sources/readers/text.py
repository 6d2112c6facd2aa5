"""Plain text, Markdown, reStructuredText: one file is one document."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from gristmill.pipelines.sources.readers.decoding import decode_content, utf8_of
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.whole_file import content, splits
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    raw = content(split, rows)
    if raw is not None:
        notes: dict[str, Any] = {}
        text = decode_content(raw, source.encoding, notes)
        rows.add(utf8_of(text, notes), 0, metadata=notes)
    yield from ()
