# mypy: disallow-untyped-defs=False
"""Marking duplicate substrings in memory: the survivors' texts end to end in their order, then the suffix array.

Memory: 6 bytes a byte of text (10 beyond 2 GiB, see `suffix_array.memory_bytes`) and 60 a document, in the process that
runs the build, also on the Spark engine.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.cuts import spans_of_mask
from gristmill.filters.dedup.suffix_array import duplicate_mask
from gristmill.kernels.compile import kernel
from gristmill.pipelines.cut.order import ranked
from gristmill.pipelines.cut.survivor_texts import Survivors, survivor_texts, unit_buffers
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import part_key
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.cuts import Substrings
from gristmill.schemas.rows.cuts import MARK, MARK_DIGEST


def mark_in_memory(
    storage: Storage,
    survivors: Sequence[Survivors],
    order: DatasetManifest,
    order_spec: DatasetSpec,
    options: Substrings,
    folder: str,
) -> tuple[list[DatasetManifest], dict[str, Any]]:
    """Marks of every part, as one dataset below `folder`; no facts."""
    spec = DatasetSpec(f"{folder}/memory", MARK, MARK_DIGEST)
    stage = Stage(storage, spec, options.model_dump(), {})
    stage.start()
    parts, rows, data, offsets = _joined_in_order(survivors, order, order_spec, options)
    mask = duplicate_mask(data, offsets, options.window_bytes, options.policy, options.unit_bytes)
    spans = spans_of_mask(mask, offsets)
    in_parts = np.argsort(parts[spans.docs], kind="stable")
    numbers, firsts = np.unique(parts[spans.docs][in_parts], return_index=True)
    for number, mine in zip(numbers.tolist(), np.split(in_parts, firsts)[1:], strict=True):
        columns = [np.full(len(mine), number), rows[spans.docs[mine]], spans.starts[mine], spans.ends[mine]]
        with UnitWriter(storage, spec, part_key(number)) as unit:
            unit.write(pa.record_batch([pa.array(column) for column in columns], schema=MARK))
    return [stage.finish({})], {}


def _joined_in_order(
    survivors: Sequence[Survivors], order: DatasetManifest, order_spec: DatasetSpec, options: Substrings
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(part, row) of each survivor in the order of ranks, their texts end to end, and offsets of documents + 1."""
    chunks = []
    parts, rows, ranks = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for part in ranked(survivors, order, order_spec):
        rank_of = part.ranks()
        for chunk in survivor_texts(part.survivors):
            chunks.append(unit_buffers(chunk.texts, options))
            parts.append(np.full(len(chunk.rows), part.survivors.number))
            rows.append(chunk.rows)
            ranks.append(rank_of(chunk.rows))
    in_order = np.argsort(np.concatenate(ranks))
    position = np.empty(len(in_order), np.int64)
    position[in_order] = np.arange(len(in_order))
    sizes = np.concatenate([np.zeros(0, np.int64), *[np.diff(edges) for _, edges in chunks]])
    offsets = np.concatenate(([0], np.cumsum(sizes[in_order]))).astype(np.int64)
    data = np.empty(int(offsets[-1]), np.uint8)
    first = 0
    for bytes_of_chunk, edges in chunks:
        count = len(edges) - 1
        _place(bytes_of_chunk, edges, offsets[position[first : first + count]], data)
        first += count
    return np.concatenate(parts)[in_order], np.concatenate(rows)[in_order], data, offsets


@kernel
def _place(data, edges, targets, out):
    """Copy text i of `data` to targets[i] in `out`."""
    for i in range(len(targets)):
        size = edges[i + 1] - edges[i]
        out[targets[i] : targets[i] + size] = data[edges[i] : edges[i] + size]
