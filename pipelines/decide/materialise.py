"""Materialising: the kept documents, as the text version the policy names, into corpus/; what changed into edits/.

In: documents/, decisions/, cuts/. Out: `<selection>corpus`, `<selection>edits` (only where the text version is not the
original or repeated text is cut), a dataset card beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from gristmill.console import Console
from gristmill.filters.transforms.registry import text_version_key
from gristmill.pipelines.by_part import parts_by_number
from gristmill.pipelines.decide.compile_policy import compile_recipe
from gristmill.pipelines.decide.cut_survivors import Cuts, cut_survivors
from gristmill.pipelines.dedup.survivor_texts import PartEdits, edited_texts, followed_by, part_edits
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure import FamilyKey
from gristmill.pipelines.privacy import Privacy, privacy_of
from gristmill.pipelines.run.dataset import DatasetSpec, PartWriter, iterate_part, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.pipelines.run.units import commit_unit, unfinished
from gristmill.schemas.corpus import CORPUS, CORPUS_DIGEST, EDIT_ROW
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.policy import ORIGINAL

LANGUAGE: FamilyKey = ("language", ORIGINAL)
_FROM_DOCUMENTS = ["doc_id", "text", "source", "snapshot", "url", "timestamp", "metadata"]


def corpus_spec(folder: str) -> DatasetSpec:
    return DatasetSpec(f"{folder}corpus", CORPUS, CORPUS_DIGEST, counted="source")


def edits_spec(folder: str) -> DatasetSpec:
    return DatasetSpec(f"{folder}edits", EDIT_ROW, ("doc_id",))


@dataclass(frozen=True)
class CorpusTask:
    """One part of the documents with its decisions and cuts by kind, in the order they were made."""

    storage: Storage
    folder: str
    documents: Part
    decisions: Part
    language: Part | None
    text_version: str
    cuts: Mapping[str, Part]
    privacy: Privacy | None


def write_corpus(
    storage: Storage,
    engine: Engine,
    documents: DatasetManifest,
    signals: Mapping[FamilyKey, DatasetManifest],
    decisions: DatasetManifest,
    cuts: Cuts,
    text_version: str,
    privacy: Privacy | None,
    folder: str,
    console: Console,
) -> DatasetManifest:
    """Bring `<folder>corpus` (and edits) up to date."""
    inputs = {"documents": layout_fingerprint(documents), "decisions": decisions.digest}
    inputs |= {f"cuts/{kind}": layout_fingerprint(manifest) for kind, manifest in cuts.items()}
    if LANGUAGE in signals:
        inputs["language"] = signals[LANGUAGE].digest
    config = {"text": text_version_key(text_version), **({} if privacy is None else {"pii": privacy.identity})}
    corpus = Stage(storage, corpus_spec(folder), config, inputs)
    edits = Stage(storage, edits_spec(folder), config, inputs)

    def work() -> dict[str, object]:
        edits.start()
        language = signals[LANGUAGE].parts if LANGUAGE in signals else [None] * len(documents.parts)
        numbered = {kind: parts_by_number(manifest) for kind, manifest in cuts.items()}
        tasks = [
            CorpusTask(
                storage,
                folder,
                part,
                decided,
                spoken,
                text_version,
                {kind: parts[number] for kind, parts in numbered.items() if number in parts},
                privacy,
            )
            for number, (part, decided, spoken) in enumerate(
                zip(documents.parts, decisions.parts, language, strict=True)
            )
        ]
        tasks = unfinished(storage, tasks, (corpus.spec, lambda task: task.documents.key))  # edits are committed before
        with console.progress("write corpus", sum(task.documents.text_bytes for task in tasks), "bytes") as advance:
            engine.run_tasks(write_corpus_part, tasks, advance)
        if text_version == ORIGINAL and not cuts and privacy is None:
            storage.remove(edits.spec.folder)
            return {"text": text_version}
        return {"text": text_version, "edits": edits.finish({}).digest}

    return corpus.run(work, console.log)


def write_corpus_part(task: CorpusTask) -> int:
    """The kept documents of one part, edited."""
    spec = corpus_spec(task.folder)
    writer = PartWriter(task.storage, spec, task.documents.key, single=True)
    edit_writer = PartWriter(task.storage, edits_spec(task.folder), task.documents.key, single=True)
    decided = read_part(task.storage, task.decisions, ["kept", "tokens", "cluster_size"]).combine_chunks()
    spoken = read_part(task.storage, task.language, ["language"]).column(0).combine_chunks() if task.language else None
    cuts = [part_edits(task.storage, kind, part) for kind, part in task.cuts.items()]
    row = 0
    for batch in iterate_part(task.storage, task.documents, _FROM_DOCUMENTS):
        count = batch.num_rows
        kept = decided.column("kept").combine_chunks().slice(row, count)
        table = batch.append_column("tokens", decided.column("tokens").combine_chunks().slice(row, count))
        sizes = decided.column("cluster_size").combine_chunks().slice(row, count).fill_null(1)
        table = table.append_column("cluster_size", sizes)
        languages = pa.nulls(count, pa.large_string()) if spoken is None else spoken.slice(row, count)
        table = table.append_column("language", languages).filter(kept)
        rows = row + np.flatnonzero(kept.to_numpy(zero_copy_only=False)) if cuts else np.zeros(0, np.int64)
        row += count
        if table.num_rows:
            _write_edited(table, rows, task.text_version, cuts, task.privacy, writer, edit_writer)
    commit_unit(task.storage, edits_spec(task.folder), task.documents.key, edit_writer, {})
    commit_unit(task.storage, spec, task.documents.key, writer, {})
    return task.documents.text_bytes


def _write_edited(
    batch: pa.RecordBatch,
    rows: np.ndarray,
    version: str,
    cuts: Sequence[PartEdits],
    privacy: Privacy | None,
    writer: PartWriter,
    edit_writer: PartWriter,
) -> None:
    """Write the kept documents of a batch; `rows`: their rows in the part, read where there are cuts."""
    texts = batch.column("text")
    if texts.null_count:
        raise RunError(
            "documents/ no longer holds every kept text (keep_text was not `all`)",
            where=writer.spec.folder,
            expected="the text of every kept document",
            next_step="set keep_text: all and build again",
        )
    edited, edits = edited_texts(texts, rows, version, cuts)
    if privacy is not None:
        edited, edits = followed_by(edited, edits, privacy.edits(edited))
        for name, change in (("url", privacy.edited), ("metadata", privacy.edited_metadata)):
            at = batch.schema.get_field_index(name)
            batch = batch.set_column(at, batch.schema.field(at), change(batch.column(at)).cast(batch.schema.types[at]))
    changed = pc.greater(pc.list_value_length(edits), 0)
    if pc.any(changed).as_py():
        changes = pa.RecordBatch.from_arrays(
            [batch.column("doc_id"), edits.cast(EDIT_ROW.field("edits").type)], schema=EDIT_ROW
        )
        edit_writer.write(changes.filter(changed))
    hashes = [
        xxhash.xxh3_128_hexdigest(text.as_buffer() if text.is_valid else b"") for text in edited.cast(pa.large_binary())
    ]
    batch = batch.set_column(batch.schema.get_field_index("text"), "text", edited)
    batch = batch.append_column("text_bytes", pc.binary_length(edited).cast(pa.int64()))
    writer.write(batch.append_column("content_hash", pa.array(hashes, pa.large_string())))


def materialise(
    run: Run | str | Path, *, engine: Engine | None = None, console: Console | None = None
) -> DatasetManifest:
    """Write the corpus of a run or selection (`RUN:name`), and its dataset card; returns the corpus' manifest.

    Where the recipe cuts repeated text, the cuts are measured on this selection's survivors first.
    """
    chosen = run if isinstance(run, Run) else open_run(run)
    with explained(chosen.storage.url), run_lock(chosen.storage), engine or Engine() as running:
        return write_selected(chosen, running, console or Console())


def write_selected(selection: Run, engine: Engine, console: Console) -> DatasetManifest:
    """The corpus and card of a selection that is decided; the caller holds the lock."""
    from gristmill.pipelines.report.card import write_card

    recipe, folder, where = selection.recipe, selection.folder, (selection.storage, engine)
    version, privacy = compile_recipe(recipe).text_version, privacy_of(recipe)
    documents, signals = selection.documents, selection.signals
    decisions, cuts = cut_survivors(*where, recipe, documents, signals, selection.decisions, version, folder, console)
    corpus = write_corpus(*where, documents, signals, decisions, cuts, version, privacy, folder, console)
    write_card(selection)
    return corpus
