"""Measuring: every signal family that a recipe needs, each a dataset aligned with documents/, in one pass over the text.

In: the parts of documents/. Out: `signals/<family>` or `signals/<family>@<text version>`, a row for every document
by `doc_id` (nulls for quarantined ones), plus `<family>_error`: why a record could not be measured, null for the others.
"""

import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.registry import adopt, family, find_signal
from gristmill.filters.transforms.registry import text_version_key
from gristmill.filters.transforms.versions import columns_of, version_texts
from gristmill.pipelines.engine.ahead import map_ahead
from gristmill.pipelines.engine.pool import ERROR_COLUMN, shared_pool
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.engine.warm import kernels_of
from gristmill.pipelines.policy.compile import CompiledRecipe
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import iterate_part, read_part
from gristmill.pipelines.run.model_files import with_file_hashes
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import UnitWriter, finished_keys
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec, Life
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.document import DOCUMENT
from gristmill.schemas.rows.registry import DOCUMENT as DOCUMENT_ROWS
from gristmill.schemas.rows.registry import row_kind
from gristmill.schemas.signals import Family, FamilyKey, error_column

FILES_AT_ONCE = 8  # of families begun or finished: a disk or a store confirms them side by side


def signals_spec(name: str, version: str) -> DatasetSpec:
    """The dataset of one family measured on one text version."""
    folder = f"{layout.SIGNALS}/{name}" if version == ORIGINAL else f"{layout.SIGNALS}/{name}@{version}"
    schema = pa.schema(
        [DOCUMENT.field("doc_id"), *family(name).schema, pa.field(error_column(name), pa.large_string())]
    )
    return DatasetSpec(folder, schema, tuple(schema.names), counted=error_column(name), life=Life.ALIGNED)


def write_signals(
    storage: Storage,
    spec: DatasetSpec,
    key: str,
    ids: pa.Array,
    columns: Sequence[pa.Array],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the unit of one part from whole columns of signals, of which none failed."""
    with UnitWriter(storage, spec, key) as unit:
        nothing_failed = pa.nulls(len(ids), pa.large_string())
        unit.write(pa.RecordBatch.from_arrays([ids, *columns, nothing_failed], schema=spec.schema))
        unit.facts.update(facts or {})


@dataclass(frozen=True)
class MeasureTask:
    """One part of the documents and the families still to be measured on it. adopted: references of outside families."""

    storage: Storage
    part: Part
    families: tuple[tuple[str, str, Mapping[str, Any]], ...]
    adopted: tuple[str, ...] = ()
    kind: str = DOCUMENT_ROWS


def measure(
    context: RunContext,
    families: Mapping[FamilyKey, Mapping[str, Any]],
) -> dict[FamilyKey, DatasetManifest]:
    """Bring every family's dataset up to date; those that are stay as they are."""
    stages: dict[FamilyKey, Stage] = {}
    for name, version in providers_first(families):
        read = {f"signals/{provider}": stages[provider, ORIGINAL].key for provider in _providers(name)}
        stages[name, version] = context.stage(
            signals_spec(name, version),
            config={
                "family": name,
                "version": family(name).version,
                "options": with_file_hashes(families[name, version]),
                "text": text_version_key(version),
            },
            inputs={"documents": layout_fingerprint(context.documents), **read},
            versions={"unicode": unicodedata.unidata_version, **family(name).library_versions()},
        )
    missing = {key: stage for key, stage in stages.items() if stage.manifest is None}
    if missing:
        context.need_texts(f"{', '.join(stage.spec.folder for stage in missing.values())} must be measured")
    list(map_ahead(Stage.start, missing.values(), FILES_AT_ONCE))
    if missing:
        started = time.monotonic()
        adopted = tuple(name for name in context.recipe.signals if ":" in name)
        tasks = _tasks(context.storage, context.documents, missing, families, adopted, context.recipe.rows)
        with context.console.progress("measure", sum(task.part.text_bytes for task in tasks), "bytes") as advance:
            context.engine.run_tasks(measure_part, tasks, advance)
        list(map_ahead(lambda stage: stage.finish({}), missing.values(), FILES_AT_ONCE))
        seconds = time.monotonic() - started
        rate = context.documents.text_bytes / 1e6 / max(seconds, 1e-3)
        context.console.log(
            f"signals: {len(missing)} families of {context.documents.rows:,} documents in {seconds:.1f} s, {rate:.1f} MB/s"
        )
    else:
        context.console.log(f"signals: {len(stages)} families up to date")
    return {key: stage.manifest for key, stage in stages.items() if stage.manifest is not None}


class MeasureSignals(Step):
    """Every signal family that the policy needs or the recipe names."""

    name = "signals"
    phase = "measure"

    def kernels(self, context: RunContext) -> Sequence[str]:
        compiled = context.left(CompiledRecipe)
        return kernels_of(list(compiled.families), compiled.policy.texts.all)

    def update(self, context: RunContext) -> None:
        context.signals.update(measure(context, context.left(CompiledRecipe).families))


def _tasks(
    storage: Storage,
    documents: DatasetManifest,
    missing: Mapping[FamilyKey, Stage],
    families: Mapping[FamilyKey, Mapping[str, Any]],
    adopted: tuple[str, ...],
    kind: str,
) -> list[MeasureTask]:
    """A task for every part, with the families that have no unit of it yet."""
    finished = {key: finished_keys(storage, stage.spec) for key, stage in missing.items()}
    chosen = {(name, version): (name, version, dict(families[name, version])) for name, version in missing}
    tasks = []
    for part in documents.parts:
        todo = tuple(family for key, family in chosen.items() if part.key not in finished[key])
        if todo:
            tasks.append(MeasureTask(storage, part, todo, adopted, kind))
    return tasks


def _provider(name: str) -> str:
    """The family that measures the signal `name`."""
    found = find_signal(name)
    assert found is not None, f"no family measures {name}"
    return found[0].name


def _providers(name: str) -> list[str]:
    """The families whose signals the family `name` reads."""
    return sorted({_provider(read) for read in family(name).inputs})


def providers_first(families: Iterable[FamilyKey]) -> list[FamilyKey]:
    """The families in their order, but each behind those whose signals it reads."""
    ordered: list[FamilyKey] = []

    def place(key: FamilyKey) -> None:
        for provider in _providers(key[0]):
            place((provider, ORIGINAL))
        if key not in ordered:
            ordered.append(key)

    for key in families:
        place(key)
    return ordered


def measure_part(task: MeasureTask) -> int:
    """Measure the task's families on one part. Returns the bytes of text."""
    for reference in task.adopted:
        adopt(reference)
    todo = [(signals_spec(name, version), family(name), version, options) for name, version, options in task.families]
    versions = dict.fromkeys(version for _, _, version, _ in todo)
    read = [(*chosen.reads, *columns_of(version)) for _, chosen, version, _ in todo]
    columns = sorted({"doc_id", "text"}.union(*read))
    kind = row_kind(task.kind)
    stored = _stored_inputs(task, {(chosen.name, version) for _, chosen, version, _ in todo})
    first = 0
    with ExitStack() as stack:
        units = [stack.enter_context(UnitWriter(task.storage, spec, task.part.key)) for spec, *_ in todo]
        for batch in iterate_part(task.storage, task.part, columns):
            texts = {version: version_texts(batch, version, kind) for version in versions}
            inputs = {name: column.slice(first, batch.num_rows) for name, column in stored.items()}
            for unit, (_, chosen, version, options) in zip(units, todo, strict=True):
                versioned = batch.set_column(columns.index("text"), "text", texts[version]).select(chosen.reads)
                for name in chosen.inputs:
                    versioned = versioned.append_column(name, inputs[name])
                measured = measure_batch(chosen, versioned, options)
                measured = _null_where(measured, texts[version].is_null())
                if version == ORIGINAL:
                    inputs |= zip(measured.schema.names, measured.columns, strict=True)
                unit.write(measured.add_column(0, "doc_id", batch.column("doc_id")))
            first += batch.num_rows
    return task.part.text_bytes


def _stored_inputs(task: MeasureTask, todo: set[FamilyKey]) -> dict[str, pa.Array]:
    """Signals that the families to do read and that are measured already, whole columns of the part."""
    found: dict[str, pa.Array] = {}
    for name in sorted({read for owner, _ in todo for read in family(owner).inputs}):
        provider = _provider(name)
        if (provider, ORIGINAL) not in todo:
            unit = task.storage.read_json(signals_spec(provider, ORIGINAL).unit_path(task.part.key))
            part = Part.model_validate(unit["parts"][0])
            found[name] = read_part(task.storage, part, [name]).column(0).combine_chunks()
    return found


def measure_batch(chosen: Family, batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The family's signals and its error column; a record that cannot be measured has nulls and the reason."""
    if chosen.isolated:
        batch = chosen.prepared(batch, options)
        step = chosen.batch_rows or max(batch.num_rows, 1)
        pieces = [batch.slice(start, step) for start in range(0, batch.num_rows, step)] or [batch]
        answers = [shared_pool().run(chosen.measure, options, piece, chosen.schema) for piece in pieces]
        names = [*chosen.schema.names, error_column(chosen.name)]
        return pa.concat_batches(answers).rename_columns(names)
    assert ERROR_COLUMN not in chosen.schema.names
    full = chosen.schema.append(pa.field(error_column(chosen.name), pa.large_string()))
    return pa.concat_batches(_bisect(chosen, batch, options, full))


def _bisect(chosen: Family, batch: pa.RecordBatch, options: Mapping[str, Any], full: pa.Schema) -> list[pa.RecordBatch]:
    try:
        answer = chosen.function(batch, options)
    except Exception as error:  # the record is found, named in the error column and the run goes on
        if batch.num_rows == 0:
            return [pa.RecordBatch.from_pylist([], full)]
        if batch.num_rows == 1:
            row = dict.fromkeys(full.names) | {full.names[-1]: f"{type(error).__name__}: {error}"[:500]}
            return [pa.RecordBatch.from_pylist([row], full)]
        half = batch.num_rows // 2
        return _bisect(chosen, batch.slice(0, half), options, full) + _bisect(chosen, batch.slice(half), options, full)
    columns = [column.cast(field.type) for column, field in zip(answer.columns, list(full)[:-1], strict=True)]
    return [pa.RecordBatch.from_arrays([*columns, pa.nulls(batch.num_rows, pa.large_string())], schema=full)]


def _null_where(batch: pa.RecordBatch, mask: pa.Array) -> pa.RecordBatch:
    if not pc.any(mask).as_py():
        return batch
    columns = [pc.if_else(mask, pa.scalar(None, column.type), column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
