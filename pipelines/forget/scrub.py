"""Scrubbing what was measured: rows of forgotten documents leave documents/, signals/ and the near-duplicate index.

A forgotten document stays as a quarantined row of its id and source, so that every row keeps its place, the balance holds
and nothing else is measured again; its signals are null, its signatures and shingles go. Edges, decisions, corpus and
reports are made again from what is left. Each dataset's new parts are listed by its manifest before the old ones are
removed, and what an interrupted attempt left behind goes with the next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.filters.registry import FAMILIES
from gristmill.pipelines.by_part import parts_by_number
from gristmill.pipelines.decide.keep_text import TEXTS
from gristmill.pipelines.dedup.near.member_shingles import MEMBER_SHINGLES
from gristmill.pipelines.dedup.near.signatures import SIGNATURES
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.forget.ledger import Ledger, read_ledger
from gristmill.pipelines.ingest import DOCUMENTS
from gristmill.pipelines.measure import signals_spec
from gristmill.pipelines.run.dataset import MANIFEST, DatasetSpec, PartWriter, iterate_part, read_manifest, read_part
from gristmill.pipelines.run.stages import STARTED, layout_fingerprint, remade
from gristmill.pipelines.run.units import commit_unit, read_units, unfinished
from gristmill.schemas.document import DOCUMENT, KEPT_STATUS, QUARANTINED_STATUS
from gristmill.schemas.forgetting import FORGOTTEN
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.policy import ORIGINAL

HONOURED = "forgotten"  # fact of documents/: how many entries of the ledger it knows, and its layout before the last
SCRUBBED_FROM = "scrubbed_from"  # fact of what was measured: digest and layout before its rows were scrubbed
_MADE_AGAIN = (
    *(
        "decisions",
        "corpus",
        "edits",
        "cuts",
        "foreign",
        "mix",
        "mixed",
        "selections",
        "report.html",
        "report.json",
        "README.md",
    ),
    *(f"contamination/{name}" for name in ("matches", "grams", "counts", "hits", "report")),
)
_REMADE = (
    "edges/exact/keys",
    "edges/exact/members",
    "edges/near/bands",
    "edges/near/buckets",
)  # without reading text, from what is scrubbed here


@dataclass(frozen=True)
class DocumentsTask:
    """One part of the documents."""

    storage: Storage
    spec: DatasetSpec
    part: Part
    ledger: Ledger


def honour_ledger(storage: Storage, engine: Engine, documents: DatasetManifest, console: Console) -> DatasetManifest:
    """documents/ without what the ledger names, whether it was just read or was there; unchanged when it knows."""
    ledger = read_ledger(storage)
    known = documents.facts.get(HONOURED, {}).get("entries", 0)
    if known == len(ledger.entries):
        if ledger.unfinished:
            remove_unlisted(storage, DOCUMENTS.folder, documents)
        return documents
    spec = _scrubbed(DOCUMENTS, len(ledger.entries))
    tasks = [DocumentsTask(storage, spec, part, ledger) for part in documents.parts]
    tasks = unfinished(storage, tasks, (spec, lambda task: task.part.key))
    with console.progress("forget", sum(task.part.rows for task in tasks), "documents") as advance:
        engine.run_tasks(forget_in_part, tasks, advance)
    units = read_units(storage, spec, [part.key for part in documents.parts])
    honoured = {"entries": len(ledger.entries), "layout_before": layout_fingerprint(documents)}
    facts = {**_moved(documents.facts, [unit["facts"] for unit in units.values()]), HONOURED: honoured}
    found = _publish(storage, DOCUMENTS, documents, units, {"facts": facts})
    storage.remove("documents/ids")  # ids as they were before colliding ones were separated, with addresses
    if units:
        console.log(f"documents: {sum(unit['facts']['rows'] for unit in units.values()):,} forgotten")
    return found


def forget_in_part(task: DocumentsTask) -> int:
    """Rewrite one part when the ledger names a document of it. Returns the number of documents."""
    known = read_part(
        task.storage, task.part, ["doc_id", "content_hash", "reason", "status", "source"]
    ).combine_chunks()
    gone = task.ledger.mask(known.column("doc_id").combine_chunks(), known.column("content_hash").combine_chunks())
    gone = pc.and_(gone, pc.fill_null(pc.not_equal(known.column("reason").combine_chunks(), FORGOTTEN), True))
    if not pc.any(gone).as_py():
        return task.part.rows
    leaving = known.filter(gone)
    sources = (
        leaving.filter(pc.equal(leaving.column("status"), KEPT_STATUS)).column("source").value_counts().to_pylist()
    )
    writer = PartWriter(task.storage, task.spec, task.part.key, single=True)
    row = 0
    try:
        for batch in iterate_part(task.storage, task.part):
            writer.write(_forgotten(batch, gone.slice(row, batch.num_rows)))
            row += batch.num_rows
    except BaseException:
        writer.abandon()
        raise
    facts = {"rows": leaving.num_rows, "sources": {entry["values"]: entry["counts"] for entry in sources}}
    commit_unit(task.storage, task.spec, task.part.key, writer, facts)
    return task.part.rows


def _forgotten(batch: pa.RecordBatch, gone: pa.BooleanArray) -> pa.RecordBatch:
    """The batch with nothing but id and source where `gone`."""
    left: dict[str, Any] = {"text_bytes": 0, "location": "", "status": QUARANTINED_STATUS, "reason": FORGOTTEN}
    columns = [
        batch.column(field.name)
        if field.name in ("doc_id", "source")
        else pc.if_else(gone, pa.scalar(left.get(field.name), field.type), batch.column(field.name).cast(field.type))
        for field in DOCUMENT
    ]
    return pa.RecordBatch.from_arrays(columns, names=DOCUMENT.names)


def _moved(facts: Mapping[str, Any], units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The balance with the forgotten documents counted as quarantined."""
    found = {**facts, "sources": {name: dict(counts) for name, counts in facts["sources"].items()}}
    for unit in units:
        for source, count in unit["sources"].items():
            for target in (found, found["sources"][source]):
                target["documents"] -= count
                target["quarantined"] += count
    return found


def scrub_measured(storage: Storage, engine: Engine, documents: DatasetManifest) -> None:
    """Bring signals/ and signatures in line with documents/ from which documents were forgotten; remove stale edges.

    What was measured on other documents than those before is stale: it goes too.
    """
    honoured = documents.facts.get(HONOURED)
    now = layout_fingerprint(documents)
    if honoured is None or honoured["layout_before"] == now:
        return
    rows = forgotten_rows(storage, documents)
    unfinished = bool(read_ledger(storage).unfinished)  # else what has no manifest is work that a build goes on with
    replaced: dict[str, dict[str, str]] = {}  # input -> what it was, what it is
    for name in storage.list("signals"):
        family, _, version = name.partition("@")
        folder, key = f"signals/{name}", f"signals/{family}@{version or ORIGINAL}"
        manifest = read_manifest(storage, folder)
        if manifest is None and not unfinished:
            continue
        if manifest is not None and manifest.inputs.get("documents") == now:
            remove_unlisted(storage, folder, manifest)
            replaced[key] = {manifest.facts.get(SCRUBBED_FROM, {}).get("digest", ""): manifest.digest}
        elif (
            manifest is None or manifest.inputs.get("documents") != honoured["layout_before"] or family not in FAMILIES
        ):
            storage.remove(folder)
        else:
            scrubbed = _scrub(storage, engine, signals_spec(family, version or ORIGINAL), manifest, rows, now, {})
            replaced[key] = {manifest.digest: scrubbed.digest}
    signatures = read_manifest(storage, SIGNATURES.folder)
    if signatures is not None and signatures.inputs["documents"] != now:
        measured = [(name, value) for name, value in signatures.inputs.items() if name != "documents"]
        inputs = {name: replaced.get(name, {}).get(value) for name, value in measured}
        if signatures.inputs["documents"] != honoured["layout_before"] or None in inputs.values():
            storage.remove(SIGNATURES.folder)
        else:
            _scrub(storage, engine, SIGNATURES, signatures, rows, now, inputs)
    for folder in _REMADE:
        edges = read_manifest(storage, folder)
        if unfinished if edges is None else edges.inputs["documents"] != now:
            storage.remove(folder)


def forgotten_rows(storage: Storage, documents: DatasetManifest) -> dict[int, np.ndarray]:
    """Part number -> rows of forgotten documents."""
    found = {}
    for number, part in enumerate(documents.parts):
        if part.rows_by.get(FORGOTTEN):
            reasons = read_part(storage, part, ["reason"]).column("reason").combine_chunks()
            found[number] = np.flatnonzero(pc.fill_null(pc.equal(reasons, FORGOTTEN), False).to_numpy(False))
    return found


@dataclass(frozen=True)
class ScrubTask:
    """One part of a dataset measured on documents, and the rows (of the documents' part) that are forgotten."""

    storage: Storage
    spec: DatasetSpec
    part: Part
    rows: np.ndarray


def _scrub(
    storage: Storage,
    engine: Engine,
    spec: DatasetSpec,
    manifest: DatasetManifest,
    rows: Mapping[int, np.ndarray],
    documents: str,
    inputs: Mapping[str, Any],
) -> DatasetManifest:
    """A dataset without the values of those rows, under the key that measuring it now would have."""
    numbered = parts_by_number(manifest) if spec is SIGNATURES else dict(enumerate(manifest.parts))
    scrubbed = _scrubbed(spec, documents)
    tasks = [ScrubTask(storage, scrubbed, numbered[number], places) for number, places in sorted(rows.items())]
    rewrite = drop_rows if spec is SIGNATURES else null_rows
    engine.run_tasks(rewrite, unfinished(storage, tasks, (scrubbed, lambda task: task.part.key)))
    units = read_units(storage, scrubbed, [task.part.key for task in tasks])
    changes = {
        "inputs": {**manifest.inputs, "documents": documents, **inputs},
        "facts": {
            **manifest.facts,
            SCRUBBED_FROM: {"digest": manifest.digest, "layout": layout_fingerprint(manifest)},
        },
    }
    return _publish(storage, spec, manifest, units, changes)


def keep_shingles(
    storage: Storage, engine: Engine, stored: DatasetManifest, wanted: Mapping[int, Part], inputs: Mapping[str, str]
) -> None:
    """Of the shingles stored, keep those of the rows that the wanted parts (of buckets or signatures) list."""
    spec = MEMBER_SHINGLES
    scrubbed = _scrubbed(spec, inputs["documents"])
    tasks = []
    for number, part in parts_by_number(stored).items():
        rows = read_part(storage, wanted[number], ["row"]).column("row").to_numpy() if number in wanted else ()
        tasks.append(ScrubTask(storage, scrubbed, part, np.unique(np.array(rows, np.int64))))
    engine.run_tasks(only_rows, unfinished(storage, tasks, (scrubbed, lambda task: task.part.key)))
    units = read_units(storage, scrubbed, [task.part.key for task in tasks])
    parts = [Part.model_validate(part) for unit in units.values() for part in unit["parts"]]
    hashes = sum(
        pc.sum(pc.list_value_length(read_part(storage, part, ["shingles"]).column(0))).as_py() or 0 for part in parts
    )
    changes = {"inputs": dict(inputs), "facts": {**stored.facts, "shingles": hashes}}
    _publish(storage, spec, stored, units, changes)


def null_rows(task: ScrubTask) -> int:
    """Write one part of signals with nulls for everything but the id in those rows."""
    return _rewrite(task, _nulled)


def drop_rows(task: ScrubTask) -> int:
    """Write one part of rows with a column `row` without those rows."""
    return _rewrite(task, lambda batch, _first, rows: batch.filter(pc.invert(_is_in(batch.column("row"), rows))))


def only_rows(task: ScrubTask) -> int:
    """Write one part of rows with a column `row` with those rows alone."""
    return _rewrite(task, lambda batch, _first, rows: batch.filter(_is_in(batch.column("row"), rows)))


def _nulled(batch: pa.RecordBatch, first: int, rows: np.ndarray) -> pa.RecordBatch:
    gone = _is_in(pa.array(np.arange(first, first + batch.num_rows)), rows)
    columns = [
        column if name == "doc_id" else pc.if_else(gone, pa.scalar(None, column.type), column)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _is_in(places: pa.Array, rows: np.ndarray) -> pa.BooleanArray:
    return pc.is_in(places, value_set=pa.array(rows, places.type))


def _rewrite(task: ScrubTask, change: Any) -> int:
    writer = PartWriter(task.storage, task.spec, task.part.key, single=True)
    row = 0
    try:
        for batch in iterate_part(task.storage, task.part):
            writer.write(change(batch, row, task.rows))
            row += batch.num_rows
    except BaseException:
        writer.abandon()
        raise
    commit_unit(task.storage, task.spec, task.part.key, writer, {})
    return task.part.rows


def _scrubbed(spec: DatasetSpec, name: object) -> DatasetSpec:
    """Where the new parts of a dataset are written: a folder inside it for each time."""
    return DatasetSpec(f"{spec.folder}/scrubbed-{name}", spec.schema, spec.digest_columns, spec.counted)


def _publish(
    storage: Storage,
    spec: DatasetSpec,
    manifest: DatasetManifest,
    units: Mapping[str, Mapping[str, Any]],
    changes: Mapping[str, Any],
) -> DatasetManifest:
    """The dataset with the units' parts in place of those of the same key, which are removed."""
    rewritten = {part["key"]: Part.model_validate(part) for unit in units.values() for part in unit["parts"]}
    found = remade(manifest, [rewritten.get(part.key, part) for part in manifest.parts], changes)
    storage.write_json(f"{spec.folder}/{MANIFEST}", found.model_dump())
    remove_unlisted(storage, spec.folder, found)
    return found


def remove_unlisted(storage: Storage, folder: str, manifest: DatasetManifest) -> None:
    """Remove every file of data that the manifest does not list, and the markers of the work that made it."""
    listed = {part.path for part in manifest.parts}
    storage.remove_files([path for path in _data_files(storage, folder) if path not in listed])
    storage.remove(f"{folder}/units")
    storage.remove_file(f"{folder}/{STARTED}")
    for name in storage.list(folder):
        storage.remove(f"{folder}/{name}/units")


def _data_files(storage: Storage, folder: str) -> Iterator[str]:
    """Files in `data` of a dataset's folder and of the folders in it."""
    for place in (folder, *(f"{folder}/{name}" for name in storage.list(folder))):
        if place.endswith("/data"):
            continue
        for name in storage.list(f"{place}/data"):
            yield f"{place}/data/{name}"


def remove_unfinished(storage: Storage) -> None:
    """Remove what may hold a text that is being forgotten and is made again from what is scrubbed.

    Where texts were not kept, documents/ goes too: another survivor's text can only come from the sources.
    """
    for name in _MADE_AGAIN:
        storage.remove(name)
    documents = read_manifest(storage, DOCUMENTS.folder)
    if documents is not None and documents.facts.get(TEXTS, "all") != "all":
        storage.remove(DOCUMENTS.folder)
