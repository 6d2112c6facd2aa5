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
from gristmill.filters.privacy.edits import MASK
from gristmill.filters.privacy.kinds import PLACEHOLDERS
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.ingest import DOCUMENTS
from gristmill.pipelines.privacy import Privacy, scan_options
from gristmill.pipelines.run.dataset import MANIFEST, DatasetSpec, PartWriter, iterate_part, read_manifest, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.pipelines.run.units import commit_unit, unfinished
from gristmill.schemas.document import DOCUMENT
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import DatasetManifest, Part

REMAINING = DatasetSpec("documents/remaining", DOCUMENT, DOCUMENTS.digest_columns, counted=DOCUMENTS.counted)
TEXTS = "texts"  # fact in the manifest of documents/: which texts are still there; absent: all
PURGED = "purged"  # the value of that fact when metadata, messages and values in addresses are gone, too
PURGED_DOCUMENTS = DatasetSpec("documents/purged", DOCUMENT, DOCUMENTS.digest_columns, counted=DOCUMENTS.counted)


@dataclass(frozen=True)
class RemoveTask:
    """One part of the documents; decisions: None removes every text. privacy: given, nothing raw is left."""

    storage: Storage
    spec: DatasetSpec
    documents: Part
    decisions: Part | None
    privacy: Privacy | None = None


def remove_texts(
    storage: Storage,
    engine: Engine,
    keep: str,
    documents: DatasetManifest,
    decisions: DatasetManifest,
    console: Console,
) -> None:
    """Rewrite documents/ without the texts that `keep` ("kept" or "none") does not want; ids and digests stay."""
    if documents.facts.get(TEXTS) not in (keep, "none", PURGED):
        _rewrite(storage, engine, REMAINING, keep, documents, decisions, None, console)


def purge_raw(run: Run | str | Path, *, engine: Engine | None = None, console: Console | None = None) -> int:
    """Remove from a finished run every original text, metadata and message, and values in addresses.

    What was written under the recipe (corpus, edits, reports), ids, signals and decisions stay; nothing can be measured or
    materialised again. Returns the bytes of text removed. RunError before the corpus of the run is there.
    """
    chosen = run if isinstance(run, Run) else open_run(run)
    console = console or Console()
    documents = chosen.documents
    if documents.facts.get(TEXTS) == PURGED:
        console.log("documents: purged already")
        return 0
    for name in chosen.selections:
        one = Run(chosen.storage, name)
        written = read_manifest(chosen.storage, f"{one.folder}corpus")
        if written is None or written.inputs.get("decisions") != one.decisions.digest:
            raise RunError(
                f"the corpus of selection {name} is not written, and cannot be without the original texts",
                where=chosen.storage.url,
                expected="every selection materialised",
                next_step=f"`gristmill materialise {chosen.storage.url}:{name}`, or remove selections/{name}",
            )
    with explained(chosen.storage.url), run_lock(chosen.storage), engine or Engine() as running:
        purge_documents(chosen, running, console)
    return documents.text_bytes


def purge_documents(run: Run, engine: Engine, console: Console) -> None:
    """Rewrite documents/ without anything raw; the caller holds the lock."""
    privacy = Privacy(dict.fromkeys(PLACEHOLDERS, MASK), scan_options(run.recipe))
    _rewrite(run.storage, engine, PURGED_DOCUMENTS, PURGED, run.documents, run.decisions, privacy, console)


def _rewrite(
    storage: Storage,
    engine: Engine,
    spec: DatasetSpec,
    keep: str,
    documents: DatasetManifest,
    decisions: DatasetManifest,
    privacy: Privacy | None,
    console: Console,
) -> None:
    """documents/ anew in the folder of `spec`; its parts keep the digests of what was read from the sources."""
    stage = Stage(
        storage, spec, {"keep": keep}, {"documents": layout_fingerprint(documents), "decisions": decisions.digest}
    )
    stage.start()
    tasks = [
        RemoveTask(storage, spec, part, decided if keep == "kept" else None, privacy)
        for part, decided in zip(documents.parts, decisions.parts, strict=True)
    ]
    tasks = unfinished(storage, tasks, (spec, lambda task: task.documents.key))
    with console.progress("remove texts", sum(task.documents.text_bytes for task in tasks), "bytes") as advance:
        engine.run_tasks(remove_part, tasks, advance)
    remaining = stage.finish({}).parts
    parts = [
        part.model_copy(update={"digest": read.digest})
        for part, read in zip(remaining, sorted(documents.parts, key=lambda part: part.key), strict=True)
    ]
    replaced = documents.model_copy(update={"parts": parts, "facts": {**documents.facts, TEXTS: keep}})
    storage.write_json(f"{DOCUMENTS.folder}/{MANIFEST}", replaced.model_dump())
    storage.remove_files([part.path for part in documents.parts])
    console.log(f"documents: texts stored: {keep}")


def remove_part(task: RemoveTask) -> int:
    """Write one part anew."""
    kept = read_part(task.storage, task.decisions, ["kept"]).column(0).combine_chunks() if task.decisions else None
    writer = PartWriter(task.storage, task.spec, task.documents.key, single=True)
    row = 0
    for batch in iterate_part(task.storage, task.documents):
        nothing = pa.nulls(batch.num_rows, pa.large_string())
        texts = nothing if kept is None else pc.if_else(kept.slice(row, batch.num_rows), batch.column("text"), nothing)
        batch = _with_column(batch, "text", texts)
        if task.privacy is not None:
            batch = _with_column(batch, "metadata", nothing)
            batch = _with_column(batch, "detail", nothing)
            batch = _with_column(batch, "url", task.privacy.edited(batch.column("url")))
        writer.write(batch)
        row += batch.num_rows
    commit_unit(task.storage, task.spec, task.documents.key, writer, {})
    return task.documents.text_bytes


def _with_column(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, batch.schema.field(at), values.cast(batch.schema.field(at).type))
