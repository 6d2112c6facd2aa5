"""Building a corpus: ingest, measure, edges, decide, materialise, report; each stage redone only when it must be."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gristmill
from gristmill.console import Console
from gristmill.pipelines.cut.step import CutsMade
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.engine.warm import load_kernels, warm_kernels
from gristmill.pipelines.policy.compile import CompiledRecipe, compile_all
from gristmill.pipelines.policy.languages import language_options, mix_with_labels
from gristmill.pipelines.policy.load import load_recipe
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, count_kept, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.scrub.finish import finish
from gristmill.pipelines.scrub.forget_requests import read_forget_requests
from gristmill.pipelines.scrub.keep_text import remove_texts
from gristmill.pipelines.scrub.scrub import honour_forget_requests, remove_unfinished, scrub_measured
from gristmill.pipelines.sources.ingest import IngestTask, ingest, ingest_tasks, reading_kernels
from gristmill.pipelines.steps import known_datasets, steps_of
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.yaml_files import validated


@dataclass(frozen=True)
class CheckedRecipe:
    """A recipe of which everything was checked that can be known before a run starts, with its names resolved."""

    recipe: Recipe
    compiled: CompiledRecipe

    def context(self, storage: Storage, engine: Engine, console: Console, sample: float | None) -> RunContext:
        """What the steps of its build work in."""
        found = RunContext(storage, engine, console, self.recipe, sample)
        found.leave(self.compiled)
        return found


def checked(recipe: Recipe) -> CheckedRecipe:
    """Check a recipe and each of its steps. Raises RecipeError, InputError and ModelError."""
    compiled = compile_all(recipe)
    for step in steps_of(recipe):
        step.check(recipe)
    if recipe.mix:
        recipe = recipe.model_copy(update={"mix": mix_with_labels(recipe.mix, language_options(recipe))})
    return CheckedRecipe(recipe, compiled)


def build(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    out: str | Path,
    *,
    engine: Engine | None = None,
    sample: float | None = None,
    console: Console | None = None,
    report: bool = True,
) -> Run:
    """Build a corpus from `recipe` (an object, a mapping or a YAML file) into the folder or URL `out`.

    A second call with the same recipe does nothing; a changed threshold redoes the decisions only; after an
    interruption the finished work is kept. sample: the fraction of documents to take. What the run lost of its input is
    logged at the end, and is `incomplete` of the run that is returned. An engine that is given goes on running.
    Raises GristmillError: RecipeError, InputError and ModelError before anything is written.
    """
    console = console or Console()
    chosen = checked(as_recipe(recipe))
    storage = Storage(str(out))
    tasks = ingest_tasks(storage, chosen.recipe, sample, console)
    with explained(storage.url):
        _claim(storage)
    with explained(storage.url), run_lock(storage), running(engine) as started:
        run = build_here(chosen.context(storage, started, console, sample), tasks, report)
        if read_forget_requests(storage).unfinished:
            finish(storage, console)
    return run


def build_here(context: RunContext, tasks: Sequence[IngestTask], report: bool) -> Run:
    """Build under the lock that the caller holds. What the requests to forget name stays forgotten."""
    started = time.monotonic()
    specs = known_datasets(context.recipe)
    context.storage.remove_file(
        layout.MANIFEST
    )  # what it says of the run may stop being true before it is written again
    if read_forget_requests(context.storage).unfinished:
        remove_unfinished(context.storage, specs)
    wanted = warm(context, tasks)
    read = ingest(context, tasks, meanwhile=partial(load_kernels, wanted))
    documents = context.add(layout.DOCUMENTS, honour_forget_requests(context, read))
    scrub_measured(context, documents, specs)
    _remove_stale_selections(context)
    return build_from(context, started, report)


def warm(context: RunContext, tasks: Sequence[IngestTask] = ()) -> list[str]:
    """Compile the kernels of all steps, and of what reads the files of `tasks`, ahead where they run in this process.
    Returns the names of what the steps run, see `engine.warm`."""
    wanted = [name for step in steps_of(context.recipe) for name in step.kernels(context)]
    if not context.engine.tasks_are_remote:
        warm_kernels([*reading_kernels(tasks), *wanted], context.console)
    return wanted


def build_from(context: RunContext, started: float, report: bool, *, forgot: bool = False) -> Run:
    """Every step after the documents are there, and the report. The lock is held. forgot: documents just left the run."""
    recipe, console = context.recipe, context.console
    if read_forget_requests(context.storage).unfinished:
        context = replace(context, forgetting=True)
    for step in steps_of(recipe):
        if forgot:
            step.adopt(context)
        step.update(context)
    _write_summary(context, time.monotonic() - started)
    run = open_run(context.storage.url)
    if report:
        from gristmill.pipelines.inspect.report.write import write_report

        write_report(run, context.engine, console)
    if recipe.keep_text != layout.ALL:
        remove_texts(context, recipe.keep_text, context.documents, context.decisions)
    for sentence in run.incomplete:
        console.log(f"INCOMPLETE: {sentence}")
    return run


def as_recipe(recipe: Recipe | Mapping[str, Any] | str | Path) -> Recipe:
    """A recipe from whatever the caller has."""
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        return validated(Recipe, recipe)
    return load_recipe(recipe)


def _claim(storage: Storage) -> None:
    """Refuse a folder that holds something else."""
    if storage.exists(layout.OWNER):
        return
    ours = (layout.LOCK, layout.OWNER)  # also as the temporary files that an interrupted start leaves
    present = [name for name in storage.list("") if not name.startswith(ours)]
    if present:
        raise RunError(
            f"the folder is not empty and is no gristmill run (found {', '.join(present[:3])})",
            where=storage.url,
            expected="an empty or new folder, or an earlier run",
            next_step="choose another --out",
        )
    storage.put_if_absent(layout.OWNER, {"gristmill": gristmill.__version__})


def _remove_stale_selections(context: RunContext) -> None:
    """Selections decided on documents that are no longer there would name rows of others."""
    storage = context.storage
    for name in storage.list(layout.SELECTIONS):
        decided = read_manifest(storage, layout.DECISIONS.of(f"{layout.SELECTIONS}/{name}/").folder)
        if decided is None or decided.inputs["documents"] != layout_fingerprint(context.documents):
            storage.remove(f"{layout.SELECTIONS}/{name}")
            context.console.log(f"{layout.SELECTIONS}/{name}: removed, the documents it was decided on have changed")


def _write_summary(context: RunContext, seconds: float) -> None:
    documents, decisions = context.documents, context.decisions
    corpus = context.made(layout.CORPUS)
    named = {documents.name, decisions.name, corpus.name, *(spec.folder for spec in layout.datasets())}
    own = [manifest for manifest in context.manifests.values() if manifest.name not in named]
    stages = [documents, *context.signals.values(), decisions, *context.left(CutsMade).by_kind.values(), corpus, *own]
    context.storage.write_json(
        layout.MANIFEST,
        {
            "gristmill": gristmill.__version__,
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "recipe": context.recipe.model_dump(mode="json"),
            "engine": context.engine.name,
            "sample": context.sample,
            "seconds": round(seconds, 3),
            "digests": {stage.name: stage.digest for stage in stages},
            "stage_seconds": {stage.name: stage.seconds for stage in stages},
            "totals": {
                "documents": documents.rows,
                "quarantined": documents.facts["quarantined"],
                "kept": count_kept(decisions),
                "text_bytes": documents.text_bytes,
                "corpus_bytes": corpus.text_bytes,
            },
            "balance": documents.facts,
        },
    )
