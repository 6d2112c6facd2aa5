"""Datasets of a run: Parquet parts written under unique names, listed by a manifest that is written last.

A *part* is one file. Documents are cut into parts once; every dataset measured on them has one part per part of the
documents, with the same rows in the same order, so that joining them needs no shuffle. What an interrupted stage has
finished is kept: each unit of work leaves a marker naming the parts it wrote (units.py).
"""

import uuid
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.pipelines.engine.ahead import map_ahead
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.digest import batch_digest, format_digest
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part

MAX_ROW_GROUP_BYTES = 32 << 20
ROW_GROUP_BYTES = 8 << 20  # what small batches are gathered to: every row group costs each reader of a few columns
MAX_PART_BYTES = 128 << 20
MAX_PART_ROWS = 500_000
PARTS_AHEAD = 8


class _Writer(pq.ParquetWriter):
    """A file that was not closed belongs to a failed unit: finishing it when collected would only fail again."""

    def __del__(self) -> None:
        self.is_open = False


def _repeating(schema: pa.Schema) -> list[str]:
    """Parquet paths of the columns worth a dictionary: all but ids, hashes and texts, which hardly repeat."""
    return [
        f"{field.name}.list.element" if pa.types.is_large_list(field.type) else field.name
        for field in schema
        if field.name not in ("doc_id", "content_hash", "content_key", "text", "location", "url")
    ]


class PartWriter:
    """Writes rows as parts, rolled by bytes and rows; row groups limited by bytes, small ones joined.

    With `single=True` everything goes into exactly one part, even when there are no rows. A context manager: its files end
    with the block (`parts`), and are removed where the block raises. What a task writes is a unit: see `UnitWriter`.
    """

    def __init__(
        self, storage: Storage, spec: DatasetSpec, key: str, single: bool = False, part_bytes: int = MAX_PART_BYTES
    ) -> None:
        self.storage, self.spec, self.key, self.single, self.part_bytes = storage, spec, key, single, part_bytes
        self.parts: list[Part] = []
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None
        self._gathered: list[pa.RecordBatch] = []
        self._gathered_bytes = 0
        if single:
            self._open()

    def _open(self) -> None:
        number = len(self.parts)
        name = f"{self.spec.folder}/data/{self.key}-{number:04d}-{uuid.uuid4().hex[:12]}.parquet"
        self._file = self.storage.open(name, "wb")
        self._writer = _Writer(
            self._file,
            self.spec.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=_repeating(self.spec.schema),  # type: ignore[arg-type]
            write_page_checksum=True,
        )
        key = self.key if self.single else f"{self.key}-{number:04d}"
        self._part = Part(key=key, path=name, rows=0, bytes=0, digest="0")
        self._sum = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.abandon()
            return
        try:
            self.close()
        except BaseException:
            self.abandon()
            raise

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Append rows; a batch is cut where a row group would exceed its byte limit."""
        for batch in rows.combine_chunks().to_batches() if isinstance(rows, pa.Table) else (rows,):
            self._write_batch(batch)

    def _write_batch(self, batch: pa.RecordBatch) -> None:
        if batch.schema != self.spec.schema:
            batch = batch.select(self.spec.schema.names).cast(self.spec.schema)
        limit = MAX_ROW_GROUP_BYTES if self.single else min(MAX_ROW_GROUP_BYTES, self.part_bytes)
        for piece in split_by_bytes(batch, limit):
            if self._writer is None:
                self._open()
            self._gather(piece)
            if not self.single and (self._part.bytes >= self.part_bytes or self._part.rows >= MAX_PART_ROWS):
                self._close_part()

    def _gather(self, piece: pa.RecordBatch) -> None:
        """Hold a piece back until there is enough for a row group. Its size is asked for once: asking takes 0.1 ms."""
        piece_bytes = piece.nbytes
        if self._gathered_bytes + piece_bytes > MAX_ROW_GROUP_BYTES:
            self._write_gathered()
        self._gathered.append(piece)
        self._gathered_bytes += piece_bytes
        self._part.rows += piece.num_rows
        self._part.bytes += piece_bytes
        if self._gathered_bytes >= ROW_GROUP_BYTES:
            self._write_gathered()

    def _write_gathered(self) -> None:
        """Write what has gathered as one row group, and count it: a batch costs nothing beyond its rows."""
        if self._gathered:
            assert self._writer is not None
            table = pa.Table.from_batches(self._gathered)
            self._gathered, self._gathered_bytes = [], 0
            self._writer.write_table(table, row_group_size=table.num_rows)
            self._count(table)

    def _count(self, table: pa.Table) -> None:
        part = self._part
        if "text_bytes" in self.spec.schema.names:
            part.text_bytes += pc.sum(table.column("text_bytes")).as_py() or 0
        if self.spec.counted:
            for entry in table.column(self.spec.counted).value_counts().to_pylist():
                value = str(entry["values"])
                part.rows_by[value] = part.rows_by.get(value, 0) + entry["counts"]
        self._sum += batch_digest(table, list(self.spec.digest_columns))

    def _close_part(self) -> None:
        assert self._writer is not None
        self._write_gathered()
        self._writer.close()
        self._part.bytes = self._file.tell()
        self._file.close()
        self._writer = None
        self._part.digest = format_digest(self._sum)
        self.parts.append(self._part)

    def close(self) -> list[Part]:
        if self._writer is not None:
            self._close_part()
        return self.parts

    def abandon(self) -> None:
        """Remove what was written: the unit failed or another attempt finished first."""
        self._gathered, self._gathered_bytes = [], 0
        if self._writer is not None:
            self._writer = None
            self.storage.discard(self._file, self._part.path)
        self.storage.remove_files([part.path for part in self.parts])


def split_by_bytes(batch: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """The batch in halves of halves until each is below `limit` bytes or one row."""
    if batch.num_rows <= 1 or batch.nbytes <= limit:
        if batch.num_rows:
            yield batch
        return
    half = batch.num_rows // 2
    yield from split_by_bytes(batch.slice(0, half), limit)
    yield from split_by_bytes(batch.slice(half), limit)


def read_manifest(storage: Storage, folder: str) -> DatasetManifest | None:
    """What a finished dataset says of itself, None when it is not finished."""
    content = storage.read_json_if_there(f"{folder}/{layout.MANIFEST}")
    return None if content is None else DatasetManifest.model_validate(content)


def iterate_part(
    storage: Storage, part: Part, columns: list[str] | None = None, batch_rows: int = 8192
) -> Iterator[pa.RecordBatch]:
    """Batches of one part; memory is bounded by a row group."""
    with storage.open_columns(part.path, part.bytes) as file:
        yield from _opened(storage, file).iter_batches(batch_size=batch_rows, columns=columns)


def read_part(storage: Storage, part: Part, columns: list[str]) -> pa.Table:
    """The named columns of a whole part, by the calling thread: tasks are what runs side by side."""
    with storage.open_columns(part.path, part.bytes) as file:
        return _opened(storage, file).read(columns=columns, use_threads=False)


def read_each(storage: Storage, parts: Iterable[Part], columns: list[str]) -> Iterator[pa.Table]:
    """The named columns of part after part, in order; a few parts are read ahead, so that no request waits for another."""
    yield from map_ahead(lambda part: read_part(storage, part, columns), parts, PARTS_AHEAD)


def _opened(storage: Storage, file: IO[Any]) -> pq.ParquetFile:
    """A part's reader. From a store the columns wanted are fetched together, neighbours in one request."""
    return pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=not storage.is_local)
