"""What shards are written from: the corpus of a run or selection, mixed where it was, or Parquet files with a text column.

Other Parquet files need `text`; `doc_id`, `source`, `url`, `content_hash` are taken where they exist. `copies`, as mixing
writes it, says how often a document is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import fingerprint, layout_fingerprint
from gristmill.pipelines.write.mix.stored import mixed_corpus
from gristmill.schemas import layout
from gristmill.schemas.errors import InputError
from gristmill.schemas.rows.registry import DOCUMENT

PART_BYTES = 128 << 20  # of uncompressed columns encoded by one task
DEFAULT_SOURCE = "corpus"
CONVERSATION = "conversation"  # what rows with pieces and fields are
_OPTIONAL = ("doc_id", "source", "url", "content_hash", "copies")


@dataclass(frozen=True)
class InputPart:
    """Row groups [first, last) of a Parquet file; name: its path relative to the input's root; kind: of its rows."""

    storage: Storage
    path: str
    name: str
    key: str
    first: int
    last: int
    bytes: int
    kind: str


@dataclass(frozen=True)
class ShardInput:
    """parts to encode; digest: of the content where it is known, else of the files; layout: changes with the parts."""

    parts: tuple[InputPart, ...]
    digest: str
    layout: str


def find_input(source: Run | str | Path) -> ShardInput:
    """The parts of a run's corpus (`RUN`, `RUN:SELECTION`) or of Parquet files in a folder. InputError when none."""
    if isinstance(source, Run):
        return _of_run(source)
    storage = Storage(str(source))
    if storage.exists(layout.OWNER) or (":" in str(source).removeprefix("file:") and not storage.exists("")):
        return _of_run(open_run(source))
    return _of_folder(storage, str(source))


def _of_run(run: Run) -> ShardInput:
    name = layout.CORPUS.of(run.folder).folder
    corpus = mixed_corpus(run) or read_manifest(run.storage, name)
    if corpus is None:
        raise InputError(
            f"no {name} in this run",
            where=run.storage.url,
            expected="a finished corpus",
            next_step=f"gristmill materialise {run.storage.url}" + (f":{run.selection}" if run.folder else ""),
        )
    kind = corpus.config.get("rows", DOCUMENT)
    if kind not in (DOCUMENT, CONVERSATION):
        raise InputError(
            f"the rows are of the kind {kind}",
            where=run.storage.url,
            expected="documents or conversations",
            next_step="`gristmill export` writes rows of other kinds for their trainers",
        )
    parts: list[InputPart] = []
    for number, part in enumerate(corpus.parts):
        parts += _split_file(run.storage, part.path, part.path, number)
    return ShardInput(tuple(parts), corpus.digest, layout_fingerprint(corpus))


def _of_folder(storage: Storage, shown: str) -> ShardInput:
    if storage.exists("") and not storage.fs.isdir(storage.root):
        names = [""]
    else:
        found = storage.fs.find(storage.root) if storage.exists("") else []
        names = sorted(
            str(PurePosixPath(path).relative_to(storage.root)) for path in found if path.endswith(".parquet")
        )
    if not names:
        raise InputError(
            "neither a run nor Parquet files",
            where=shown,
            expected=f"a run folder with {layout.MANIFEST}, or *.parquet with a `text` column",
        )
    parts: list[InputPart] = []
    for number, name in enumerate(names):
        parts += _split_file(storage, name, name or PurePosixPath(storage.root).name, number)
    listed = [[part.name, part.first, part.last, part.bytes] for part in parts]
    modified = [str(storage.fs.info(storage.path(name)).get("mtime", "")) for name in names]
    return ShardInput(tuple(parts), fingerprint(listed), fingerprint([listed, modified]))


def _split_file(storage: Storage, path: str, name: str, number: int) -> Iterator[InputPart]:
    """A file in runs of row groups of about PART_BYTES."""
    try:
        with storage.open(path) as file:
            metadata = pq.ParquetFile(file).metadata
    except pa.ArrowInvalid as error:
        raise InputError(f"not Parquet ({error})", where=name, expected="a Parquet file") from error
    schema = metadata.schema.to_arrow_schema()
    if "text" not in schema.names or not _is_text(schema.field("text").type):
        found = str(schema.field("text").type) if "text" in schema.names else f"columns {', '.join(schema.names)}"
        raise InputError(f"found {found}", where=name, expected="a column `text` of strings")
    kind = CONVERSATION if {"pieces", "fields"} <= set(schema.names) else DOCUMENT
    first, size = 0, 0
    for group in range(metadata.num_row_groups):
        size += metadata.row_group(group).total_byte_size
        if size >= PART_BYTES or group == metadata.num_row_groups - 1:
            yield InputPart(storage, path, name, f"part-{number:06d}-{first:06d}", first, group + 1, size, kind)
            first, size = group + 1, 0


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def iterate_input(part: InputPart, loss_column: str | None) -> Iterator[pa.RecordBatch]:
    """Batches with doc_id, text, source, url, content_hash, copies (and the loss column), whatever the file has."""
    with part.storage.open(part.path) as file:
        parquet = pq.ParquetFile(file, page_checksum_verification=True)
        present = set(parquet.schema_arrow.names)
        if loss_column is not None and loss_column not in present:
            raise InputError(
                f"no column {loss_column!r}", where=part.name, expected="the column named by `loss_column`"
            )
        columns = ["text", *(name for name in _OPTIONAL if name in present), *([loss_column] if loss_column else [])]
        columns += [] if part.kind == DOCUMENT else ["pieces", "fields"]
        row = sum(parquet.metadata.row_group(group).num_rows for group in range(part.first))
        for batch in parquet.iter_batches(
            batch_size=8192, columns=columns, row_groups=list(range(part.first, part.last))
        ):
            yield _completed(batch, part, row)
            row += batch.num_rows


def _completed(batch: pa.RecordBatch, part: InputPart, first_row: int) -> pa.RecordBatch:
    """The batch with every column there is to be; a null text stays one, a null id is made from the row."""
    count, wide = batch.num_rows, pa.large_string()
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns["text"] = columns["text"].cast(wide)
    made_ids = pa.array([f"{part.name}#{first_row + row}" for row in range(count)], wide)
    ids = columns.get("doc_id")
    columns["doc_id"] = made_ids if ids is None else pa.array(_chosen(ids.cast(wide), made_ids), wide)
    source = columns.get("source", pa.nulls(count, wide))
    columns["source"] = source.cast(wide).fill_null(DEFAULT_SOURCE)
    columns["url"] = columns.get("url", pa.nulls(count, wide)).cast(wide)
    if "content_hash" not in columns:
        hashes = [
            xxhash.xxh3_128_hexdigest(text.as_buffer() or b"") for text in columns["text"].cast(pa.large_binary())
        ]
        columns["content_hash"] = pa.array(hashes, wide)
    copies = columns.get("copies", pa.array(np.ones(count, np.int64)))
    columns["copies"] = copies.cast(pa.int64()).fill_null(1)
    return pa.RecordBatch.from_pydict(columns)


def _chosen(ids: pa.Array, otherwise: pa.Array) -> pa.Array:
    return (
        ids
        if not ids.null_count
        else pa.array(
            [mine or made for mine, made in zip(ids.to_pylist(), otherwise.to_pylist(), strict=True)], pa.large_string()
        )
    )
