"""Gathering one shard: its range of keys from every encoded part, merged into one order, written with checksums."""

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.units import put_unit, read_units
from gristmill.pipelines.shards.encode_part import ENCODED
from gristmill.pipelines.shards.order import range_start, sorted_order
from gristmill.pipelines.shards.ranges import copy_ranges
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.shards.format import (
    BIN,
    DOCS,
    IDX,
    LOSS,
    SHARD_DOCUMENT,
    SPLITS,
    Shard,
    ShardFile,
    Split,
    TokenDtype,
)
from gristmill.schemas.shards.index import encode_index

MAX_NAME = 120  # of a source in a file name, before it is shortened to its beginning and a hash


@dataclass(frozen=True)
class GatherTask:
    """Shard `number` of `shards` of one source and split, from the (unit name, first row, last row) that have any."""

    storage: Storage
    work: str
    name: str
    source: str
    split: Split
    number: int
    shards: int
    tokens: int
    dtype: TokenDtype
    generation: int
    with_loss: bool
    segments: tuple[tuple[str, int, int], ...]

    @property
    def key(self) -> str:
        """Of its unit."""
        return self.name.replace("/", "-")


def gathered_spec(work: str) -> DatasetSpec:
    """The dataset of shards that are gathered, with its units in a work folder."""
    return DatasetSpec(f"{work}/shards", SHARD_DOCUMENT, ())


def gathering_tasks(
    storage: Storage,
    work: str,
    units: Sequence[dict[str, Any]],
    dtype: TokenDtype,
    options: ShardOptions,
    generation: int = 0,
) -> list[GatherTask]:
    """One task for each shard: training before validation, then by source and number."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for unit in units:
        for segment in unit["segments"]:
            found[SPLITS.index(segment["split"]), segment["source"]].append({**segment, "unit": unit["name"]})
    delta = f"-delta{generation:03d}" if generation else ""
    tasks = []
    for (split, source), segments in sorted(found.items()):
        tokens = sum(segment["tokens"] for segment in segments)
        count = max(1, -(-tokens // options.tokens_per_shard))
        for number in range(count):
            name = f"{SPLITS[split]}/{file_name(source)}{delta}-{number:05d}"
            pieces = tuple((segment["unit"], *segment["rows"]) for segment in segments)
            tasks.append(
                GatherTask(
                    storage=storage,
                    work=work,
                    name=name,
                    source=source,
                    split=SPLITS[split],
                    number=number,
                    shards=count,
                    tokens=tokens // count,
                    dtype=dtype,
                    generation=generation,
                    with_loss=any(unit["loss"] for unit in units),
                    segments=pieces,
                )
            )
    return tasks


def file_name(source: str) -> str:
    """A source's name as part of a file name: one to one, never a path."""
    quoted = quote(source, safe=" ").replace(" ", "+")
    if len(quoted) <= MAX_NAME:
        return quoted
    return f"{quoted[:MAX_NAME]}~{xxhash.xxh3_128_hexdigest(source.encode())}"


def gathered_shards(storage: Storage, work: str, tasks: Sequence[GatherTask]) -> list[Shard]:
    """The records of finished tasks, in their order; none of a task into whose range no document fell."""
    units = read_units(storage, gathered_spec(work), [task.key for task in tasks])
    records = [units[task.key]["facts"] for task in tasks]
    return [Shard.model_validate(record) for record in records if record]


def gather_shard(task: GatherTask) -> int:
    """Write the shard and its unit; returns about how many tokens it has."""
    values, table = _read(task)
    shard = write_shard(task, values, table).model_dump(mode="json") if table.num_rows else {}
    put_unit(task.storage, gathered_spec(task.work), task.key, shard)  # whoever writes a shard writes the same bytes
    return task.tokens


def _read(task: GatherTask) -> tuple[dict[str, np.ndarray], pa.Table]:
    """(tokens, and loss where it is kept, by extension; rows) of the shard in its order."""
    dtypes = {".tokens": np.dtype(task.dtype).newbyteorder("<")}
    if task.with_loss:
        dtypes[LOSS] = np.dtype(np.uint8)
    first_key, last_key = range_start(task.number, task.shards), range_start(task.number + 1, task.shards)
    pieces = {extension: [np.zeros(0, dtype)] for extension, dtype in dtypes.items()}
    tables, base = [ENCODED.empty_table()], 0
    for unit, first, last in task.segments:
        rows = _rows_between(task.storage, f"{unit}.docs", (first, last), first_key, last_key)
        if not rows.num_rows:
            continue
        start = rows.column("offset")[0].as_py()
        length = rows.column("offset")[-1].as_py() + rows.column("length")[-1].as_py() - start
        for extension, dtype in dtypes.items():
            with task.storage.open(unit + extension) as file:
                file.seek(start * dtype.itemsize)
                pieces[extension].append(np.frombuffer(file.read(length * dtype.itemsize), dtype))
        moved = rows.column("offset").to_numpy() - start + base
        place = rows.schema.get_field_index("offset")
        tables.append(rows.set_column(place, ENCODED.field("offset"), pa.array(moved)))
        base += length
    table = pa.concat_tables(tables).combine_chunks()
    keys, copies = table.column("key").to_numpy(), table.column("copy").to_numpy()
    table = table.take(pa.array(sorted_order(keys, table.column("doc_id").combine_chunks(), copies)))
    starts, lengths = table.column("offset").to_numpy(), table.column("length").to_numpy()
    return {name: copy_ranges(np.concatenate(parts), starts, lengths) for name, parts in pieces.items()}, table


def _rows_between(storage: Storage, path: str, rows: tuple[int, int], first_key: int, last_key: int) -> pa.Table:
    """Rows [first, last) of a sorted file whose key lies in [first_key, last_key); only row groups that may have any."""
    with storage.open(path) as file:
        parquet = pq.ParquetFile(file, page_checksum_verification=True)
        start, found = 0, [parquet.schema_arrow.empty_table()]
        for group in range(parquet.num_row_groups):
            count = parquet.metadata.row_group(group).num_rows
            low, high = max(rows[0] - start, 0), min(rows[1] - start, count)
            start += count
            if low >= high:
                continue
            keys = parquet.read_row_group(group, columns=["key"]).column("key").to_numpy()[low:high]
            a = low + int(np.searchsorted(keys, np.uint64(first_key)))
            b = high if last_key >> 64 else low + int(np.searchsorted(keys, np.uint64(last_key)))
            if a < b:
                found.append(parquet.read_row_group(group).slice(a, b - a))
    return pa.concat_tables(found)


def write_shard(task: GatherTask, values: dict[str, np.ndarray], rows: pa.Table) -> Shard:
    """Write the files of a shard; values: tokens, loss by extension; rows: of the documents in their order."""
    tokens = values[".tokens"]
    lengths = rows.column("length").to_numpy()
    documents = pa.table(
        {
            "doc_id": rows.column("doc_id"),
            "source": pa.array([task.source] * rows.num_rows, pa.large_string()),
            "url": rows.column("url"),
            "offset": np.cumsum(lengths) - lengths,
            "length": lengths,
            "content_hash": rows.column("content_hash"),
        },
        schema=SHARD_DOCUMENT,
    )
    contents: dict[str, Any] = {
        BIN: tokens.view(np.uint8).data,
        IDX: encode_index(lengths, tokens.dtype),
        DOCS: documents_content(documents),
    }
    if LOSS in values:
        contents[LOSS] = values[LOSS].data
    files = {ending: _write_file(task.storage, task.name + ending, content) for ending, content in contents.items()}
    return Shard(
        name=task.name,
        split=task.split,
        source=task.source,
        documents=len(lengths),
        tokens=len(tokens),
        identity=files[BIN].checksum,
        generation=task.generation,
        files=files,
    )


def documents_content(documents: pa.Table) -> bytes:
    """A .docs.parquet; the same rows give the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(
        documents.combine_chunks(),
        buffer,
        row_group_size=1 << 16,
        compression="zstd",
        compression_level=1,
        use_dictionary=["source"],
        write_page_checksum=True,
    )
    return buffer.getvalue()


def _write_file(storage: Storage, path: str, content: bytes | memoryview) -> ShardFile:
    storage.write_bytes(path, content)  # type: ignore[arg-type]
    return file_record(content)


def file_record(content: bytes | memoryview) -> ShardFile:
    """The record of a file with this content."""
    return ShardFile(bytes=len(content), checksum=xxhash.xxh3_128_hexdigest(content))
