"""What a finished run stores of the texts: `keep_text: kept` or `none` removes texts after the corpus is written.

It costs: another policy can still be decided (signals stay), but its corpus can only be written while its texts are
there, and no new signal can be measured without reading the sources again.

`gristmill purge RUN --raw` goes further: what the sources said leaves the run, quarantined records included.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.map_parts import map_part
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.steps import steps_of
from gristmill.pipelines.write.pii import PiiHandling, scan_options
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part


@dataclass(frozen=True)
class RemoveTask:
    """One part of the documents; decisions: None removes every text. pii: given, nothing raw is left."""

    storage: Storage
    spec: DatasetSpec
    documents: Part
    decisions: Part | None
    pii: PiiHandling | None = None


def remove_texts(
    context: RunContext,
    keep: str,
    documents: DatasetManifest,
    decisions: DatasetManifest,
) -> None:
    """Rewrite documents/ without the texts that `keep` ("kept" or "none") does not want; ids and digests stay."""
    if documents.facts.get(layout.TEXTS) not in (keep, layout.NONE, layout.PURGED):
        _rewrite(context, layout.DOCUMENTS_KEPT, keep, documents, decisions, None)


def purge_raw(run: Run | str | Path, *, engine: Engine | None = None, console: Console | None = None) -> int:
    """Remove from a finished run every original text, metadata and message, and values in addresses.

    What was written under the recipe (corpus, edits, reports), ids, signals and decisions stay; nothing can be measured or
    materialised again. Returns the bytes of text removed. RunError before the corpus of the run is there.
    """
    chosen = run if isinstance(run, Run) else open_run(run)
    console = console or Console()
    documents = chosen.documents
    if documents.facts.get(layout.TEXTS) == layout.PURGED:
        console.log("documents: purged already")
        return 0
    for name in chosen.selections:
        one = Run(chosen.storage, name)
        written = read_manifest(chosen.storage, layout.CORPUS.of(one.folder).folder)
        if written is None or written.inputs.get("decisions") != one.decisions.digest:
            raise RunError(
                f"the corpus of selection {name} is not written, and cannot be without the original texts",
                where=chosen.storage.url,
                expected="every selection materialised",
                next_step=f"`gristmill materialise {chosen.storage.url}:{name}`, or remove {layout.SELECTIONS}/{name}",
            )
    with explained(chosen.storage.url), run_lock(chosen.storage), running(engine) as started:
        purge_documents(chosen, started, console)
    return documents.text_bytes


def purge_documents(run: Run, engine: Engine, console: Console) -> None:
    """Rewrite documents/ without anything raw, and remove what steps hold of it; the caller holds the lock."""
    from gristmill.filters.pii.edits import MASK
    from gristmill.filters.pii.kinds import PLACEHOLDERS

    for step in steps_of(run.recipe):
        for spec in step.datasets():
            if spec.holds_text:
                for name in run.selections:
                    run.storage.remove(spec.of(Run(run.storage, name).folder).folder)
                console.log(f"{spec.folder}: removed, it holds text of documents")
    pii = PiiHandling(dict.fromkeys(PLACEHOLDERS, MASK), scan_options(run.recipe))
    _rewrite(run.context(engine, console), layout.DOCUMENTS_PURGED, layout.PURGED, run.documents, run.decisions, pii)


def _rewrite(
    context: RunContext,
    spec: DatasetSpec,
    keep: str,
    documents: DatasetManifest,
    decisions: DatasetManifest,
    pii: PiiHandling | None,
) -> None:
    """documents/ anew in the folder of `spec`; its parts keep the digests of what was read from the sources."""
    stage = context.stage(
        spec,
        {"keep": keep},
        {"documents": layout_fingerprint(documents), "decisions": decisions.digest},
    )
    stage.start()
    tasks = [
        RemoveTask(context.storage, spec, part, decided if keep == layout.KEPT else None, pii)
        for part, decided in zip(documents.parts, decisions.parts, strict=True)
    ]
    context.run_units(
        remove_part,
        tasks,
        (spec, lambda task: task.documents.key),
        label="remove texts",
        amount=lambda task: task.documents.text_bytes,
        of="bytes",
    )
    remaining = stage.finish({}).parts
    parts = [
        part.model_copy(update={"digest": read.digest})
        for part, read in zip(remaining, sorted(documents.parts, key=lambda part: part.key), strict=True)
    ]
    replaced = documents.model_copy(update={"parts": parts, "facts": {**documents.facts, layout.TEXTS: keep}})
    context.storage.write_json(f"{layout.DOCUMENTS.folder}/{layout.MANIFEST}", replaced.model_dump())
    context.storage.remove_files([part.path for part in documents.parts])
    context.console.log(f"documents: texts stored: {keep}")


def remove_part(task: RemoveTask) -> int:
    """Write one part anew."""
    kept = read_part(task.storage, task.decisions, ["kept"]).column(0).combine_chunks() if task.decisions else None

    def without(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        nothing = pa.nulls(batch.num_rows, pa.large_string())
        texts = nothing if kept is None else pc.if_else(kept.slice(row, batch.num_rows), batch.column("text"), nothing)
        batch = _with_column(batch, "text", texts)
        gone = texts.is_null()
        for name in ("pieces", "fields"):
            column = batch.column(name)
            batch = _with_column(batch, name, pc.if_else(gone, pa.scalar(None, column.type), column))
        if task.pii is not None:
            batch = _with_column(batch, "metadata", nothing)
            batch = _with_column(batch, "detail", nothing)
            batch = _with_column(batch, "url", task.pii.edited(batch.column("url")))
        return batch

    map_part(task.storage, task.spec, task.documents, without)
    return task.documents.text_bytes


def _with_column(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, batch.schema.field(at), values.cast(batch.schema.field(at).type))
