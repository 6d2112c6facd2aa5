"""Scrubbing what was measured: rows of forgotten documents leave documents/, signals/ and the near-duplicate index.

A forgotten document stays as a quarantined row of its id and source, so that every row keeps its place, the balance holds
and nothing else is measured again; its signals are null, its signatures and shingles go. Edges, decisions, corpus and
reports are made again from what is left. Each dataset's new parts are listed by its manifest before the old ones are
removed, and what an interrupted attempt left behind goes with the next one.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.registry import family as registered_family
from gristmill.filters.registry import known_families
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import signals_spec
from gristmill.pipelines.run.by_part import parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest, read_part
from gristmill.pipelines.run.map_parts import map_part
from gristmill.pipelines.run.rewrite import RewriteTask, beside, drop_rows, null_rows, publish, remove_unlisted
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.units import read_units
from gristmill.pipelines.scrub.forget_requests import ForgetRequests, read_forget_requests
from gristmill.schemas import layout
from gristmill.schemas.forgetting import FORGOTTEN
from gristmill.schemas.layout import DatasetSpec, Life
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.document import DOCUMENT, KEPT_STATUS, QUARANTINED_STATUS

_PAGES = (layout.REPORT_PAGE, layout.REPORT_DATA, layout.CARD)


def honour_forget_requests(context: RunContext, documents: DatasetManifest) -> DatasetManifest:
    """documents/ without what the requests name, whether it was just read or was there; unchanged when it knows."""
    requests = read_forget_requests(context.storage)
    known = documents.facts.get(layout.HONOURED, {}).get("entries", 0)
    if known == len(requests.entries):
        if requests.unfinished:
            remove_unlisted(context.storage, layout.DOCUMENTS.folder, documents)
        return documents
    spec = beside(layout.DOCUMENTS, len(requests.entries))
    context.run_units(
        partial(forget_in_part, context.storage, spec, requests),
        documents.parts,
        (spec, lambda part: part.key),
        label="forget",
        amount=lambda part: part.rows,
        of="documents",
    )
    units = read_units(context.storage, spec, [part.key for part in documents.parts])
    honoured = {"entries": len(requests.entries), "layout_before": layout_fingerprint(documents)}
    facts = {**_moved(documents.facts, [unit["facts"] for unit in units.values()]), layout.HONOURED: honoured}
    found = publish(context.storage, layout.DOCUMENTS, documents, units, {"facts": facts})
    context.storage.remove(layout.IDS)  # ids as they were before colliding ones were separated, with addresses
    if units:
        context.console.log(f"documents: {sum(unit['facts']['rows'] for unit in units.values()):,} forgotten")
    return found


def forget_in_part(storage: Storage, spec: DatasetSpec, requests: ForgetRequests, part: Part) -> int:
    """Rewrite one part when a request names a document of it. Returns the number of documents."""
    known = read_part(storage, part, ["doc_id", "content_hash", "reason", "status", "source"]).combine_chunks()
    gone = requests.mask(known.column("doc_id").combine_chunks(), known.column("content_hash").combine_chunks())
    gone = pc.and_(gone, pc.fill_null(pc.not_equal(known.column("reason").combine_chunks(), FORGOTTEN), True))
    if not pc.any(gone).as_py():
        return part.rows
    leaving = known.filter(gone)
    sources = (
        leaving.filter(pc.equal(leaving.column("status"), KEPT_STATUS)).column("source").value_counts().to_pylist()
    )
    facts = {"rows": leaving.num_rows, "sources": {entry["values"]: entry["counts"] for entry in sources}}
    return map_part(
        storage, spec, part, lambda batch, row: _forgotten(batch, gone.slice(row, batch.num_rows)), facts=facts
    )


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


def scrub_measured(context: RunContext, documents: DatasetManifest, specs: Sequence[DatasetSpec]) -> None:
    """Bring what was measured in line with documents/ from which documents were forgotten; remove stale edges.

    specs: every dataset that the run may hold, but for those of signals, which are found by their folders.

    What was measured on other documents than those before is stale: it goes too.
    """
    honoured = documents.facts.get(layout.HONOURED)
    now = layout_fingerprint(documents)
    if honoured is None or honoured["layout_before"] == now:
        return
    rows = forgotten_rows(context.storage, documents)
    # without an unfinished request, what has no manifest is work that a build goes on with
    unfinished = bool(read_forget_requests(context.storage).unfinished)
    replaced: dict[str, dict[str, str]] = {}  # input -> what it was, what it is
    for name in context.storage.list(layout.SIGNALS):
        family, _, version = name.partition("@")
        folder, key = f"{layout.SIGNALS}/{name}", f"{layout.SIGNALS}/{family}@{version or ORIGINAL}"
        manifest = read_manifest(context.storage, folder)
        if manifest is None and not unfinished:
            continue
        if manifest is not None and manifest.inputs.get("documents") == now:
            remove_unlisted(context.storage, folder, manifest)
            replaced[key] = {manifest.facts.get(layout.SCRUBBED_FROM, {}).get("digest", ""): manifest.digest}
        elif (
            manifest is None
            or manifest.inputs.get("documents") != honoured["layout_before"]
            or family not in known_families()
            or is_of_the_whole_set(family)
        ):
            context.storage.remove(folder)
        else:
            scrubbed = _scrub(context, signals_spec(family, version or ORIGINAL), manifest, rows, now, {})
            replaced[key] = {manifest.digest: scrubbed.digest}
    for spec in specs:
        stored = context.stored(spec)
        if spec.life is Life.DERIVED:
            if unfinished if stored is None else stored.inputs.get("documents") != now:
                context.storage.remove(spec.folder)
        elif spec.life in (Life.ALIGNED, Life.PLACED) and stored is not None and stored.inputs.get("documents") != now:
            measured = [(name, value) for name, value in stored.inputs.items() if name != "documents"]
            inputs = {name: replaced.get(name, {}).get(value, value) for name, value in measured}
            of_signals = [pair for pair in measured if pair[0].startswith(f"{layout.SIGNALS}/")]
            stale = [name for name, value in of_signals if value not in replaced.get(name, {})]
            if stored.inputs.get("documents") != honoured["layout_before"] or stale:
                context.storage.remove(spec.folder)
            else:
                _scrub(context, spec, stored, rows, now, inputs)


def is_of_the_whole_set(name: str) -> bool:
    """Whether a step measures a family on all rows, so that a value follows from other rows, too."""
    return bool(registered_family(name).recipe_key)


def forgotten_rows(storage: Storage, documents: DatasetManifest) -> dict[int, np.ndarray]:
    """Part number -> rows of forgotten documents."""
    found = {}
    for number, part in enumerate(documents.parts):
        if part.rows_by.get(FORGOTTEN):
            reasons = read_part(storage, part, ["reason"]).column("reason").combine_chunks()
            found[number] = np.flatnonzero(pc.fill_null(pc.equal(reasons, FORGOTTEN), False).to_numpy(False))
    return found


def _scrub(
    context: RunContext,
    spec: DatasetSpec,
    manifest: DatasetManifest,
    rows: Mapping[int, np.ndarray],
    documents: str,
    inputs: Mapping[str, Any],
) -> DatasetManifest:
    """A dataset without the values of those rows, under the key that measuring it now would have."""
    numbered = parts_by_number(manifest) if spec.life is Life.PLACED else dict(enumerate(manifest.parts))
    scrubbed = beside(spec, documents)
    tasks = [
        RewriteTask(context.storage, scrubbed, numbered[number], places) for number, places in sorted(rows.items())
    ]
    rewrite = drop_rows if spec.life is Life.PLACED else null_rows
    context.run_units(rewrite, tasks, (scrubbed, lambda task: task.part.key))
    units = read_units(context.storage, scrubbed, [task.part.key for task in tasks])
    changes = {
        "inputs": {**manifest.inputs, "documents": documents, **inputs},
        "facts": {
            **manifest.facts,
            layout.SCRUBBED_FROM: {"digest": manifest.digest, "layout": layout_fingerprint(manifest)},
        },
    }
    return publish(context.storage, spec, manifest, units, changes)


def remove_unfinished(storage: Storage, specs: Sequence[DatasetSpec]) -> None:
    """Remove what may hold a text that is being forgotten and is made again from what is scrubbed.

    Where texts were not kept, documents/ goes too: another survivor's text can only come from the sources.
    """
    for name in (*(spec.folder for spec in specs if spec.life is Life.DECIDED), layout.SELECTIONS, *_PAGES):
        storage.remove(name)
    documents = read_manifest(storage, layout.DOCUMENTS.folder)
    if documents is not None and documents.facts.get(layout.TEXTS, layout.ALL) != layout.ALL:
        storage.remove(layout.DOCUMENTS.folder)
