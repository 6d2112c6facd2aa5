"""`gristmill forget`: documents leave a finished run, alone or with every verified copy.

The request is written to the ledger first; then the documents, their signals and their place in the index are scrubbed,
what was decided and written from them is removed, and the run is decided and written again from what is left, without
measuring anything. An interrupted request goes on with the next `forget` or `build` of the run.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.pipelines.build import Plan, build_from, build_here, plan, warm
from gristmill.pipelines.by_part import parts_by_number
from gristmill.pipelines.decide.keep_text import PURGED, TEXTS, purge_documents
from gristmill.pipelines.decide.materialise import write_selected
from gristmill.pipelines.decide.reselect import decide_selection
from gristmill.pipelines.dedup.near.buckets import find_buckets
from gristmill.pipelines.dedup.near.member_shingles import MEMBER_SHINGLES, shingle_inputs
from gristmill.pipelines.dedup.near.published import open_published
from gristmill.pipelines.dedup.near.signatures import SIGNATURES
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.forget.copies import Found, documents_named, verified_copies
from gristmill.pipelines.forget.ledger import add_entry, kept_before, mark_finished, read_ledger
from gristmill.pipelines.forget.scrub import (
    HONOURED,
    SCRUBBED_FROM,
    honour_ledger,
    keep_shingles,
    remove_unfinished,
    scrub_measured,
)
from gristmill.pipelines.ingest import DOCUMENTS, plan_tasks
from gristmill.pipelines.measure import measure
from gristmill.pipelines.report.write import write_report
from gristmill.pipelines.run.dataset import MANIFEST, read_manifest, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import MAIN, Run, open_run
from gristmill.pipelines.shards.manifest import read_shard_manifest
from gristmill.pipelines.shards.tombstones import forget as forget_in_shards
from gristmill.pipelines.shards.tombstones import purge_shards
from gristmill.pipelines.shown import Shown
from gristmill.schemas.corpus import CORPUS
from gristmill.schemas.errors import InputError
from gristmill.schemas.forgetting import ForgetEntry, Mode, SelectionBefore
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe import Policy, Recipe

REPORT = "report.html"


@dataclass(frozen=True)
class Forgotten(Shown):
    """What a request removed, and where the documents still are. promoted: documents kept now that were not before."""

    run: Run
    removed: tuple[Found, ...]
    promoted: tuple[str, ...]
    still_there: tuple[str, ...]

    def __str__(self) -> str:
        counts = {how: sum(one.how == how for one in self.removed) for how in ("asked", "exact", "near")}
        lines = [
            f"forgotten: {len(self.removed):,} documents ({counts['asked']:,} asked for, {counts['exact']:,} exact copies, "
            f"{counts['near']:,} near copies)"
        ]
        lines += [f"  {one.doc_id} ({one.how}, similarity {one.similarity:.3f})" for one in self.removed]
        lines.append(f"kept in their place: {', '.join(self.promoted) or 'none'}")
        lines += [str(self.run), "still there:", *[f"  {place}" for place in self.still_there]]
        return "\n".join(lines)


def forget(
    run: Run | str | Path,
    doc_ids: Sequence[str],
    mode: Mode,
    *,
    shards: Sequence[str] = (),
    purge: bool = False,
    engine: Engine | None = None,
    console: Console | None = None,
) -> Forgotten:
    """Remove documents from a run: `record` these ids, `content` also every verified copy of their content.

    shards: folders of token shards written from the run, besides `RUN/shards`; purge: overwrite the tokens there too.
    A run that was interrupted while forgetting is finished first. InputError for an id that the run does not have.
    """
    console = console or Console()
    storage = run.storage if isinstance(run, Run) else Storage(str(run))
    with explained(storage.url), run_lock(storage), engine or Engine() as running:
        promoted: tuple[str, ...] = ()
        if read_ledger(storage).unfinished:
            console.log("forget: an interrupted request is finished first")
            promoted = _carry_out(storage, running, console)
        chosen = open_run(storage.url)
        removed: tuple[Found, ...] = ()
        known = read_ledger(storage).doc_ids
        if wanted := [doc_id for doc_id in dict.fromkeys(doc_ids) if doc_id not in known]:
            removed = _found(chosen, wanted, mode)
            entry = _entry(chosen, wanted, mode, removed, shards)
            _check(chosen, entry)
            add_entry(storage, entry, b"".join(_kept(chosen)))
            promoted = _carry_out(storage, running, console)
        folders = sorted({folder for entry in read_ledger(storage).entries for folder in entry.shards})
        for folder in folders if purge else ():
            purge_shards(folder, console)
        still_there = tuple(_still_there(storage, () if purge else folders))
        return Forgotten(open_run(storage.url), removed, promoted, still_there)


def _found(run: Run, wanted: Sequence[str], mode: Mode) -> tuple[Found, ...]:
    """The documents to forget; InputError when an id is not in the run."""
    named = documents_named(run, wanted)
    missing = [doc_id for doc_id in wanted if doc_id not in named]
    if missing:
        raise InputError(
            f"no document {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; nothing was forgotten",
            where=run.storage.url,
            expected="whole doc_ids of documents/",
            next_step="look them up in decisions/ or corpus/, column doc_id",
        )
    asked = list(named.values())
    return tuple(asked + (verified_copies(run, asked) if mode == "content" else []))


def _entry(run: Run, asked: Sequence[str], mode: Mode, removed: Sequence[Found], shards: Sequence[str]) -> ForgetEntry:
    own = [run.storage.address("shards")] if run.storage.exists("shards/manifest.json") else []
    given = [Storage(folder).url for folder in shards]  # what the ledger keeps holds from any working folder
    hashes = {one.content_hash for one in removed if one.content_hash} if mode == "content" else set()
    return ForgetEntry(
        mode=mode,
        asked=list(asked),
        doc_ids=sorted(one.doc_id for one in removed),
        content_hashes=sorted(hashes),
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recipe=run.summary["recipe"],
        sample=run.summary["sample"],
        selections={name: _as_it_was(Run(run.storage, name)) for name in run.selections if name != MAIN},
        report=run.storage.exists(REPORT),
        shards=list(dict.fromkeys([*own, *given])),
        texts=run.documents.facts.get(TEXTS, "all"),
    )


def _as_it_was(selection: Run) -> SelectionBefore:
    written = {name: selection.storage.exists(f"{selection.folder}{name}") for name in ("corpus", REPORT)}
    policy = selection.recipe.policy.model_dump(mode="json")
    return SelectionBefore(policy=policy, corpus=written["corpus"], report=written[REPORT])


def _check(run: Run, entry: ForgetEntry) -> None:
    """Raise before anything is written when the request could not be carried out."""
    plan(run.recipe)
    if entry.texts != "all":  # the run must be built again from its sources
        plan_tasks(run.storage, run.recipe, entry.sample)
    for folder in entry.shards:
        read_shard_manifest(Storage(folder))


def _carry_out(storage: Storage, engine: Engine, console: Console) -> tuple[str, ...]:
    """Do what the unfinished request asks for, from wherever an earlier attempt stopped; returns who took over."""
    ledger = read_ledger(storage)
    entry = ledger.entries[ledger.unfinished[0]]
    recipe = Recipe.model_validate(entry.recipe)
    planned = plan(recipe)
    started = time.monotonic()
    documents = read_manifest(storage, DOCUMENTS.folder)
    if documents is None or documents.facts.get(TEXTS, "all") != "all":
        tasks = plan_tasks(storage, recipe, entry.sample)
        build_here(storage, engine, planned, tasks, entry.sample, console, entry.report)
    else:
        storage.remove(MANIFEST)
        remove_unfinished(storage)
        documents = honour_ledger(storage, engine, documents, console)
        scrub_measured(storage, engine, documents)
        warm(engine, planned, console)
        if recipe.dedup.near:
            _adopt_shingles(storage, engine, planned, documents, console)
        build_from(storage, engine, planned, documents, entry.sample, started, console, entry.report)
    for name, before in entry.selections.items():
        _decide_again(open_run(storage.url), engine, name, before, console)
    if entry.texts == PURGED:
        purge_documents(open_run(storage.url), engine, console)
    return finish(storage, console)


def finish(storage: Storage, console: Console) -> tuple[str, ...]:
    """The end of the unfinished request, once the run is built without its documents; returns who took over."""
    ledger, run = read_ledger(storage), open_run(storage.url)
    (index,) = ledger.unfinished
    entry = ledger.entries[index]
    promoted = _promoted(run, kept_before(storage, index))
    for folder in entry.shards:
        _forget_in_shards(run, folder, entry, promoted, console)
    for name in sorted(set(entry.selections) - set(run.selections)):
        console.log(f"selections/{name}: removed with what was forgotten; `gristmill reselect` decides it again")
    mark_finished(storage, ledger, ledger.unfinished)
    return promoted


def _forget_in_shards(run: Run, folder: str, entry: ForgetEntry, promoted: Sequence[str], console: Console) -> None:
    """Tombstones for what is forgotten, a delta shard for those that took over."""
    ids = pa.array(promoted, pa.large_string())
    rows = [CORPUS.empty_table()]
    for part in run.dataset("corpus").parts if promoted else ():
        table = read_part(run.storage, part, CORPUS.names)
        rows.append(table.filter(pc.is_in(table.column("doc_id"), value_set=ids)))
    forget_in_shards(
        folder,
        entry.doc_ids,
        reason=f"forgotten ({entry.mode})",
        promoted=pa.concat_tables(rows),
        console=console,
    )


def _adopt_shingles(
    storage: Storage, engine: Engine, planned: Plan, documents: DatasetManifest, console: Console
) -> None:
    """Keep the shingles stored of documents that are still compared, so that no text is read for them."""
    dedup = planned.recipe.dedup
    assert dedup.near is not None
    stored, signatures = (read_manifest(storage, spec.folder) for spec in (MEMBER_SHINGLES, SIGNATURES))
    honoured = documents.facts[HONOURED]
    if stored is None or signatures is None or SCRUBBED_FROM not in signatures.facts:
        return
    measured = measure(storage, engine, documents, planned.families, console)
    published = open_published(dedup, len(documents.parts))
    buckets = find_buckets(storage, engine, dedup, documents, signatures, measured, published, console)
    inputs = shingle_inputs(documents, signatures, buckets, published)
    if (
        stored.inputs["documents"] != honoured["layout_before"]
        or stored.inputs["signatures"] != signatures.facts[SCRUBBED_FROM]["layout"]
        or any(stored.inputs.get(name) != value for name, value in inputs.items() if name.startswith("against/"))
    ):
        return
    wanted = parts_by_number(signatures if dedup.near.index_store == "shingles" else buckets)
    wanted |= {number: part for number, part in parts_by_number(buckets).items() if number >= len(documents.parts)}
    keep_shingles(storage, engine, stored, wanted, inputs)


def _decide_again(run: Run, engine: Engine, name: str, before: SelectionBefore, console: Console) -> None:
    """A selection as it was before, without what was forgotten."""
    selection = decide_selection(run, engine, Policy.model_validate(before.policy), name, console)
    if before.corpus:
        write_selected(selection, engine, console)
    if before.report:
        write_report(selection, engine, console)


def _kept(run: Run) -> Iterator[bytes]:
    """Of each part of the decisions, which rows are kept, as bits."""
    for part in run.decisions.parts:
        yield np.packbits(read_part(run.storage, part, ["kept"]).column("kept").to_numpy()).tobytes()


def _promoted(run: Run, before: bytes) -> tuple[str, ...]:
    """Ids of documents that are kept now and were not before; none where the sources have changed meanwhile."""
    found: list[str] = []
    then, at = np.frombuffer(before, np.uint8), 0
    if len(then) != sum((part.rows + 7) // 8 for part in run.decisions.parts):
        return ()
    for part, bits in zip(run.decisions.parts, _kept(run), strict=True):
        now = np.frombuffer(bits, np.uint8)
        new = np.unpackbits(now & ~then[at : at + len(now)], count=part.rows).astype(bool)
        at += len(now)
        if new.any():
            found += read_part(run.storage, part, ["doc_id"]).column("doc_id").filter(pa.array(new)).to_pylist()
    return tuple(sorted(found))


def _still_there(storage: Storage, shards: Sequence[str]) -> Iterator[str]:
    """Where documents may still be that are not this run's to change."""
    recipe = open_run(storage.url).recipe
    for source in recipe.sources:
        paths = [source.path] if isinstance(source.path, str) else source.path
        yield f"source {source.name}, never changed: {', '.join(paths)}"
    near = recipe.dedup.near
    for path in near.against if near else ():
        yield f"the run this one was compared with: {path}"
    for folder in shards:
        yield f"tokens in {folder}: never served again, on disk until overwritten with --purge"
    yield "copies made of this run's files, and runs that were built against it"
