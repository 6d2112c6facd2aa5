"""Building a corpus: ingest, measure, edges, decide, materialise, report; each stage redone only when it must be."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gristmill
from gristmill.console import Console
from gristmill.filters.dedup.token_units import load_tokenizer
from gristmill.filters.foreign.datatrove_step import check_steps
from gristmill.filters.registry import family
from gristmill.pipelines.decide.compile_policy import CompiledPolicy, compile_policy, compile_recipe, needed_families
from gristmill.pipelines.decide.cut_survivors import Cuts, cut_survivors
from gristmill.pipelines.decide.decisions import Measured, decide
from gristmill.pipelines.decide.keep_text import remove_texts
from gristmill.pipelines.decide.languages import language_options, mix_with_labels
from gristmill.pipelines.decide.materialise import write_corpus
from gristmill.pipelines.decontaminate.eval_sets import plan_sets
from gristmill.pipelines.decontaminate.stage import contamination
from gristmill.pipelines.dedup.exact import CONTENT_KEY, exact_edges
from gristmill.pipelines.dedup.near.edges import near_edges
from gristmill.pipelines.dedup.near.options import bands_of
from gristmill.pipelines.dedup.near.published import open_published
from gristmill.pipelines.dedup.near.warm import KERNELS as NEAR_KERNELS
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.engine.warm import kernels_of, warm_kernels
from gristmill.pipelines.foreign.stage import run_foreign
from gristmill.pipelines.forget.ledger import read_ledger
from gristmill.pipelines.forget.scrub import honour_ledger, remove_unfinished, scrub_measured
from gristmill.pipelines.ingest import IngestTask, ingest, plan_tasks
from gristmill.pipelines.measure import FamilyKey, measure
from gristmill.pipelines.mix.stage import mix_corpus
from gristmill.pipelines.privacy import Privacy, privacy_of
from gristmill.pipelines.readers.split import Split
from gristmill.pipelines.run.dataset import MANIFEST, read_manifest
from gristmill.pipelines.run.lock import LOCK, run_lock
from gristmill.pipelines.run.run import Run, count_kept, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.shards.tokenizer import prepare_tokenizer
from gristmill.pipelines.shards.write import write_shards_of_build
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe import Policy, Recipe, load_recipe, validated

OWNER_FILE = "gristmill-run.json"


@dataclass(frozen=True)
class Plan:
    """A recipe checked as a whole: policy compiled, families and options known, models and lists there."""

    recipe: Recipe
    policy: CompiledPolicy
    floor: CompiledPolicy
    families: Mapping[FamilyKey, Mapping[str, Any]]
    evaluation_sets: Mapping[str, list[Split]]
    privacy: Privacy | None


def plan(recipe: Recipe) -> Plan:
    """RecipeError or ModelError for everything that can be known before a run starts."""
    floor = compile_policy(Policy(), recipe.floor, None, language_options(recipe))
    policy = compile_recipe(recipe)
    if recipe.mix:
        recipe = recipe.model_copy(update={"mix": mix_with_labels(recipe.mix, language_options(recipe))})
    families = {**needed_families(recipe, policy), **needed_families(recipe, floor)}
    if recipe.dedup.exact:
        families[CONTENT_KEY] = {"normalise": sorted(recipe.dedup.exact.normalise)}
    if recipe.dedup.near:
        bands_of(recipe.dedup.near)
        open_published(recipe.dedup, 0)
    if recipe.dedup.substrings and recipe.dedup.substrings.tokenizer:
        load_tokenizer(recipe.dedup.substrings.tokenizer)
    for (name, _), options in families.items():
        family(name).check_options(options)
    check_steps(recipe.foreign)
    if recipe.shards:
        prepare_tokenizer(recipe.shards)
    sets = plan_sets(recipe.decontaminate) if recipe.decontaminate else {}
    return Plan(recipe, policy, floor, families, sets, privacy_of(recipe))


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
    logged at the end, and is `incomplete` of the run that is returned.
    Raises GristmillError: RecipeError, InputError and ModelError before anything is written.
    """
    console = console or Console()
    chosen = as_recipe(recipe)
    planned = plan(chosen)
    storage = Storage(str(out))
    tasks = plan_tasks(storage, chosen, sample, console)
    with explained(storage.url):
        _claim(storage)
    with explained(storage.url), run_lock(storage), engine or Engine() as running:
        run = build_here(storage, running, planned, tasks, sample, console, report)
        if read_ledger(storage).unfinished:
            from gristmill.pipelines.forget.forget import finish

            finish(storage, console)
    return run


def build_here(
    storage: Storage,
    engine: Engine,
    planned: Plan,
    tasks: Sequence[IngestTask],
    sample: float | None,
    console: Console,
    report: bool,
) -> Run:
    """Build under the lock that the caller holds. What the ledger of forgotten documents names stays forgotten."""
    started = time.monotonic()
    storage.remove_file(MANIFEST)  # what it says of the run may stop being true before it is written again
    if read_ledger(storage).unfinished:
        remove_unfinished(storage)
    warm(engine, planned, console)
    documents = honour_ledger(storage, engine, ingest(storage, engine, planned.recipe, tasks, console), console)
    scrub_measured(storage, engine, documents)
    _remove_stale_selections(storage, documents, console)
    return build_from(storage, engine, planned, documents, sample, started, console, report)


def warm(engine: Engine, planned: Plan, console: Console) -> None:
    """Compile the kernels ahead where they run in this process."""
    if not engine.tasks_are_remote:
        wanted = kernels_of(list(planned.families), [planned.policy.text_version])
        wanted += [
            *(NEAR_KERNELS if planned.recipe.dedup.near else ()),
            *(["contamination:all"] if planned.recipe.decontaminate else ()),
        ]
        warm_kernels(wanted, console)


def build_from(
    storage: Storage,
    engine: Engine,
    planned: Plan,
    documents: DatasetManifest,
    sample: float | None,
    started: float,
    console: Console,
    report: bool,
) -> Run:
    """Everything after the documents are there: measure, edges, decide, write, report. The lock is held."""
    recipe, version = planned.recipe, planned.policy.text_version
    where = (storage, engine)
    signals = measure(*where, documents, planned.families, console)
    if recipe.foreign:
        signals |= run_foreign(*where, recipe.foreign, documents, console)
    if recipe.decontaminate:
        sets = planned.evaluation_sets
        signals |= contamination(*where, recipe.decontaminate, sets, documents, console)
    members = None
    if recipe.dedup.exact:
        members = exact_edges(*where, recipe.dedup.exact, planned.floor, documents, signals, console)
    near = None
    if recipe.dedup.near:
        near = near_edges(*where, recipe.dedup, planned.floor, documents, signals, console)
    measured = Measured(documents, signals, members, near)
    decisions = decide(*where, recipe, planned.policy, measured, "", console)
    decisions, cuts = cut_survivors(*where, recipe, documents, signals, decisions, version, "", console)
    corpus = write_corpus(*where, documents, signals, decisions, cuts, version, planned.privacy, "", console)
    goes_on = sample is None and count_kept(decisions) > 0  # a mix is planned in tokens of the whole
    if recipe.mix and goes_on:
        seed = recipe.seed if recipe.mix.seed is None else recipe.mix.seed
        mix_corpus(*where, recipe.mix, seed, signals, decisions, corpus, "", console)
    if recipe.shards and goes_on:
        write_shards_of_build(engine, Run(storage), recipe.shards, console)
    seconds = time.monotonic() - started
    _write_summary(storage, recipe, engine, documents, signals, decisions, cuts, corpus, seconds, sample)
    run = open_run(storage.url)
    if report:
        from gristmill.pipelines.report.write import write_report

        write_report(run, engine, console)
    if recipe.keep_text != "all":
        remove_texts(*where, recipe.keep_text, documents, decisions, console)
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
    if storage.exists(OWNER_FILE):
        return
    ours = (LOCK, OWNER_FILE)  # also as the temporary files that an interrupted start leaves
    present = [name for name in storage.list("") if not name.startswith(ours)]
    if present:
        raise RunError(
            f"the folder is not empty and is no gristmill run (found {', '.join(present[:3])})",
            where=storage.url,
            expected="an empty or new folder, or an earlier run",
            next_step="choose another --out",
        )
    storage.put_if_absent(OWNER_FILE, {"gristmill": gristmill.__version__})


def _remove_stale_selections(storage: Storage, documents: DatasetManifest, console: Console) -> None:
    """Selections decided on documents that are no longer there would name rows of others."""
    for name in storage.list("selections"):
        decided = read_manifest(storage, f"selections/{name}/decisions")
        if decided is None or decided.inputs["documents"] != layout_fingerprint(documents):
            storage.remove(f"selections/{name}")
            console.log(f"selections/{name}: removed, the documents it was decided on have changed")


def _write_summary(
    storage: Storage,
    recipe: Recipe,
    engine: Engine,
    documents: DatasetManifest,
    signals: Mapping[FamilyKey, DatasetManifest],
    decisions: DatasetManifest,
    cuts: Cuts,
    corpus: DatasetManifest,
    seconds: float,
    sample: float | None,
) -> None:
    stages = [documents, *signals.values(), decisions, *cuts.values(), corpus]
    storage.write_json(
        MANIFEST,
        {
            "gristmill": gristmill.__version__,
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "recipe": recipe.model_dump(mode="json"),
            "engine": engine.name,
            "sample": sample,
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
