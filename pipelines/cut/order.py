"""The survivors in their total order: the recipe's preferences, then the content hash, then the id.

In: documents/, signals/ that preferences name, decisions/. Out: `<selection>cuts/order`, a number for every document
that passed the rules; a document before another has the smaller number, whatever the partitions.
Cost: one shuffle of 150 bytes a document and one of 40.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.transforms.edit_arrays import large_strings
from gristmill.pipelines.cut.survivor_texts import Survivors
from gristmill.pipelines.decide.passed import passed_rules
from gristmill.pipelines.dedup.preferences import preference_signals, preference_values
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.evaluate import read_columns
from gristmill.pipelines.run.by_part import part_key, parts_by_number, read_rows, write_by_part
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.units import UnitWriter, read_units
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.signals import FamilyKey

BUCKET_DOCUMENTS = 4_000_000  # sorted by one task
_BUCKET_STEP = 1 << 40
_SAMPLES_A_PART = 32


@dataclass(frozen=True)
class RankedSurvivors:
    """The survivors of one part, and the part of the order that ranks them. spec: of the order."""

    survivors: Survivors
    spec: DatasetSpec
    part: Part

    @property
    def key(self) -> str:
        """The key of the unit that a task makes of them."""
        return part_key(self.survivors.number)

    def ranks(self) -> Callable[[np.ndarray], np.ndarray]:
        """Read the order; what is returned gives the rank of the survivor in each of some rows."""
        places = read_rows(self.survivors.storage, self.spec, self.part)
        known, ranks = places.column("row").to_numpy(), places.column("rank").to_numpy()
        return lambda rows: ranks[np.searchsorted(known, rows)]


def ranked(survivors: Sequence[Survivors], order: DatasetManifest, spec: DatasetSpec) -> list[RankedSurvivors]:
    """The survivors of every part that has any. spec: of the order."""
    parts = parts_by_number(order)
    return [RankedSurvivors(one, spec, parts[one.number]) for one in survivors if one.number in parts]


@dataclass(frozen=True)
class OrderTask:
    """One part of the documents with its decisions: write what puts its survivors in order."""

    storage: Storage
    spec: DatasetSpec
    number: int
    documents: Part
    decisions: Part
    signals: Mapping[FamilyKey, Part]
    preferences: Sequence[str]
    priorities: Mapping[str, int]


def survivor_order(
    context: RunContext,
    decisions: DatasetManifest,
    inputs: Mapping[str, str],
    preferences: Sequence[str],
    priorities: Mapping[str, int],
) -> DatasetManifest:
    """Bring `<folder>cuts/order` up to date. facts: text_bytes of the documents that passed."""
    wanted = preference_signals(preferences)
    inputs = {**inputs} | {
        f"signals/{name}@{version}": context.signals[name, version].digest for name, version in wanted
    }
    spec, keys = layout.SURVIVOR_ORDER.of(context.selection), layout.SURVIVOR_ORDER_KEYS.of(context.selection)
    stage = context.stage(spec, {"survivor": list(preferences), "priorities": dict(priorities)}, inputs)

    def work() -> dict[str, Any]:
        tasks = [
            OrderTask(
                context.storage,
                keys,
                number,
                part,
                decisions.parts[number],
                {key: context.signals[key].parts[number] for key in wanted},
                preferences,
                priorities,
            )
            for number, part in enumerate(context.documents.parts)
        ]
        context.run_units(write_order_keys, tasks, (keys, lambda task: part_key(task.number)))
        units = list(read_units(context.storage, keys).values())
        paths = [context.storage.address(part["path"]) for unit in units for part in unit["parts"] if part["rows"]]
        count = sum(part["rows"] for unit in units for part in unit["parts"])
        if paths:
            samples = [key for unit in units for key in unit["facts"]["sample"]]
            _rank(context.engine, context.storage, paths, _splitters(samples, count), spec)
        context.storage.remove(keys.folder)
        return {"text_bytes": sum(unit["facts"]["text_bytes"] for unit in units)}

    return stage.run(work, context.console.log)


def write_order_keys(task: OrderTask) -> int:
    """The order key of each survivor of one part, with its place."""
    columns = read_columns(task.storage, task.documents, task.signals, preference_signals(task.preferences))
    rows = np.flatnonzero(passed_rules(read_part(task.storage, task.decisions, ["failed_rules"])))
    table = columns.documents.take(pa.array(rows))
    orders = [preference_values(columns, preference, task.priorities)[rows] for preference in task.preferences]
    keys = order_keys(orders, table.column("content_hash").to_pylist())
    filled = pa.table(
        {
            "doc_id": table.column("doc_id"),
            "part": pa.array(np.full(len(rows), task.number, np.int64)),
            "row": pa.array(rows),
            "order_key": keys,
        }
    )
    step = max(1, len(rows) // _SAMPLES_A_PART)
    facts = {
        "text_bytes": int(table.column("text_bytes").to_numpy().sum()),
        "sample": keys.to_pylist()[::step],
    }
    with UnitWriter(task.storage, task.spec, part_key(task.number)) as unit:
        unit.write(filled)
        unit.facts = facts
    return task.documents.rows


def order_keys(orders: Sequence[np.ndarray], content_hashes: Sequence[str]) -> pa.Array:
    """large_string that compares as (orders..., content hash) do; orders: float64, no NaN.

    Hexadecimal, because Sail has no window over binary columns.
    """
    if not content_hashes:
        return pa.array([], pa.large_string())
    hashes = np.frombuffer(bytes.fromhex("".join(content_hashes)), np.uint8).reshape(len(content_hashes), 16)
    joined = np.concatenate([*[_sortable(values) for values in orders], hashes], axis=1)
    digits = np.frombuffer(joined.tobytes().hex().encode(), np.uint8)
    return large_strings(digits, np.arange(len(joined) + 1, dtype=np.int64) * 2 * joined.shape[1])


def _sortable(values: np.ndarray) -> np.ndarray:
    """float64 as eight bytes, (n, 8), in the same order: sign bit flipped, negative numbers inverted."""
    bits = (values + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
    sign = np.uint64(1 << 63)
    ordered = np.where(bits & sign, ~bits, bits | sign)
    return ordered.astype(">u8").view(np.uint8).reshape(len(values), 8)


def _splitters(samples: Sequence[str], count: int) -> list[str]:
    """Keys between which about BUCKET_DOCUMENTS documents lie."""
    buckets = -(-count // BUCKET_DOCUMENTS)
    ordered = sorted(samples)
    return sorted({ordered[len(ordered) * i // buckets] for i in range(1, buckets)})


def _rank(engine: Engine, storage: Storage, paths: Sequence[str], splitters: list[str], spec: DatasetSpec) -> None:
    """Number the documents: buckets hold ranges of keys, and are sorted each alone."""
    from pyspark.sql.connect import functions as F
    from pyspark.sql.connect.window import Window

    frame = engine.read(paths)
    columns = "doc_id string, part long, row long, order_key string, bucket long"
    frame = frame.mapInArrow(partial(_with_bucket, splitters), columns)
    window = Window.partitionBy("bucket").orderBy("order_key", "doc_id")
    rank = F.col("bucket") * _BUCKET_STEP + F.row_number().over(window)
    write_by_part(engine, frame.withColumn("rank", rank.cast("long")), storage, spec)


def _with_bucket(splitters: list[str], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        buckets = np.zeros(batch.num_rows, np.int64)
        if splitters:
            keys = np.array(
                batch.column("order_key").to_pylist(), "S"
            )  # numpy strips NULs at the end; all have one length
            buckets = np.searchsorted(np.array(splitters, keys.dtype), keys, side="right").astype(np.int64)
        yield batch.append_column("bucket", pa.array(buckets))
