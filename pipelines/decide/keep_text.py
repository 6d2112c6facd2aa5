"""What a finished run stores of the texts: `keep_text: kept` or `none` removes texts after the corpus is written.

It costs: another policy can still be decided (signals stay), but its corpus can only be written while its texts are
there, and no new signal can be measured without reading the sources again.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.ingest import DOCUMENTS
from gristmill.pipelines.run.dataset import (
    MANIFEST,
    DatasetSpec,
    PartWriter,
    commit_unit,
    iterate_part,
    read_part,
)
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.schemas.document import DOCUMENT
from gristmill.schemas.manifest import DatasetManifest, Part

REMAINING = DatasetSpec("documents/remaining", DOCUMENT, DOCUMENTS.digest_columns, counted=DOCUMENTS.counted)
TEXTS = "texts"  # fact in the manifest of documents/: which texts are still there; absent: all


@dataclass(frozen=True)
class RemoveTask:
    """One part of the documents; decisions: None removes every text."""

    storage: Storage
    documents: Part
    decisions: Part | None


def remove_texts(
    storage: Storage,
    engine: Engine,
    keep: str,
    documents: DatasetManifest,
    decisions: DatasetManifest,
    console: Console,
) -> None:
    """Rewrite documents/ without the texts that `keep` ("kept" or "none") does not want; ids and digests stay."""
    if documents.facts.get(TEXTS) in (keep, "none"):
        return
    stage = Stage(
        storage, REMAINING, {"keep": keep}, {"documents": layout_fingerprint(documents), "decisions": decisions.digest}
    )
    stage.start()
    tasks = [
        RemoveTask(storage, part, decided if keep == "kept" else None)
        for part, decided in zip(documents.parts, decisions.parts, strict=True)
    ]
    with console.progress("remove texts", documents.text_bytes, "bytes") as advance:
        engine.run_tasks(remove_part, tasks, advance)
    remaining = stage.finish({})
    replaced = documents.model_copy(update={"parts": remaining.parts, "facts": {**documents.facts, TEXTS: keep}})
    storage.write_json(f"{DOCUMENTS.folder}/{MANIFEST}", replaced.model_dump())
    for part in documents.parts:
        storage.remove(part.path)
    console.log(f"documents: texts stored: {keep}")


def remove_part(task: RemoveTask) -> int:
    """Write one part anew."""
    kept = read_part(task.storage, task.decisions, ["kept"]).column(0).combine_chunks() if task.decisions else None
    writer = PartWriter(task.storage, REMAINING, task.documents.key, single=True)
    row = 0
    for batch in iterate_part(task.storage, task.documents):
        nothing = pa.nulls(batch.num_rows, pa.large_string())
        texts = nothing if kept is None else pc.if_else(kept.slice(row, batch.num_rows), batch.column("text"), nothing)
        writer.write(batch.set_column(batch.schema.get_field_index("text"), "text", texts))
        row += batch.num_rows
    commit_unit(task.storage, REMAINING, task.documents.key, writer, {})
    return task.documents.text_bytes
