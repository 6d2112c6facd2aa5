"""Materialising: the kept documents, as the text version the policy names, into corpus/; what changed into edits/.

In: documents/, decisions/, cuts/. Out: `<selection>corpus`, `<selection>edits` (only where the text version is not the
original or repeated text is cut), a dataset card beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from gristmill.console import Console
from gristmill.filters.transforms.apply import apply_edits
from gristmill.filters.transforms.views import edits_within_pieces, pieces_after
from gristmill.pipelines.cut.step import Cuts, CutsMade, CutSurvivors
from gristmill.pipelines.cut.survivor_texts import PartEdits, edited_texts, followed_by, part_edits
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledRecipe, compile_all
from gristmill.pipelines.policy.text_versions import ORIGINALS, TextVersions
from gristmill.pipelines.run.by_part import parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, iterate_part, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.sources.readers.identity import row_hash
from gristmill.pipelines.write.pii import PiiHandling, pii_handling
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.corpus import EDIT_ROW
from gristmill.schemas.rows.kind import ROW_COLUMNS
from gristmill.schemas.rows.registry import DOCUMENT
from gristmill.schemas.signals import FamilyKey

LANGUAGE: FamilyKey = ("language", ORIGINAL)
_FROM_DOCUMENTS = ("doc_id", "text", "source", "snapshot", "url", "timestamp", "metadata")
_OF_ROWS = tuple(field.name for field in ROW_COLUMNS)


@dataclass(frozen=True)
class CorpusTask:
    """One part of the documents with its decisions and cuts by kind, in the order they were made."""

    storage: Storage
    folder: str
    documents: Part
    decisions: Part
    language: Part | None
    texts: TextVersions
    cuts: Mapping[str, Part]
    pii: PiiHandling | None
    kind: str = DOCUMENT


def corpus_spec(kind: str) -> DatasetSpec:
    """The corpus of rows of a kind: those that are no documents keep their pieces and fields."""
    if kind == DOCUMENT:
        return layout.CORPUS
    return replace(layout.CORPUS, schema=pa.schema([*layout.CORPUS.schema, *ROW_COLUMNS]))


class WriteCorpus(Step):
    """The kept documents in the text version that the policy names, and what was changed in them."""

    name = "corpus"
    phase = "write"

    def check(self, recipe: Recipe) -> None:
        pii_handling(recipe)

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.CORPUS, layout.EDITS)

    def update(self, context: RunContext) -> None:
        texts, cuts = context.left(CompiledRecipe).policy.texts, context.left(CutsMade).by_kind
        corpus = write_corpus(context, context.decisions, cuts, texts, pii_handling(context.recipe))
        context.add(layout.CORPUS.of(context.selection), corpus)


def write_corpus(
    context: RunContext,
    decisions: DatasetManifest,
    cuts: Cuts,
    texts: TextVersions,
    pii: PiiHandling | None,
) -> DatasetManifest:
    """Bring `<folder>corpus` (and edits) up to date."""
    inputs = {"documents": layout_fingerprint(context.documents), "decisions": decisions.digest}
    inputs |= {f"cuts/{kind}": layout_fingerprint(manifest) for kind, manifest in cuts.items()}
    if LANGUAGE in context.signals:
        inputs["language"] = context.signals[LANGUAGE].digest
    config = {"text": texts.key, **({} if pii is None else {"pii": pii.key_config})}
    config |= {} if context.recipe.rows == DOCUMENT else {"rows": context.recipe.rows}
    corpus = context.stage(corpus_spec(context.recipe.rows).of(context.selection), config, inputs)
    edits = context.stage(layout.EDITS.of(context.selection), config, inputs)

    def work() -> dict[str, object]:
        edits.start()
        language = (
            context.signals[LANGUAGE].parts if LANGUAGE in context.signals else [None] * len(context.documents.parts)
        )
        numbered = {kind: parts_by_number(manifest) for kind, manifest in cuts.items()}
        tasks = [
            CorpusTask(
                context.storage,
                context.selection,
                part,
                decided,
                spoken,
                texts,
                {kind: parts[number] for kind, parts in numbered.items() if number in parts},
                pii,
                context.recipe.rows,
            )
            for number, (part, decided, spoken) in enumerate(
                zip(context.documents.parts, decisions.parts, language, strict=True)
            )
        ]
        context.run_units(
            write_corpus_part,
            tasks,
            (corpus.spec, lambda task: task.documents.key),  # its edits count before
            label="write corpus",
            amount=lambda task: task.documents.text_bytes,
            of="bytes",
        )
        if texts == ORIGINALS and not cuts and pii is None:
            context.storage.remove(edits.spec.folder)
            return {"text": str(texts)}
        return {"text": str(texts), "edits": edits.finish({}).digest}

    return corpus.run(work, context.console.log)


def write_corpus_part(task: CorpusTask) -> int:
    """The kept documents of one part, edited."""
    spec = corpus_spec(task.kind).of(task.folder)
    columns = [*_FROM_DOCUMENTS, *(() if task.kind == DOCUMENT else _OF_ROWS)]
    decided = read_part(task.storage, task.decisions, ["kept", "tokens", "cluster_size"]).combine_chunks()
    spoken = read_part(task.storage, task.language, ["language"]).column(0).combine_chunks() if task.language else None
    cuts = [part_edits(task.storage, kind, part) for kind, part in task.cuts.items()]
    row = 0
    with (  # the edits count first
        UnitWriter(task.storage, spec, task.documents.key) as unit,
        UnitWriter(task.storage, layout.EDITS.of(task.folder), task.documents.key) as edits,
    ):
        for batch in iterate_part(task.storage, task.documents, columns):
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
                _write_edited(table, rows, task.texts, cuts, task.pii, unit, edits)
    return task.documents.text_bytes


def _write_edited(
    batch: pa.RecordBatch,
    rows: np.ndarray,
    versions: TextVersions,
    cuts: Sequence[PartEdits],
    pii: PiiHandling | None,
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
    edited, edits = edited_texts(texts, batch.column("source"), rows, versions, cuts)
    if pii is not None:
        edited, edits = followed_by(edited, edits, pii.edits(edited))
        changes = {"url": pii.edited, "metadata": pii.edited_metadata, "fields": pii.edited_metadata}
        for name, change in changes.items():
            at = batch.schema.get_field_index(name)
            if at < 0:
                continue
            batch = batch.set_column(at, batch.schema.field(at), change(batch.column(at)).cast(batch.schema.types[at]))
    if "pieces" in batch.schema.names:
        edits = edits_within_pieces(edits, batch.column("pieces"))
        edited = apply_edits(texts, edits)
        pieces = pieces_after(batch.column("pieces"), edits)
        batch = batch.set_column(batch.schema.get_field_index("pieces"), "pieces", pieces)
    changed = pc.greater(pc.list_value_length(edits), 0)
    if pc.any(changed).as_py():
        changes = pa.RecordBatch.from_arrays(
            [batch.column("doc_id"), edits.cast(EDIT_ROW.field("edits").type)], schema=EDIT_ROW
        )
        edit_writer.write(changes.filter(changed))
    hashes = _hashes(batch, edited)
    batch = batch.set_column(batch.schema.get_field_index("text"), "text", edited)
    batch = batch.append_column("text_bytes", pc.binary_length(edited).cast(pa.int64()))
    writer.write(batch.append_column("content_hash", pa.array(hashes, pa.large_string())))


def _hashes(batch: pa.RecordBatch, texts: pa.Array) -> list[str]:
    """The content hash of each row as it is written."""
    contents = [text.as_buffer() if text.is_valid else b"" for text in texts.cast(pa.large_binary())]
    if "pieces" not in batch.schema.names:
        return [xxhash.xxh3_128_hexdigest(content) for content in contents]
    pieces, fields = batch.column("pieces").to_pylist(), batch.column("fields").to_pylist()
    return [
        row_hash(bytes(content), [tuple(piece.values()) for piece in of_row], beside)
        for content, of_row, beside in zip(contents, pieces, fields, strict=True)
    ]


def materialise(
    run: Run | str | Path, *, engine: Engine | None = None, console: Console | None = None
) -> DatasetManifest:
    """Write the corpus of a run or selection (`RUN:name`), and its dataset card. Returns the manifest of the corpus.

    Where the recipe cuts repeated text, the cuts are measured on this selection's survivors first.
    """
    chosen = run if isinstance(run, Run) else open_run(run)
    with explained(chosen.storage.url), run_lock(chosen.storage), running(engine) as started:
        return write_selected(chosen, started, console or Console())


def write_selected(selection: Run, engine: Engine, console: Console) -> DatasetManifest:
    """The corpus and card of a selection that is decided; the caller holds the lock."""
    from gristmill.pipelines.write.card import write_card

    context = selection.context(engine, console)
    context.add(layout.DECISIONS.of(selection.folder), selection.decisions)
    context.leave(compile_all(selection.recipe))
    for step in (CutSurvivors(), WriteCorpus()):
        step.update(context)
    write_card(selection)
    return context.made(layout.CORPUS.of(selection.folder))
