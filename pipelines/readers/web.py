"""Web pages of any container: collected, extracted in batches, noted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.readers.extract import EXTRACT_BATCH, RAW_PAGES, Isolate, extract_batch
from gristmill.pipelines.readers.rows import Rows

RAW_BATCH_BYTES = 8 << 20
RAW_BATCH_PAGES = 1024


@dataclass
class Page:
    """One framed page waiting for its text."""

    raw: bytes
    charset: str | None
    is_html: bool
    position: int
    url: str | None = None
    doc_id: str | None = None
    timestamp: str | None = None
    metadata: dict[str, Any] | None = None


class Pages:
    """Gathers pages up to RAW_BATCH_BYTES, has their text extracted, hands the documents to `rows`."""

    def __init__(self, rows: Rows, isolate: Isolate | None) -> None:
        self._rows, self._isolate = rows, isolate
        self._pages: list[Page] = []
        self._bytes = 0

    def add(self, page: Page) -> None:
        self._pages.append(page)
        self._bytes += len(page.raw)

    @property
    def full(self) -> bool:
        return self._bytes >= RAW_BATCH_BYTES or len(self._pages) >= RAW_BATCH_PAGES

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Extract what has gathered; yields the batches this fills."""
        if not self._pages:
            return
        pages, self._pages, self._bytes = self._pages, [], 0
        columns = [
            [p.raw for p in pages],
            [p.charset for p in pages],
            [p.is_html for p in pages],
            [p.url for p in pages],
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, RAW_PAGES, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=RAW_PAGES)
        config = {"extract": self._rows.source.extract}
        done = self._isolate(EXTRACT_BATCH, config, batch) if self._isolate else extract_batch(batch, config)
        texts = done.column("text").cast(pa.large_binary()).to_pylist()
        notes = done.select(["title", "charset", "replaced_bytes", "meta_robots", "error"]).to_pylist()
        for page, text, note in zip(pages, texts, notes, strict=True):
            self._give(page, text, note)
            if self._rows.full:
                yield self._rows.take()

    def _give(self, page: Page, text: bytes | None, note: dict[str, Any]) -> None:
        metadata = page.metadata or {}
        robots = note.pop("meta_robots")
        error = note.pop("error")
        metadata.update({name: value for name, value in note.items() if value is not None})
        if robots:
            metadata.setdefault("opt_out", {})["meta_robots"] = robots
        identity = {"doc_id": page.doc_id, "url": page.url}
        if text is None:
            reason = error if error == "binary_content" else f"extraction_{error or 'failed'}"
            detail = f"no text from {len(page.raw)} raw bytes: {error}"
            self._rows.quarantine(reason, detail, len(page.raw), page.position, metadata=metadata, **identity)
        else:
            self._rows.add(text, page.position, timestamp=page.timestamp, metadata=metadata, **identity)
