"""The step of near duplicates: their edges are measured, and after forgetting what is stored of texts is kept."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc
from gristmill.pipelines.dedup.near.buckets import find_buckets
from gristmill.pipelines.dedup.near.edges import near_edges
from gristmill.pipelines.dedup.near.member_shingles import shingle_inputs
from gristmill.pipelines.dedup.near.options import bands_of, compared_version
from gristmill.pipelines.dedup.near.published import open_published
from gristmill.pipelines.dedup.near.warm import KERNELS
from gristmill.pipelines.policy.compile import CompiledRecipe
from gristmill.pipelines.run.by_part import parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.rewrite import RewriteTask, beside, only_rows, publish
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import read_units
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.registry import row_kind


class FindNearDuplicates(Step):
    """Signatures, buckets and shingles of the documents above the floor."""

    name = "dedup.near"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        if recipe.dedup.near is not None:
            bands_of(recipe.dedup.near)
            compared_version(recipe.dedup.near, row_kind(recipe.rows))
            open_published(recipe.dedup, 0)

    def kernels(self, context: RunContext) -> Sequence[str]:
        return KERNELS

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.SIGNATURES, layout.BANDS, layout.BUCKETS, layout.MEMBER_SHINGLES)

    def update(self, context: RunContext) -> None:
        context.leave(near_edges(context, context.recipe.dedup, context.left(CompiledRecipe).floor))

    def adopt(self, context: RunContext) -> None:
        """Keep the shingles stored of documents that are still compared, so that no text is read for them."""
        dedup, documents = context.recipe.dedup, context.documents
        stored, signatures = context.stored(layout.MEMBER_SHINGLES), context.stored(layout.SIGNATURES)
        if dedup.near is None or stored is None or signatures is None or layout.SCRUBBED_FROM not in signatures.facts:
            return
        published = open_published(dedup, len(documents.parts))
        buckets = find_buckets(context, dedup, signatures, published)
        inputs = shingle_inputs(documents, signatures, buckets, published)
        if (
            stored.inputs["documents"] != documents.facts[layout.HONOURED]["layout_before"]
            or stored.inputs["signatures"] != signatures.facts[layout.SCRUBBED_FROM]["layout"]
            or any(stored.inputs.get(name) != value for name, value in inputs.items() if name.startswith("against/"))
        ):
            return
        wanted = parts_by_number(signatures if dedup.near.index_store == "shingles" else buckets)
        wanted |= {number: part for number, part in parts_by_number(buckets).items() if number >= len(documents.parts)}
        _keep_shingles(context, stored, wanted, inputs)


def _keep_shingles(
    context: RunContext, stored: DatasetManifest, wanted: Mapping[int, Part], inputs: Mapping[str, str]
) -> None:
    """Of the shingles stored, keep those of the rows that the wanted parts (of buckets or signatures) list."""
    spec = layout.MEMBER_SHINGLES
    scrubbed = beside(spec, inputs["documents"])
    tasks = []
    for number, part in parts_by_number(stored).items():
        rows = read_part(context.storage, wanted[number], ["row"]).column("row").to_numpy() if number in wanted else ()
        tasks.append(RewriteTask(context.storage, scrubbed, part, np.unique(np.array(rows, np.int64))))
    context.run_units(only_rows, tasks, (scrubbed, lambda task: task.part.key))
    units = read_units(context.storage, scrubbed, [task.part.key for task in tasks])
    parts = [Part.model_validate(part) for unit in units.values() for part in unit["parts"]]
    hashes = sum(
        pc.sum(pc.list_value_length(read_part(context.storage, part, ["shingles"]).column(0))).as_py() or 0
        for part in parts
    )
    changes = {"inputs": dict(inputs), "facts": {**stored.facts, "shingles": hashes}}
    publish(context.storage, spec, stored, units, changes)
