"""Web pages of any container: collected, extracted in batches, noted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.readers.extract import EXTRACT_BATCH, RAW_PAGES, Isolate, decode_page, extract_batch
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
        """Queue an HTML page; plain text needs no parser and becomes a document at once."""
        if not page.is_html:
            encoding = self._rows.source.encoding
            row = decode_page(page.raw, page.charset, is_html=False, url=page.url, encoding=encoding)
            self._give(page, row, None)
            return
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
        columns = ([p.raw for p in pages], [p.charset for p in pages], [p.url for p in pages])
        arrays = [pa.array(column, field.type) for column, field in zip(columns, RAW_PAGES, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=RAW_PAGES)
        config = {"extract": self._rows.source.extract, "encoding": self._rows.source.encoding}
        done = self._isolate(EXTRACT_BATCH, config, batch) if self._isolate else extract_batch(batch, config)
        for page, row in zip(pages, done.to_pylist(), strict=True):
            self._give(page, row, row.pop("error", None))
            if self._rows.full:
                yield self._rows.take()

    def _give(self, page: Page, row: dict[str, Any], error: str | None) -> None:
        """One page with its extracted row, or with what ended its extraction."""
        metadata = page.metadata or {}
        metadata.update({name: row[name] for name in ("title", "charset", "replaced_bytes") if row[name] is not None})
        if row["meta_robots"]:
            metadata.setdefault("opt_out", {})["meta_robots"] = row["meta_robots"]
        identity = {"doc_id": page.doc_id, "url": page.url}
        if row["text"] is None:
            reason = row["defect"] or f"extraction_{_ending(error or '')}"
            detail = f"no text from {len(page.raw)} raw bytes: {row['defect'] or error}"
            self._rows.quarantine(reason, detail, len(page.raw), page.position, metadata=metadata, **identity)
        else:
            text = row["text"].encode()
            self._rows.add(text, page.position, timestamp=page.timestamp, metadata=metadata, **identity)


def _ending(error: str) -> str:
    if error.startswith("MemoryError"):
        return "memory"
    return error if error in ("crashed", "timeout", "memory") else "failed"
