"""Running a recipe's datatrove steps over the documents, in worker processes.

In: documents/. Out: `signals/datatrove_<name>` for each step, and `datatrove/edits` with what the chain changes, all aligned
with documents/. One pass over the text.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version as distribution_version

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.datatrove.steps import check_steps, result_schema
from gristmill.filters.transforms.edit_arrays import no_edits
from gristmill.pipelines.engine.pool import ERROR_COLUMN, WorkerLimits, shared_pool
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import signals_spec
from gristmill.pipelines.run.by_part import NumberedPart
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, iterate_part, split_by_bytes
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.datatrove_steps import DatatroveStep
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.datatrove_edits import DATATROVE_EDITS
from gristmill.schemas.signals import FamilyKey

PIECE_BYTES = 1 << 20
LIMITS = WorkerLimits(seconds=300.0, seconds_per_mib=600.0)  # the steps are slow, and a busy machine makes them slower
_READ = ["doc_id", "text", "url", "timestamp", "metadata"]


def run_steps_of(context: RunContext, steps: Sequence[DatatroveStep]) -> dict[FamilyKey, DatasetManifest]:
    """Bring the signals and edits of all steps up to date; returns the signals."""
    config = {"steps": [step.model_dump(mode="json") for step in steps]}
    inputs = {"documents": layout_fingerprint(context.documents)}
    versions = {"datatrove": distribution_version("datatrove")}
    stages = {
        (f"datatrove_{step.name}", ORIGINAL): context.stage(
            signals_spec(f"datatrove_{step.name}", ORIGINAL), config, inputs, versions
        )
        for step in steps
    }
    edits = context.stage(layout.STEP_EDITS, config, inputs, versions)
    missing = [stage for stage in (*stages.values(), edits) if stage.manifest is None]
    for warning in check_steps(steps):
        context.console.log(f"warning: {warning}")
    if not missing:
        context.console.log(f"datatrove: {len(steps)} steps up to date")
    else:
        context.need_texts("datatrove's steps must be run")
        started = time.monotonic()
        for stage in missing:
            stage.start()
        context.run_units(
            partial(run_part, context.storage, tuple(steps)),
            context.numbered_documents(),
            *((stage.spec, _documents_key) for stage in stages.values()),
            (layout.STEP_EDITS, lambda documents: documents.key),
            label="datatrove steps",
            amount=lambda documents: documents.part.text_bytes,
            of="bytes",
        )
        for stage in missing:
            stage.finish({})
        seconds = time.monotonic() - started
        rate = context.documents.text_bytes / 1e6 / max(seconds, 1e-3)
        context.console.log(
            f"datatrove: {len(steps)} steps over {context.documents.rows:,} documents in {seconds:.1f} s, {rate:.1f} MB/s"
        )
    return {key: stage.manifest for key, stage in stages.items() if stage.manifest is not None}


class RunDatatroveSteps(Step):
    """Filters and formatters of datatrove that the recipe names."""

    name = "datatrove_steps"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        check_steps(recipe.datatrove_steps)

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.STEP_EDITS,)

    def update(self, context: RunContext) -> None:
        context.signals.update(run_steps_of(context, context.recipe.datatrove_steps))


def _documents_key(documents: NumberedPart) -> str:
    return documents.part.key


def run_part(storage: Storage, steps: Sequence[DatatroveStep], documents: NumberedPart) -> int:
    """All steps over one part; units that are there already stay."""
    todo = [(signals_spec(f"datatrove_{step.name}", ORIGINAL), documents.part.key) for step in steps]
    todo.append((layout.STEP_EDITS, documents.key))
    config = {"steps": [step.model_dump_json() for step in steps]}
    schema = result_schema([step.name for step in steps])
    with ExitStack() as stack:
        units = [stack.enter_context(UnitWriter(storage, spec, key)) for spec, key in todo]
        for batch in iterate_part(storage, documents.part, _READ):
            for piece in split_by_bytes(batch.select(_READ), PIECE_BYTES):
                answer = shared_pool().run("gristmill.filters.datatrove.steps:run_steps", config, piece, schema, LIMITS)
                _write(units, steps, piece, answer)
    return documents.part.text_bytes


def _write(
    writers: Sequence[PartWriter], steps: Sequence[DatatroveStep], batch: pa.RecordBatch, answer: pa.RecordBatch
) -> None:
    """The answers for a batch; documents without text have neither reason nor edits."""
    ids, no_text = batch.column("doc_id"), batch.column("text").is_null()
    none = pa.scalar(None, pa.large_string())
    for writer, step in zip(writers, steps, strict=False):
        reason = pc.if_else(no_text, none, answer.column(step.name))
        error = pc.coalesce(answer.column(f"{step.name} error"), answer.column(ERROR_COLUMN))
        columns = [ids, reason, pc.if_else(no_text, none, error)]
        writer.write(pa.RecordBatch.from_arrays(columns, schema=writer.spec.schema))
    edits = answer.column("edits")
    if edits.null_count:  # of documents whose worker failed
        empty = no_edits(len(edits))
        edits = pc.if_else(edits.is_valid(), edits, empty)
    writers[-1].write(pa.RecordBatch.from_arrays([ids, edits], schema=DATATROVE_EDITS))
