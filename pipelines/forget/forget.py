"""`gristmill forget`: documents leave a finished run, alone or with every verified copy.

The request is written first; then the documents, their signals and their place in the index are scrubbed,
what was decided and written from them is removed, and the run is decided and written again from what is left, without
measuring anything. An interrupted request goes on with the next `forget` or `build` of the run.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gristmill.console import Console
from gristmill.pipelines.build import build_from, build_here, checked, warm
from gristmill.pipelines.decide.reselect import decide_selection
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.forget.copies import ForgottenDocument, documents_named, verified_copies
from gristmill.pipelines.inspect.report.write import write_report
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import MAIN, Run, open_run
from gristmill.pipelines.run.shown import Shown
from gristmill.pipelines.scrub.finish import finish, kept_bits
from gristmill.pipelines.scrub.forget_requests import add_forget_request, read_forget_requests
from gristmill.pipelines.scrub.keep_text import purge_documents
from gristmill.pipelines.scrub.scrub import honour_forget_requests, remove_unfinished, scrub_measured
from gristmill.pipelines.shards.manifest import read_shard_manifest
from gristmill.pipelines.shards.tombstones import erase_forgotten
from gristmill.pipelines.sources.ingest import ingest_tasks
from gristmill.pipelines.steps import known_datasets
from gristmill.pipelines.write.corpus import write_selected
from gristmill.schemas import layout
from gristmill.schemas.errors import InputError
from gristmill.schemas.forgetting import ForgetRequest, Mode, SelectionBefore
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.policy import Policy


@dataclass(frozen=True)
class Forgotten(Shown):
    """What a request removed, and where the documents still are. promoted: documents kept now that were not before."""

    run: Run
    removed: tuple[ForgottenDocument, ...]
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
    erase: bool = False,
    engine: Engine | None = None,
    console: Console | None = None,
) -> Forgotten:
    """Remove documents from a run: `record` these ids, `content` also every verified copy of their content.

    shards: folders of token shards written from the run, besides `RUN/shards`; erase: overwrite the tokens there too.
    A run that was interrupted while forgetting is finished first. InputError for an id that the run does not have.
    """
    console = console or Console()
    storage = run.storage if isinstance(run, Run) else Storage(str(run))
    with explained(storage.url), run_lock(storage), running(engine) as started:
        promoted: tuple[str, ...] = ()
        if read_forget_requests(storage).unfinished:
            console.log("forget: an interrupted request is finished first")
            promoted = _carry_out(storage, started, console)
        chosen = open_run(storage.url)
        removed: tuple[ForgottenDocument, ...] = ()
        known = read_forget_requests(storage).doc_ids
        if wanted := [doc_id for doc_id in dict.fromkeys(doc_ids) if doc_id not in known]:
            removed = _found(chosen, wanted, mode)
            entry = _entry(chosen, wanted, mode, removed, shards)
            _check(chosen, entry)
            add_forget_request(storage, entry, b"".join(kept_bits(chosen)))
            promoted = _carry_out(storage, started, console)
        folders = sorted({folder for entry in read_forget_requests(storage).entries for folder in entry.shards})
        for folder in folders if erase else ():
            erase_forgotten(folder, console)
        still_there = tuple(_still_there(storage, () if erase else folders))
        return Forgotten(open_run(storage.url), removed, promoted, still_there)


def _found(run: Run, wanted: Sequence[str], mode: Mode) -> tuple[ForgottenDocument, ...]:
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


def _entry(
    run: Run, asked: Sequence[str], mode: Mode, removed: Sequence[ForgottenDocument], shards: Sequence[str]
) -> ForgetRequest:
    shards_of_build = f"{layout.SHARDS}/{layout.MANIFEST}"
    own = [run.storage.address(layout.SHARDS)] if run.storage.exists(shards_of_build) else []
    given = [Storage(folder).url for folder in shards]  # what a request keeps holds from any working folder
    hashes = {one.content_hash for one in removed if one.content_hash} if mode == "content" else set()
    return ForgetRequest(
        mode=mode,
        asked=list(asked),
        doc_ids=sorted(one.doc_id for one in removed),
        content_hashes=sorted(hashes),
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recipe=run.summary["recipe"],
        sample=run.summary["sample"],
        selections={name: _as_it_was(Run(run.storage, name)) for name in run.selections if name != MAIN},
        report=run.storage.exists(layout.REPORT_PAGE),
        shards=list(dict.fromkeys([*own, *given])),
        texts=run.documents.facts.get(layout.TEXTS, layout.ALL),
    )


def _as_it_was(selection: Run) -> SelectionBefore:
    written = {
        name: selection.storage.exists(f"{selection.folder}{name}")
        for name in (layout.CORPUS.folder, layout.REPORT_PAGE)
    }
    policy = selection.recipe.policy.model_dump(mode="json")
    return SelectionBefore(policy=policy, corpus=written[layout.CORPUS.folder], report=written[layout.REPORT_PAGE])


def _check(run: Run, entry: ForgetRequest) -> None:
    """Raise before anything is written when the request could not be carried out."""
    checked(run.recipe)
    if entry.texts != layout.ALL:  # the run must be built again from its sources
        ingest_tasks(run.storage, run.recipe, entry.sample)
    for folder in entry.shards:
        read_shard_manifest(Storage(folder))


def _carry_out(storage: Storage, engine: Engine, console: Console) -> tuple[str, ...]:
    """Do what the unfinished request asks for, from wherever an earlier attempt stopped; returns who took over."""
    requests = read_forget_requests(storage)
    entry = requests.entries[requests.unfinished[0]]
    chosen = checked(Recipe.model_validate(entry.recipe))
    recipe, context = chosen.recipe, chosen.context(storage, engine, console, entry.sample)
    started = time.monotonic()
    documents = read_manifest(storage, layout.DOCUMENTS.folder)
    if documents is None or documents.facts.get(layout.TEXTS, layout.ALL) != layout.ALL:
        build_here(context, ingest_tasks(storage, recipe, entry.sample), entry.report)
    else:
        specs = known_datasets(recipe)
        storage.remove_file(layout.MANIFEST)
        remove_unfinished(storage, specs)
        documents = context.add(layout.DOCUMENTS, honour_forget_requests(context, documents))
        scrub_measured(context, documents, specs)
        warm(context)
        build_from(context, started, entry.report, forgot=True)
    for name, before in entry.selections.items():
        _decide_again(open_run(storage.url), engine, name, before, console)
    if entry.texts == layout.PURGED:
        purge_documents(open_run(storage.url), engine, console)
    return finish(storage, console)


def _decide_again(run: Run, engine: Engine, name: str, before: SelectionBefore, console: Console) -> None:
    """A selection as it was before, without what was forgotten."""
    selection = decide_selection(run, engine, Policy.model_validate(before.policy), name, console)
    if before.corpus:
        write_selected(selection, engine, console)
    if before.report:
        write_report(selection, engine, console)


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
        yield f"tokens in {folder}: never served again, on disk until overwritten with --erase"
    yield "copies made of this run's files, and runs that were built against it"
