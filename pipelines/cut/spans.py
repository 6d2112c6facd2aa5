"""From marked bytes to cuts: whole characters, merged, with the limit on what a document may lose.

In: the marks of any method, the survivors' texts. Out: `<selection>cuts/<kind>`, a row for every document with something
to cut. Reads the text of those documents once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dedup.cuts import cut_edits, with_line_ends
from gristmill.filters.dedup.super_kmers import TextSpans
from gristmill.filters.dedup.token_units import text_spans
from gristmill.filters.transforms.apply import apply_edits
from gristmill.filters.transforms.edit_arrays import edit_columns
from gristmill.kernels.buffers import string_buffers
from gristmill.pipelines.cut.survivor_texts import REASONS, Survivors, SurvivorTexts, survivor_texts
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.text_versions import TextVersions
from gristmill.pipelines.run.by_part import part_key, parts_by_number, read_rows
from gristmill.pipelines.run.dataset import read_manifest, read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.units import UnitWriter, read_units, unfinished
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.cuts import LossLimit, Substrings
from gristmill.schemas.rows.cuts import CUT

COUNTS = ("cut_documents", "cut_bytes", "dropped_documents", "dropped_bytes", "whole_documents", "whole_bytes")


@dataclass(frozen=True)
class CutTask:
    """The survivors of one part and everything marked in them."""

    survivors: Survivors
    spec: DatasetSpec
    kind: str
    marks: Sequence[Part]
    limit: LossLimit


def survivors_of(
    storage: Storage,
    documents: DatasetManifest,
    decisions: DatasetManifest,
    versions: TextVersions,
    earlier: Mapping[str, DatasetManifest],
) -> list[Survivors]:
    """The survivors of every part. earlier: cuts made before, by kind."""
    numbered = {kind: parts_by_number(manifest) for kind, manifest in earlier.items()}
    return [
        Survivors(
            storage,
            number,
            part,
            decided,
            versions,
            {kind: parts[number] for kind, parts in numbered.items() if number in parts},
        )
        for number, (part, decided) in enumerate(zip(documents.parts, decisions.parts, strict=True))
    ]


def write_cuts(
    engine: Engine,
    survivors: Sequence[Survivors],
    spec: DatasetSpec,
    kind: str,
    marks: Sequence[DatasetManifest],
    limit: LossLimit,
) -> dict[str, int]:
    """Cuts of every part from its marks; returns how many documents and bytes were cut, dropped, kept whole."""
    numbered = [parts_by_number(manifest) for manifest in marks]
    tasks = []
    for one_part in survivors:
        mine = [parts[one_part.number] for parts in numbered if one_part.number in parts]
        if mine:
            tasks.append(CutTask(one_part, spec, kind, mine, limit))
    if not survivors:
        return dict.fromkeys(COUNTS, 0)
    storage = survivors[0].storage
    engine.run_tasks(write_part_cuts, unfinished(storage, tasks, (spec, lambda task: part_key(task.survivors.number))))
    units = read_units(storage, spec).values()
    return {name: sum(unit["facts"][name] for unit in units) for name in COUNTS}


def write_part_cuts(task: CutTask) -> int:
    """Cuts of one part. Memory: a chunk of text, and the part's marks at 40 bytes each."""
    storage, number = task.survivors.storage, task.survivors.number
    tables = [read_part(storage, part, ["row", "start", "end"]) for part in task.marks]
    marks = pa.concat_tables(tables).sort_by("row")
    rows, starts, ends = (column.to_numpy() for column in marks.columns)
    counts = dict.fromkeys(COUNTS, 0)
    with UnitWriter(storage, task.spec, part_key(number)) as unit:
        for chunk in survivor_texts(task.survivors, np.unique(rows)):
            mine = slice(np.searchsorted(rows, chunk.rows[0]), np.searchsorted(rows, chunk.rows[-1], "right"))
            spans = TextSpans(np.searchsorted(chunk.rows, rows[mine]), starts[mine], ends[mine])
            if isinstance(task.limit, Substrings) and task.limit.tokenizer is not None:
                spans = text_spans(chunk.texts, spans, task.limit.tokenizer)
            cut = _cut_rows(chunk, spans, number, task.kind, task.limit)
            _count(cut, counts)
            unit.write(cut)
        unit.facts = counts
    return task.survivors.documents.text_bytes


def _cut_rows(chunk: SurvivorTexts, spans: TextSpans, number: int, kind: str, limit: LossLimit) -> pa.RecordBatch:
    """CUT rows of a chunk's documents; those whose marks hold no whole character have none."""
    data, offsets = string_buffers(chunk.texts)
    if kind == "lines":
        spans = with_line_ends(spans, data, offsets)
    edits, loss = cut_edits(chunk.texts, spans, REASONS[kind])
    nothing_left = pc.equal(pc.utf8_trim_whitespace(apply_edits(chunk.texts, edits)), "").to_numpy(zero_copy_only=False)
    too_much = loss > limit.max_loss_fraction
    outcome = np.full(len(loss), "cut", object)
    outcome[nothing_left | (too_much & (limit.above_max_loss == "drop"))] = "dropped"
    outcome[too_much & (limit.above_max_loss == "keep")] = "kept"
    columns = edit_columns(edits)
    edges = pa.array(columns.rows)
    removed = np.concatenate(([0], np.cumsum(columns.ends - columns.starts)))[columns.rows]
    rows = len(loss)
    batch = pa.record_batch(
        [
            chunk.doc_ids.cast(pa.large_string()),
            pa.array(np.full(rows, number, np.int64)),
            pa.array(chunk.rows),
            pa.LargeListArray.from_arrays(edges, pa.array(columns.starts)),
            pa.LargeListArray.from_arrays(edges, pa.array(columns.ends)),
            pa.LargeListArray.from_arrays(edges, pa.array(np.diff(columns.replacement_offsets) > 0)),
            pa.array(np.diff(removed)),
            pa.array(np.diff(offsets)),
            pa.array(outcome, pa.large_string()),
        ],
        schema=CUT,
    )
    return batch.filter(pa.array(np.diff(columns.rows) > 0))


def _count(cut: pa.RecordBatch, counts: dict[str, int]) -> None:
    sizes = {"cut": cut.column("cut_bytes"), "dropped": cut.column("text_bytes"), "kept": cut.column("cut_bytes")}
    for outcome, name in (("cut", "cut"), ("dropped", "dropped"), ("kept", "whole")):
        chosen = pc.equal(cut.column("outcome"), outcome)
        counts[f"{name}_documents"] += pc.sum(chosen).as_py() or 0
        counts[f"{name}_bytes"] += pc.sum(sizes[outcome].filter(chosen)).as_py() or 0


def document_cut(run: Run, kind: str, number: int, row: int) -> dict[str, Any] | None:
    """The CUT row of the document at `row` of part `number`, None when nothing of it repeats or was measured."""
    manifest = read_manifest(run.storage, layout.CUTS[kind].of(run.folder).folder)
    rows = read_rows(run.storage, layout.CUTS[kind].of(run.folder), parts_by_number(manifest).get(number))
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows.column("row"), row)).to_pylist()
    return found[0] if found else None


def count_line(facts: Mapping[str, Any]) -> str:
    """One line for the log."""
    return (
        f"{facts['cut_bytes']:,} bytes cut from {facts['cut_documents']:,} documents, "
        f"{facts['dropped_documents']:,} documents dropped, {facts['whole_documents']:,} kept whole for their loss"
    )
