"""Web pages of any container: collected, extracted in batches, noted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.sources.readers.extract import (
    EXTRACT_BATCH,
    RAW_PAGES,
    Isolate,
    decode_page,
    extract_batch,
    needs_isolation,
)
from gristmill.pipelines.sources.readers.rows import Rows

RAW_BATCH_BYTES = 8 << 20
RAW_BATCH_PAGES = 1024
_NOTES = ("title", "charset", "replaced_bytes", "unextracted_characters")  # of EXTRACTED, kept in the metadata


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
    """Gathers pages up to RAW_BATCH_BYTES, has their text extracted, hands the documents to the rows they belong to.

    Pages that wait when a split ends wait on for those of the next one; `readers.registry.read_splits` flushes the last.
    """

    def __init__(self, rows: Rows, isolate: Isolate | None) -> None:
        self._rows, self._isolate = rows, isolate
        self._waiting = rows.gathered

    def add(self, page: Page) -> None:
        """Queue an HTML page; plain text needs no parser and becomes a document at once."""
        if not page.is_html:
            encoding = self._rows.source.encoding
            row = decode_page(page.raw, page.charset, is_html=False, url=page.url, encoding=encoding)
            _give(self._rows, page, row, None)
            return
        self._waiting.pages.append((self._rows, page))
        self._waiting.page_bytes += len(page.raw)

    @property
    def full(self) -> bool:
        return self._waiting.page_bytes >= RAW_BATCH_BYTES or len(self._waiting.pages) >= RAW_BATCH_PAGES

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Extract what has gathered; yields the batches this fills."""
        owned, self._waiting.pages, self._waiting.page_bytes = self._waiting.pages, [], 0
        if not owned:
            return
        config = {"extract": self._rows.source.extract, "encoding": self._rows.source.encoding}
        apart = [self._isolate is not None and needs_isolation(page.raw, config["extract"]) for _, page in owned]
        taken = {
            place: iter(
                _extracted([page for (_, page), one in zip(owned, apart, strict=True) if one is place], config, how)
            )
            for place, how in ((True, self._isolate), (False, None))
        }
        for (rows, page), is_apart in zip(owned, apart, strict=True):
            row = next(taken[is_apart])
            _give(rows, page, row, row.pop("error", None))
            if rows.full:
                yield rows.take()


def _extracted(pages: list[Page], config: dict[str, Any], isolate: Isolate | None) -> list[dict[str, Any]]:
    """The rows of EXTRACTED of some pages, from worker processes or from here."""
    if not pages:
        return []
    columns = ([page.raw for page in pages], [page.charset for page in pages], [page.url for page in pages])
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RAW_PAGES, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=RAW_PAGES)
    return (isolate(EXTRACT_BATCH, config, batch) if isolate else extract_batch(batch, config)).to_pylist()


def _give(rows: Rows, page: Page, row: dict[str, Any], error: str | None) -> None:
    """One page with its extracted row, or with what ended its extraction."""
    metadata = page.metadata or {}
    metadata.update({name: row[name] for name in _NOTES if row[name] is not None})
    if row["page"]:
        metadata["page"] = json.loads(row["page"])
    if row["meta_robots"]:
        metadata.setdefault("opt_out", {})["meta_robots"] = row["meta_robots"]
    identity = {"doc_id": page.doc_id, "url": page.url}
    if row["text"] is None:
        reason = row["defect"] or f"extraction_{_ending(error or '')}"
        detail = f"no text from {len(page.raw)} raw bytes: {row['defect'] or error}"
        rows.quarantine(reason, detail, len(page.raw), page.position, metadata=metadata, **identity)
    else:
        text = row["text"].encode()
        rows.add(text, page.position, timestamp=page.timestamp, metadata=metadata, **identity)


def _ending(error: str) -> str:
    if error.startswith("MemoryError"):
        return "memory"
    return error if error in ("crashed", "timeout", "memory") else "failed"
