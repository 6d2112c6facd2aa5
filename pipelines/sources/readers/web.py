"""Web pages of any container, and other records that must be converted to text: collected, converted in batches, noted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.filters.encoding.plain import is_plain_utf8
from gristmill.pipelines.sources.readers.extract import (
    EXTRACT_BATCH,
    RAW_PAGES,
    Isolate,
    decode_page,
    extract_page,
    needs_isolation,
)
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.schemas.lookup import load_object

RAW_BATCH_BYTES = 8 << 20
RAW_BATCH_PAGES = 1024
_NOTES = ("title", "charset", "replaced_bytes", "unextracted_characters")  # of EXTRACTED, kept in the metadata


@dataclass
class PendingPage:
    """One framed page waiting for its text.

    convert: the `module:function` that turns records of another format into text (see readers.conversion), with its
    config; None: the page is HTML, or plain text. convert is run in worker processes, with limits of time and memory.
    is_plain: whether the bytes of a page are UTF-8 beyond doubt, once `flush` has asked.
    """

    raw: bytes
    charset: str | None
    is_html: bool
    position: int
    url: str | None = None
    doc_id: str | None = None
    timestamp: str | None = None
    metadata: dict[str, Any] | None = None
    convert: str | None = None
    config: dict[str, Any] | None = None
    number: int = 0
    snapshot: str | None = None
    is_plain: bool = False


class Pages:
    """Gathers pages up to RAW_BATCH_BYTES, has their text extracted, hands the documents to the rows they belong to.

    Pages that wait when a split ends wait on for those of the next one; `readers.registry.read_splits` flushes the last.
    """

    def __init__(self, rows: ReaderRows, isolate: Isolate | None) -> None:
        self._rows, self._isolate = rows, isolate
        self._waiting = rows.gathered

    def add(self, page: PendingPage) -> None:
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
        own = {"extract": self._rows.source.extract, "encoding": self._rows.source.encoding}
        own_config = json.dumps(own, sort_keys=True)
        kinds: dict[tuple[str, str, bool], list[PendingPage]] = {}
        places = []
        for _, page in owned:
            config = own_config if page.config is None else json.dumps(page.config, sort_keys=True)
            page.is_plain = not page.convert and is_plain_utf8(page.raw)
            isolated = bool(page.convert) or needs_isolation(page.raw, own["extract"], page.is_plain)
            apart = self._isolate is not None and isolated
            place = (page.convert or EXTRACT_BATCH, config, apart)
            kinds.setdefault(place, []).append(page)
            places.append(place)
        taken = {
            place: _extracted(pages, place[0], json.loads(place[1]), self._isolate if place[2] else None)
            for place, pages in kinds.items()
        }
        for (rows, page), place in zip(owned, places, strict=True):
            row = next(taken[place])
            _give(rows, page, row, row.pop("error", None))
            if rows.full:
                yield rows.take()


def _extracted(
    pages: list[PendingPage], function: str, config: dict[str, Any], isolate: Isolate | None
) -> Iterator[dict[str, Any]]:
    """The rows of EXTRACTED of some pages, from worker processes or from here."""
    if not isolate and function == EXTRACT_BATCH:  # without a copy of each page as a column
        yield from (extract_page(page.raw, page.charset, page.url, config, page.is_plain) for page in pages)
        return
    columns = ([page.raw for page in pages], [page.charset for page in pages], [page.url for page in pages])
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RAW_PAGES, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=RAW_PAGES)
    answer = isolate(function, config, batch) if isolate else load_object(function)(batch, config)
    yield from answer.to_pylist()


def _give(rows: ReaderRows, page: PendingPage, row: dict[str, Any], error: str | None) -> None:
    """One page with its extracted row, or with what ended its extraction."""
    metadata = page.metadata or {}
    metadata.update({name: row[name] for name in _NOTES if row[name] is not None})
    about = json.loads(row["page"] or "{}")
    detail = skipped = None
    if page.convert:
        detail, skipped, damage = (about.pop(name, None) for name in ("detail", "skipped", "damage"))
        if damage:
            rows.disturb(damage)
        metadata.update(about)
    elif about:
        metadata["page"] = about
    if row["meta_robots"]:
        metadata.setdefault("opt_out", {})["meta_robots"] = row["meta_robots"]
    identity = {"doc_id": page.doc_id, "url": page.url or metadata.pop("url", None), "number": page.number}
    identity["snapshot"] = page.snapshot
    if skipped:
        rows.skip(skipped)
    elif row["text"] is None:
        reason = row["defect"] or f"extraction_{_ending(error or '')}"
        detail = f"no text from {len(page.raw)} raw bytes: {detail or row['defect'] or error}"
        rows.quarantine(reason, detail, len(page.raw), page.position, metadata=metadata, **identity)
    else:
        text = row["text"].encode()
        timestamp = page.timestamp or metadata.pop("timestamp", None)
        rows.add(text, page.position, timestamp=timestamp, metadata=metadata, **identity)


def _ending(error: str) -> str:
    if error.startswith("MemoryError"):
        return "memory"
    return error if error in ("crashed", "timeout", "memory") else "failed"
