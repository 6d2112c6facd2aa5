"""From matches to hits: which item hit which document where, how much of the item it holds, and the documents' signals.

In: matches, counts, the index. Out: `contamination/hits`, `contamination/report` (every item with what hit it), and one
dataset of signals for each set, aligned with documents/. No text is read.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.filters.decontamination.family import family_name
from gristmill.filters.decontamination.index import Index
from gristmill.filters.decontamination.overlap import Weights, held_by, weigh
from gristmill.filters.dedup.cuts import merged
from gristmill.filters.dedup.super_kmers import TextSpans
from gristmill.pipelines.decontamination.items import load_index
from gristmill.pipelines.decontamination.matches import content_counts
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import signals_spec, write_signals
from gristmill.pipelines.run.by_part import part_key, parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_each, read_manifest, read_part
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.decontamination import Decontaminate
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.decontamination import EVAL_ITEM, HIT, ITEM_REPORT, MATCH
from gristmill.schemas.signals import FamilyKey


@dataclass(frozen=True)
class HitTask:
    """One part of the documents and its matches."""

    storage: Storage
    items: DatasetManifest
    counts: DatasetManifest
    options: Decontaminate
    number: int
    documents: Part
    matches: Part


def weigh_matches(
    context: RunContext,
    options: Decontaminate,
    items: DatasetManifest,
    matches: DatasetManifest,
    counts: DatasetManifest,
) -> dict[FamilyKey, DatasetManifest]:
    """Bring hits and the signals of every set up to date; returns the signals."""
    inputs = {
        "documents": layout_fingerprint(context.documents),
        "items": items.stage_key,
        "matches": layout_fingerprint(matches),
        "counts": counts.digest,
    }
    hits = context.stage(layout.HITS, {}, inputs)
    signals: dict[FamilyKey, Stage] = {
        (family_name(one.name), ORIGINAL): context.stage(signals_spec(family_name(one.name), ORIGINAL), {}, inputs)
        for one in options.sets
    }
    missing = [stage for stage in signals.values() if stage.manifest is None]

    def work() -> dict[str, Any]:
        for stage in missing:
            stage.start()
        numbered = parts_by_number(matches)
        tasks = [
            HitTask(context.storage, items, counts, options, number, part, numbered[number])
            for number, part in enumerate(context.documents.parts)
        ]
        written = [(stage.spec, _documents_key) for stage in signals.values()]
        context.run_units(write_hits, tasks, *written, (layout.HITS, lambda task: part_key(task.number)))
        for stage in missing:
            stage.finish({})
        return {}

    if missing:
        hits.manifest = None
    found = hits.run(work, context.console.log)
    _report(context.storage, items, found, context.console)
    return {key: stage.manifest for key, stage in signals.items() if stage.manifest is not None}


def _documents_key(task: HitTask) -> str:
    return task.documents.key


def write_hits(task: HitTask) -> int:
    """Hits and signals of one part."""
    index = load_index(task.storage, task.items)
    weights = _weights(task.storage.url, task.items.stage_key, task.counts.stage_key, task.options)
    names, items = item_names(task.storage, task.items)
    hits = _hits(read_part(task.storage, task.matches, MATCH.names), index, weights, names, items)
    for one in task.options.sets:
        _write_signals(task, one.name, hits)
    with UnitWriter(task.storage, layout.HITS, part_key(task.number)) as unit:
        unit.write(hits)
    return task.documents.rows


@lru_cache(maxsize=2)
def _weights(url: str, items_key: str, counts_key: str, options: Decontaminate) -> Weights:
    """The weights of every n-gram, made once by a process; the keys tell finished stages from later ones."""
    storage = Storage(url)
    items, counts = (
        read_manifest(storage, layout.EVALUATION_ITEMS.folder),
        read_manifest(storage, layout.GRAM_COUNTS.folder),
    )
    assert items is not None
    assert counts is not None
    assert (items.stage_key, counts.stage_key) == (items_key, counts_key)
    index = load_index(storage, items)
    return weigh(index, options.ngrams, content_counts(storage, counts, len(index.hashes)), items.rows)


def item_names(storage: Storage, items: DatasetManifest) -> tuple[pa.Array, pa.Array]:
    """(set, name) of every item."""
    table = pa.concat_tables([read_part(storage, part, ["set", "item"]) for part in items.parts]).combine_chunks()
    return table.column("set").combine_chunks(), table.column("item").combine_chunks()


def _hits(matches: pa.Table, index: Index, weights: Weights, sets: pa.Array, names: pa.Array) -> pa.RecordBatch:
    """HIT rows of a part's matches, by row, then item."""
    rows, passages, places, words, starts, ends = (
        matches.column(name).to_numpy() for name in ("row", "passage", "at", "words", "start", "end")
    )
    item = index.passage_item[passages]
    order = np.lexsort((places, passages, item, rows))
    rows, passages, places, words, item = (a[order] for a in (rows, passages, places, words, item))
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]) | (item[1:] != item[:-1])
    groups = np.append(np.flatnonzero(new), len(rows))
    held = held_by(groups, passages, places, words, index, weights)
    firsts = groups[:-1]
    chosen, lengths = item[firsts], weights.lengths
    totals, counts = weights.totals[:, chosen].T, weights.counts[:, chosen].T
    share = held.weight / np.maximum(totals, 1)
    spans = merged(TextSpans(np.cumsum(new) - 1, starts[order], ends[order]))
    edges = np.searchsorted(spans.docs, np.arange(len(firsts) + 1)).astype(np.int64)
    per_hit = pa.array(np.arange(len(firsts) + 1, dtype=np.int64) * len(lengths))
    lists = [np.tile(lengths, len(firsts)), *(np.ascontiguousarray(a).ravel() for a in (held.matched, counts, share))]
    first_match = pa.array(order[firsts])
    return pa.record_batch(
        [
            matches.column("doc_id").combine_chunks().take(first_match),
            matches.column("part").combine_chunks().take(first_match),
            pa.array(rows[firsts]),
            sets.take(pa.array(chosen)),
            names.take(pa.array(chosen)),
            pa.array(chosen),
            pa.array(share.max(axis=1, initial=0.0)),
            pa.array(held.longest),
            *(pa.LargeListArray.from_arrays(per_hit, pa.array(column)) for column in lists),
            *(pa.LargeListArray.from_arrays(pa.array(edges), pa.array(column)) for column in spans[1:]),
        ],
        schema=HIT,
    )


def _write_signals(task: HitTask, evaluation_set: str, hits: pa.RecordBatch) -> None:
    """The set's signals of every document of the part."""
    spec = signals_spec(family_name(evaluation_set), ORIGINAL)
    ids = read_part(task.storage, task.documents, ["doc_id"]).column("doc_id").combine_chunks()
    mine = hits.filter(pc.equal(hits.column("set"), evaluation_set))
    places = mine.column("row").to_numpy()
    overlap, match = np.zeros(len(ids)), np.zeros(len(ids), np.int64)
    np.maximum.at(overlap, places, mine.column("overlap").to_numpy())
    np.maximum.at(match, places, mine.column("longest").to_numpy())
    none = match == 0
    columns = [pa.array(overlap, mask=none), pa.array(match, mask=none)]
    write_signals(task.storage, spec, task.documents.key, ids, columns)


def _report(storage: Storage, items: DatasetManifest, hits: DatasetManifest, console: Console) -> DatasetManifest:
    """The reverse report: every item with the documents that share words with it."""
    stage = Stage(storage, layout.ITEM_REPORTS, {}, {"items": items.stage_key, "hits": layout_fingerprint(hits)})

    def work() -> dict[str, Any]:
        table = pa.concat_tables([read_part(storage, part, EVAL_ITEM.names) for part in items.parts]).combine_chunks()
        with UnitWriter(storage, layout.ITEM_REPORTS, "report") as unit:
            unit.write(_with_hits(storage, table, hits))
        return {}

    return stage.run(work, console.log)


def _with_hits(storage: Storage, items: pa.Table, hits: DatasetManifest) -> pa.Table:
    """Memory: a few numbers for each item, one part's hits at a time."""
    rows = items.num_rows
    documents, longest = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    overlap = np.zeros(rows)
    example: list[str | None] = [None] * rows
    found: dict[int, tuple[float, int, str]] = {}
    for table in read_each(storage, hits.parts, ["number", "overlap", "longest", "doc_id"]):
        numbers = table.column("number").to_numpy()
        documents += np.bincount(numbers, minlength=rows)
        np.maximum.at(overlap, numbers, table.column("overlap").to_numpy())
        np.maximum.at(longest, numbers, table.column("longest").to_numpy())
        order = [("number", "ascending"), ("overlap", "descending"), ("longest", "descending"), ("doc_id", "ascending")]
        ordered = table.sort_by(order)
        firsts = np.unique(ordered.column("number").to_numpy(), return_index=True)[1]
        for row in ordered.take(pa.array(firsts)).to_pylist():
            candidate = (-row["overlap"], -row["longest"], row["doc_id"])
            found[row["number"]] = min(found.get(row["number"], candidate), candidate)
    for number, (_, _, doc_id) in found.items():
        example[number] = doc_id
    columns = [pa.array(documents), pa.array(overlap), pa.array(longest), pa.array(example, pa.large_string())]
    return pa.table([*items.columns, *columns], schema=ITEM_REPORT)
