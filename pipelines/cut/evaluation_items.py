"""Cutting contaminated text: the matched spans of every item that contaminates a survivor, as edits.

In: `contamination/hits`, the survivors. Out: `<selection>cuts/contamination`, spans on the original text.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.cut.spans import count_line, write_cuts
from gristmill.pipelines.cut.survivor_texts import Survivors
from gristmill.pipelines.decontamination.stage import stored_hits
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import NumberedPart, parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.decontamination import ContaminationPolicy
from gristmill.schemas.rows.cuts import MARK

KIND = "contamination"


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
        found = [NumberedPart(number, part) for number, part in parts_by_number(hits).items() if part.rows]
        context.run_units(
            partial(mark_part, context.storage, marks.spec, policy), found, (marks.spec, lambda hits: hits.key)
        )
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


def mark_part(storage: Storage, spec: DatasetSpec, policy: ContaminationPolicy, part: NumberedPart) -> int:
    """MARK rows of one part of the hits: the spans of those that reach a threshold."""
    hits = read_part(storage, part.part, ["row", "overlap", "longest", "starts", "ends"])
    hits = hits.filter(is_contaminated(hits, policy)).combine_chunks()
    starts, ends = (hits.column(name).combine_chunks() for name in ("starts", "ends"))
    owner = pc.list_parent_indices(starts)
    with UnitWriter(storage, spec, part.key) as unit:
        unit.write(
            pa.record_batch(
                [
                    pa.array(np.full(len(owner), part.number, np.int64)),
                    hits.column("row").combine_chunks().take(owner),
                    pc.list_flatten(starts),
                    pc.list_flatten(ends),
                ],
                schema=MARK,
            )
        )
    return part.part.rows
