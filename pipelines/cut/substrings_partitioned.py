"""Marking duplicate substrings of any amount of text: runs of windows meet in partitions by their minimiser.

Tasks over the parts write runs (see `filters.dedup.super_kmers`) as Parquet, about 7 bytes a byte of text before
compression. The engine then shuffles them by key and every partition marks its windows. Sail keeps a shuffle in
memory, so there the runs go through it in passes, by key, of a third of the memory budget each; on Spark they go in
one pass, in partitions of 256 MB.

A key with more windows than HOT_WINDOWS is salted: each of its windows travels alone, under one of several keys chosen
by its content.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.console import Console
from gristmill.filters.dedup.cuts import merged
from gristmill.filters.dedup.super_kmers import SuperKmers, mark_partition, run_bytes, salted_windows, super_kmers
from gristmill.filters.dedup.windows import Policy
from gristmill.kernels.buffers import string_buffers
from gristmill.pipelines.cut.order import RankedSurvivors, ranked
from gristmill.pipelines.cut.survivor_texts import Survivors, survivor_texts, unit_buffers
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import write_by_part
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.run.units import UnitWriter, read_units, run_units
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.cuts import Substrings
from gristmill.schemas.rows.cuts import MARK, MARK_DIGEST, RUN, RUN_DIGEST, SHUFFLED_RUN

HOT_WINDOWS = 1 << 22  # under one key; their arrays take 60 bytes each
PARTITION_BYTES = 256 << 20
_RUN_BYTES = 7  # shipped for a byte of text, an estimate for the number of passes
_MEMORY_SHARE = 3  # of the budget, one part in so many: rows as they arrive, end to end, and the kernel's arrays
_ROW_SHIFT = 32
_RUN_COLUMNS = "key long, rank long, place long, start long, text binary"
_OUT_ROWS = 1 << 20


def mark_by_partition(
    engine: Engine,
    storage: Storage,
    survivors: Sequence[Survivors],
    order: DatasetManifest,
    order_spec: DatasetSpec,
    options: Substrings,
    folder: str,
    text_bytes: int,
    budget: int,
    console: Console,
) -> tuple[list[DatasetManifest], dict[str, Any]]:
    """Marks of every part, a dataset for each pass. facts: passes, runs, shuffle_bytes and what that is per text byte."""
    expected = _RUN_BYTES * text_bytes
    passes = 1 if engine.tasks_are_remote else max(1, -(-expected * _MEMORY_SHARE // budget))
    partitions = engine.partitions or max(engine.cores, -(-expected // (passes * PARTITION_BYTES)))
    runs = tuple(
        DatasetSpec(f"{folder}/runs-{number:04d}-of-{passes:04d}", RUN, RUN_DIGEST) for number in range(passes)
    )
    run_units(
        *(engine, storage, console),
        partial(write_runs, runs, options),
        ranked(survivors, order, order_spec),
        *((spec, _key) for spec in runs),
        label="windows",
        amount=lambda part: part.survivors.documents.text_bytes,
        of="bytes",
    )
    marked, rows, shipped, looked_at = [], 0, 0, 0
    with console.progress("mark windows", passes, "passes") as advance:
        for spec in runs:
            units = read_units(storage, spec).values()
            paths = [storage.address(part["path"]) for unit in units for part in unit["parts"] if part["rows"]]
            rows += sum(part["rows"] for unit in units for part in unit["parts"])
            shipped += sum(unit["facts"]["shuffle_bytes"] for unit in units)
            looked_at = sum(unit["facts"]["text_bytes"] for unit in units)
            marks = DatasetSpec(spec.folder.replace("/runs-", "/marks-"), MARK, MARK_DIGEST)
            stage = Stage(storage, marks, options.model_dump(), {"pass": spec.folder})
            if stage.manifest is None:
                stage.start()
                stage.finish(mark_pass(engine, storage, paths, marks, options, partitions) if paths else {})
            assert stage.manifest is not None
            marked.append(stage.manifest)
            advance(1)
    salted = sum(manifest.facts.get("salted_keys", 0) for manifest in marked)
    facts = {"passes": passes, "partitions": partitions, "runs": rows, "salted_keys": salted, "shuffle_bytes": shipped}
    facts["shuffle_bytes_per_text_byte"] = round(shipped / max(looked_at, 1), 3)
    console.log(
        f"substrings: {rows:,} runs, {shipped / 1e6:.1f} MB shuffled ({facts['shuffle_bytes_per_text_byte']} a byte of "
        f"text), {passes} passes of {partitions} partitions, {salted} salted keys"
    )
    return marked, facts


def _key(part: RankedSurvivors) -> str:
    return part.key


def write_runs(specs: Sequence[DatasetSpec], options: Substrings, part: RankedSurvivors) -> int:
    """The runs of one part's survivors. specs: where those of each pass go.

    Memory: a chunk of text and its runs, about eight times the chunk.
    """
    survivors, rank_of = part.survivors, part.ranks()
    shipped, text_bytes = [0] * len(specs), 0
    with ExitStack() as stack:
        writers = [stack.enter_context(UnitWriter(survivors.storage, spec, part.key)) for spec in specs]
        for chunk in survivor_texts(survivors):
            data, offsets = unit_buffers(chunk.texts, options)
            length, unit = options.window_bytes, options.unit_bytes
            runs = super_kmers(data, offsets, length, unit=unit)
            in_pass = runs.keys % np.uint64(len(specs))  # low bits: the least of many hashes is small
            chunk_ranks = rank_of(chunk.rows)
            for index, writer in enumerate(writers):
                mine = runs if len(writers) == 1 else SuperKmers(*(column[in_pass == index] for column in runs))
                batch = _shuffled_runs(
                    mine.keys,
                    chunk_ranks[mine.docs],
                    (survivors.number << _ROW_SHIFT) + chunk.rows[mine.docs],
                    mine.starts,
                    *run_bytes(data, offsets, mine),
                )
                shipped[index] += batch.nbytes
                writer.write(batch.append_column("windows", pa.array((mine.lengths - length) // unit + 1)))
            text_bytes += int(offsets[-1] - offsets[0])
        for writer, size in zip(writers, shipped, strict=True):
            writer.facts = {"shuffle_bytes": size, "text_bytes": text_bytes}
    return survivors.documents.text_bytes


def _shuffled_runs(
    keys: np.ndarray, ranks: np.ndarray, places: np.ndarray, starts: np.ndarray, data: np.ndarray, edges: np.ndarray
) -> pa.RecordBatch:
    texts = pa.Array.from_buffers(
        pa.large_binary(), len(keys), [None, pa.py_buffer(edges.astype(np.int64)), pa.py_buffer(data)]
    )
    columns = [pa.array(keys.view(np.int64)), pa.array(ranks), pa.array(places), pa.array(starts), texts]
    return pa.record_batch(columns, schema=SHUFFLED_RUN)


def mark_pass(
    engine: Engine, storage: Storage, paths: Sequence[str], marks: DatasetSpec, options: Substrings, partitions: int
) -> dict[str, Any]:
    """Shuffle one pass by key, mark, and send the marks back to the parts."""
    from pyspark.sql.connect import functions as F

    length, unit = options.window_bytes, options.unit_bytes
    frame = engine.read(paths)
    windows = frame.groupBy("key").agg(F.sum("windows").cast("long").alias("windows"))
    hot = windows.where(F.col("windows") > HOT_WINDOWS).toArrow()  # few: each stands for more than HOT_WINDOWS windows
    frame = frame.select(*SHUFFLED_RUN.names)
    if hot.num_rows:
        salts = dict(zip(hot.column("key").to_pylist(), hot.column("windows").to_pylist(), strict=True))
        salts = {key: int(-(-4 * count // HOT_WINDOWS)) for key, count in salts.items()}
        frame = frame.mapInArrow(partial(_salt_runs, salts, length, unit), _RUN_COLUMNS)
    marked = frame.repartition(partitions, "key").mapInArrow(
        partial(_mark_runs, length, unit, options.policy), "part long, row long, start long, end long"
    )
    return {"marks": write_by_part(engine, marked, storage, marks), "salted_keys": hot.num_rows}


def _salt_runs(
    salts: dict[int, int], length: int, unit: int, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The rows with every window of a hot key alone, under its salted key."""
    hot = np.array(sorted(salts), np.int64)
    for batch in batches:
        keys = batch.column("key").to_numpy()
        at = np.searchsorted(hot, keys)
        is_hot = hot[np.minimum(at, len(hot) - 1)] == keys
        yield batch.filter(pa.array(~is_hot)).cast(SHUFFLED_RUN)
        for key in np.unique(keys[is_hot]).tolist():
            for piece in _slices(batch.filter(pa.array(keys == key)), 1024):
                yield _salted(piece, length, unit, salts[key])


def _salted(batch: pa.RecordBatch, length: int, unit: int, salts: int) -> pa.RecordBatch:
    data, edges = string_buffers(batch.column("text").cast(pa.large_binary()))
    keys, ranks, places, starts = (
        batch.column(name).to_numpy(zero_copy_only=False) for name in ("key", "rank", "place", "start")
    )
    of, shifts, salted = salted_windows(keys.view(np.uint64), data, edges, length, salts, unit)
    windows = SuperKmers(salted, of, shifts, np.full(len(of), length, np.int64))
    return _shuffled_runs(salted, ranks[of], places[of], starts[of] + shifts, *run_bytes(data, edges, windows))


def _mark_runs(length: int, unit: int, policy: Policy, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """MARK rows of a partition, which holds every run of its keys; it is held in memory twice for a moment."""
    waiting = [batch.cast(SHUFFLED_RUN) for batch in batches if batch.num_rows]
    if not waiting:
        return
    table = pa.Table.from_batches(waiting).combine_chunks()
    waiting.clear()
    keys, ranks, places, starts = (
        table.column(name).combine_chunks().to_numpy() for name in ("key", "rank", "place", "start")
    )
    data, edges = string_buffers(table.column("text"))
    spans = merged(mark_partition(keys.view(np.uint64), ranks, starts, data, edges, length, policy, unit))
    distinct, firsts = np.unique(ranks, return_index=True)
    where = places[firsts[np.searchsorted(distinct, spans.docs)]]
    columns = [where >> _ROW_SHIFT, where & ((1 << _ROW_SHIFT) - 1), spans.starts, spans.ends]
    rows = pa.record_batch([pa.array(column) for column in columns], schema=MARK)
    yield from _slices(rows, _OUT_ROWS)


def _slices(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)
