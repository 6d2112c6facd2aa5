"""From records to batches of schemas.rows.document.DOCUMENT, counting as it goes."""

import json
from collections import Counter
from typing import Any

import pyarrow as pa
from gristmill.pipelines.sources.readers.decoding import is_junk, scrub
from gristmill.pipelines.sources.readers.identity import content_hash, id_from_column, id_from_position, row_hash
from gristmill.pipelines.sources.readers.split import Split, crawl_of
from gristmill.pipelines.sources.readers.timestamps import iso_utc
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.document import DOCUMENT, KEPT_STATUS, QUARANTINED_STATUS
from gristmill.schemas.rows.kind import Encoded
from gristmill.schemas.tally import Tally

BATCH_TEXT_BYTES = 16 << 20
BATCH_ROWS = 8192
MAX_DETAIL_CHARACTERS = 500


class Gathered:
    """What the splits of one source have read and not yet handed on: rows waiting to become a batch, and web pages
    waiting to have their text extracted. Several splits share one, so that small files fill batches together."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.row_bytes = 0
        self.pages: list[tuple[ReaderRows, Any]] = []  # (whose page, readers.web.Page)
        self.page_bytes = 0


class ReaderRows:
    """Collects the documents of one split and counts every record's fate.

    The framing loop calls `frame()` for each record it meets, and then exactly one of `add`, `quarantine`, `skip`.
    The two counts are independent, so a record lost in between shows as an unbalanced tally.
    `full`, `take` and `len` speak of all rows in `gathered`, which may be those of earlier splits too.
    """

    def __init__(self, source: Source, split: Split, gathered: Gathered | None = None) -> None:
        self.source, self.split = source, split
        # of the rows that come; a reader may know it record by record
        self.snapshot = source.snapshot or (crawl_of(split.path) if source.file_format == "common_crawl" else None)
        self.gathered = Gathered() if gathered is None else gathered
        self.framed = self.documents = self.quarantined = 0
        self.bytes_consumed = 0
        self.skipped: Counter[str] = Counter()
        self.forms: Counter[str] = Counter()  # records read as each form
        self.errors: list[str] = []
        self.held: Any = None  # records that wait for their neighbours, see forms.rows_of.Held

    def frame(self, records: int = 1) -> None:
        self.framed += records

    def count_plain(self, documents: int) -> None:
        """Rows that became documents as a whole batch, without passing through here."""
        self.framed += documents
        self.documents += documents

    def skip(self, reason: str) -> None:
        """A record that holds no document by design."""
        self.skipped[reason] += 1

    def disturb(self, error: str) -> None:
        """Something that stopped or disturbed the reading; what was read so far stays."""
        self.errors.append(error)

    def add(
        self,
        text: bytes,
        position: int,
        *,
        doc_id: str | None = None,
        id_value: Any = None,
        url: Any = None,
        timestamp: Any = None,
        metadata: dict[str, Any],
        number: int = 0,
        row: Encoded | None = None,
        snapshot: str | None = None,
    ) -> None:
        """One row. text: valid UTF-8. id_value: the source's own id; doc_id: one already made; else position.

        number: among the rows made of one record. row: what a row that is no document is stored as. snapshot: where it is not
        that of `self.snapshot`, which may be another one by now.
        """
        named: dict[str, Any] = {
            "doc_id": doc_id,
            "id_value": id_value,
            "url": url,
            "number": number,
            "snapshot": snapshot,
        }
        if len(text) > self.source.max_document_bytes:
            detail = f"{len(text)} bytes of text; the limit is {self.source.max_document_bytes}"
            return self.quarantine("too_large", detail, len(text), position, **named)
        if is_junk(text, metadata):
            detail = "more than half of the bytes are control characters or cannot be decoded"
            size = len(text)
            return self.quarantine("binary_content", detail, size, position, **named)
        if b"\0" in text:
            metadata["nul_characters"] = text.count(b"\0")
        moment = iso_utc(timestamp)
        if moment is None and timestamp is not None:
            metadata["timestamp_raw"] = timestamp
        self.documents += 1
        identity = doc_id or self._identity(id_value, position, number)
        status = (KEPT_STATUS, None, None)
        beside = (None, None) if row is None else (row.piece_rows, to_json(row.fields))
        hashed = content_hash(text) if row is None else row_hash(text, row.pieces, beside[1])
        place = f"{position}.{number}" if number else str(position)
        self._append(identity, place, url, moment, hashed, text, len(text), metadata, status, beside, snapshot)

    def quarantine(
        self,
        reason: str,
        detail: str,
        record_bytes: int,
        position: int,
        *,
        doc_id: str | None = None,
        id_value: Any = None,
        url: Any = None,
        metadata: dict[str, Any] | None = None,
        number: int = 0,
        snapshot: str | None = None,
    ) -> None:
        """One record that cannot become a document; its place and the reason are kept, its text is not."""
        self.quarantined += 1
        identity = doc_id or self._identity(id_value, position, number)
        status = (QUARANTINED_STATUS, reason, scrub(detail[:MAX_DETAIL_CHARACTERS], {}))
        place = f"{position}.{number}" if number else str(position)
        self._append(
            identity, place, url, None, None, None, record_bytes, metadata or {}, status, (None, None), snapshot
        )

    def _identity(self, id_value: Any, position: int, number: int) -> str:
        if id_value is None:
            return id_from_position(self.source.name, self.split.path, position, number)
        value = id_value if isinstance(id_value, str) else to_json(id_value)
        return id_from_column(self.source.name, value, number)

    def _append(
        self,
        doc_id: str,
        place: str,
        url: Any,
        moment: str | None,
        digest: str | None,
        text: bytes | None,
        size: int,
        metadata: dict[str, Any],
        status: tuple[str, str | None, str | None],
        beside: tuple[list[dict[str, Any]] | None, str | None],
        snapshot: str | None = None,
    ) -> None:
        link = None if url is None else _text_of(url)
        location = f"{self.split.path}#{place}"
        notes = to_json(metadata) if metadata else "{}"
        row = (
            doc_id,
            self.source.name,
            snapshot or self.snapshot,
            link,
            moment,
            digest,
            text,
            size,
            notes,
            location,
            *status,
            *beside,
        )
        self.gathered.rows.append(row)
        self.gathered.row_bytes += (len(text) if text else 0) + len(notes) + len(beside[1] or "")

    @property
    def full(self) -> bool:
        return self.gathered.row_bytes >= BATCH_TEXT_BYTES or len(self.gathered.rows) >= BATCH_ROWS

    def take(self) -> pa.RecordBatch:
        """The rows so far as one batch; starts the next one."""
        columns = zip(*self.gathered.rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, DOCUMENT, strict=True)]
        self.gathered.rows.clear()
        self.gathered.row_bytes = 0
        return pa.RecordBatch.from_arrays(arrays, schema=DOCUMENT)

    def __len__(self) -> int:
        return len(self.gathered.rows)

    def tally(self) -> Tally:
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        return Tally(
            url=self.split.url,
            bytes_in_file=self.split.size,
            bytes_consumed=self.bytes_consumed,
            records_framed=self.framed,
            documents=self.documents,
            quarantined=self.quarantined,
            skipped=dict(sorted(self.skipped.items())),
            forms=dict(sorted(self.forms.items())),
            error=self.errors[0] + more if self.errors else None,
        )


def _text_of(value: Any) -> str:
    text = value if isinstance(value, str) else to_json(value)
    return text if text.isascii() else scrub(text, {})


def to_json(value: Any) -> str:
    """JSON with sorted keys and valid UTF-8; what JSON cannot say (dates, bytes, NaN) becomes a string or null."""
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, default=_plain)
    except (ValueError, TypeError):
        text = json.dumps(_plain_tree(value), ensure_ascii=False, sort_keys=True)
    return scrub(text, {})


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain_tree(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_tree(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value if isinstance(value, str | int | float | bool) or value is None else _plain(value)
