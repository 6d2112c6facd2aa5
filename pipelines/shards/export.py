"""Token shards in the formats of other trainers, without the documents that were forgotten.

datatrove: `.ds` (raw ids), `.ds.index` (u64 ends of documents), `.ds.loss` (a byte a token), `.ds.metadata`.
olmo: `.npy` (raw ids, no header, as OLMo's memory maps are) and `.csv.gz` (start, end, id, source, url).
megatron: `.bin` and `.idx`; lengths are i32. datasets: Parquet that `datasets.load_dataset(FOLDER)` reads.

Where a shard has no forgotten document its tokens are hard links, not copies. Megatron's and OLMo's readers see no loss
mask, and none sees a tombstone that comes later: an export older than the tombstones fails `gristmill shards verify`.
"""

import csv
import gzip
import io
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.shards.manifest import read_shard_manifest
from gristmill.pipelines.shards.ranges import copy_ranges
from gristmill.pipelines.shards.tombstones import read_tombstones
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.shards.format import (
    BIN,
    DOCS,
    EXPORTS,
    IDX,
    LOSS,
    TOKENIZER_FOLDER,
    Shard,
    ShardSetManifest,
    Tombstone,
    identity_of,
)
from gristmill.schemas.shards.index import encode_index

RECORD = "export.json"


@dataclass(frozen=True)
class ExportedShards:
    """One shard as it is exported. documents: those that are left, offsets as exported; starts: where they lie in the
    shard; whole: nothing was forgotten, the files can be used as they are."""

    storage: Storage
    shard: Shard
    dtype: np.dtype
    documents: pa.Table
    starts: np.ndarray
    tokenizer: str
    whole: bool

    def values(self, extension: str, dtype: np.dtype) -> np.ndarray:
        """Tokens or loss of the documents that are left."""
        with self.storage.open(self.shard.name + extension) as file:
            values = np.frombuffer(file.read(), dtype)
        return values if self.whole else copy_ranges(values, self.starts, self.lengths)

    @property
    def lengths(self) -> np.ndarray:
        return self.documents.column("length").to_numpy()

    @property
    def has_loss(self) -> bool:
        return LOSS in self.shard.files


def export_shards(
    shards: Storage | str | Path, out: str | Path, format: str, console: Console | None = None
) -> dict[str, Any]:
    """Write token shards as another trainer reads them, without forgotten documents, into the new or empty folder `out`.

    format: `datatrove`, `datasets`, `megatron` or `olmo`. Returns the export's record, which lies in `out` as export.json.
    Raises RecipeError for another format, and RunError for a folder that is not empty or shards that are not whole.
    """
    if format not in FORMATS:
        raise RecipeError(f"format {format!r}", expected=f"one of {', '.join(FORMATS)}")
    storage = shards if isinstance(shards, Storage) else Storage(str(shards))
    to = Storage(str(out))
    console = console or Console(quiet=True)
    with explained(to.url), run_lock(storage):
        if to.list(""):
            raise RunError("the folder is not empty", where=to.url, expected="an empty or new folder for the export")
        manifest = read_shard_manifest(storage)
        stones = read_tombstones(storage)
        documents = 0
        with console.progress("export", manifest.tokens, "tokens") as advance:
            for exported in _exported(storage, manifest, stones):
                FORMATS[format](to, exported)
                documents += exported.documents.num_rows
                advance(exported.shard.tokens)
        record = {
            "format": format,
            "shards": storage.url,
            "identity": identity_of(manifest.shards),
            "tombstones": tombstone_digest(stones),
            "tokenizer": manifest.tokenizer.sha256,
            "documents": documents,
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        to.write_json(RECORD, record)
        listed = storage.read_json(EXPORTS) if storage.exists(EXPORTS) else []
        storage.write_json(EXPORTS, sorted({*listed, to.url}))
    return record


def tombstone_digest(stones: list[Tombstone]) -> str:
    """What an export left out: changes with every tombstone that is added."""
    return xxhash.xxh3_128_hexdigest("\n".join(stone.model_dump_json() for stone in stones))


def _exported(storage: Storage, manifest: ShardSetManifest, stones: list[Tombstone]) -> Iterator[ExportedShards]:
    gone: dict[str, set[int]] = {}
    for stone in stones:
        gone.setdefault(stone.shard, set()).add(stone.start)
    for shard in manifest.shards:
        with storage.open(shard.name + DOCS) as file:
            documents = pq.read_table(file)
        forgotten = gone.get(shard.name, set())
        starts = documents.column("offset").to_numpy()
        left = ~np.isin(starts, list(forgotten))
        if not left.any():
            continue
        documents = documents.filter(pa.array(left))
        lengths = documents.column("length").to_numpy()
        place = documents.schema.get_field_index("offset")
        documents = documents.set_column(place, documents.schema.field(place), pa.array(np.cumsum(lengths) - lengths))
        tokenizer = storage.address(TOKENIZER_FOLDER)
        yield ExportedShards(
            storage, shard, manifest.numpy_dtype, documents, starts[left], tokenizer, whole=not forgotten
        )


def _write_tokens(to: Storage, exported: ExportedShards, name: str, extension: str = BIN) -> None:
    """The tokens (or the loss) as they are, linked where that is possible."""
    storage, path = exported.storage, exported.shard.name + extension
    if not (exported.whole and storage.is_local and to.is_local):
        dtype = exported.dtype if extension == BIN else np.dtype(np.uint8)
        to.write_bytes(name, exported.values(extension, dtype).tobytes())
        return
    to.make_folder(str(Path(name).parent))
    try:
        os.link(storage.path(path), to.path(name))
    except OSError:  # another file system, or one without links
        shutil.copyfile(storage.path(path), to.path(name))


def _datatrove(to: Storage, exported: ExportedShards) -> None:
    name = f"{exported.shard.name}.ds"
    _write_tokens(to, exported, name)
    ends = np.cumsum(exported.lengths)
    to.write_bytes(f"{name}.index", ends.astype("<u8").tobytes())
    if exported.has_loss:
        _write_tokens(to, exported, f"{name}.loss", LOSS)
    tokens = int(ends[-1])
    metadata = f"{exported.tokenizer}|{exported.dtype.itemsize}\n{tokens}\n{tokens:,} tokens"
    to.write_bytes(f"{name}.metadata", metadata.encode())


def _olmo(to: Storage, exported: ExportedShards) -> None:
    _write_tokens(to, exported, f"{exported.shard.name}.npy")
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for row in exported.documents.to_pylist():
        start = row["offset"]
        writer.writerow([start, start + row["length"], row["doc_id"], row["source"], row["url"] or ""])
    to.write_bytes(f"{exported.shard.name}.csv.gz", gzip.compress(rows.getvalue().encode(), mtime=0))


def _megatron(to: Storage, exported: ExportedShards) -> None:
    _write_tokens(to, exported, f"{exported.shard.name}.bin")
    to.write_bytes(exported.shard.name + IDX, encode_index(exported.lengths, exported.dtype))


def _datasets(to: Storage, exported: ExportedShards) -> None:
    offsets = np.concatenate([[0], np.cumsum(exported.lengths)])
    columns: dict[str, Any] = {"input_ids": (exported.values(BIN, exported.dtype), None)}
    if exported.has_loss:
        columns["loss_mask"] = (exported.values(LOSS, np.dtype(np.uint8)), pa.uint8())
    table = exported.documents.select(["doc_id", "source", "url"])
    for name, (values, kind) in columns.items():
        lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values, kind))
        table = table.append_column(name, lists)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=8192, compression="zstd", compression_level=1)
    to.write_bytes(f"{exported.shard.name}.parquet", buffer.getvalue())


FORMATS: dict[str, Callable[[Storage, ExportedShards], None]] = {
    "datatrove": _datatrove,
    "olmo": _olmo,
    "megatron": _megatron,
    "datasets": _datasets,
}
