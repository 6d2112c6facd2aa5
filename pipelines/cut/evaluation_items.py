"""Cutting contaminated text: the matched spans of every item that contaminates a survivor, as edits.

In: `contamination/hits`, the survivors. Out: `<selection>cuts/contamination`, spans on the original text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.cut.spans import count_line, write_cuts
from gristmill.pipelines.cut.survivor_texts import Survivors
from gristmill.pipelines.decontamination.stage import stored_hits
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import part_key, parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, read_part
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.units import commit_unit
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.decontamination import ContaminationPolicy
from gristmill.schemas.rows.cuts import MARK

KIND = "contamination"


@dataclass(frozen=True)
class MarkTask:
    """The hits of one part."""

    storage: Storage
    spec: DatasetSpec
    number: int
    hits: Part
    policy: ContaminationPolicy


def cut_contamination(
    context: RunContext,
    survivors: Sequence[Survivors],
    policy: ContaminationPolicy,
    inputs: Mapping[str, str],
) -> DatasetManifest:
    """Bring `<folder>cuts/contamination` up to date."""
    hits = stored_hits(context.storage)
    config = policy.model_dump(include=set(ContaminationPolicy.model_fields))
    known = {**inputs, "hits": layout_fingerprint(hits)}
    cuts = context.stage(layout.CUTS[KIND].of(context.selection), config, known)
    marks = context.stage(layout.EVALUATION_MARKS.of(context.selection), config, known)

    def mark() -> dict[str, Any]:
        tasks = [
            MarkTask(context.storage, marks.spec, number, part, policy)
            for number, part in parts_by_number(hits).items()
            if part.rows
        ]
        context.run_units(mark_part, tasks, (marks.spec, lambda task: part_key(task.number)))
        return {}

    def work() -> dict[str, Any]:
        facts: dict[str, Any] = dict(
            write_cuts(context.engine, survivors, cuts.spec, KIND, [marks.run(mark, context.console.log)], policy)
        )
        context.storage.remove(marks.spec.folder)
        return facts

    manifest = cuts.run(work, context.console.log)
    context.console.log(f"contaminated text: {count_line(manifest.facts)}")
    return manifest


def is_contaminated(hits: pa.Table, policy: ContaminationPolicy) -> pa.ChunkedArray:
    """Which hits reach a threshold. Columns `overlap`, `longest`."""
    chosen = pc.greater_equal(hits.column("overlap"), policy.min_overlap)
    if policy.min_match is not None:
        chosen = pc.or_(chosen, pc.greater_equal(hits.column("longest"), policy.min_match))
    return chosen


def mark_part(task: MarkTask) -> int:
    """MARK rows of one part: the spans of the hits that reach a threshold."""
    hits = read_part(task.storage, task.hits, ["row", "overlap", "longest", "starts", "ends"])
    hits = hits.filter(is_contaminated(hits, task.policy)).combine_chunks()
    starts, ends = (hits.column(name).combine_chunks() for name in ("starts", "ends"))
    owner = pc.list_parent_indices(starts)
    writer = PartWriter(task.storage, task.spec, part_key(task.number), single=True)
    writer.write(
        pa.record_batch(
            [
                pa.array(np.full(len(owner), task.number, np.int64)),
                hits.column("row").combine_chunks().take(owner),
                pc.list_flatten(starts),
                pc.list_flatten(ends),
            ],
            schema=MARK,
        )
    )
    commit_unit(task.storage, task.spec, part_key(task.number), writer, {})
    return task.hits.rows
