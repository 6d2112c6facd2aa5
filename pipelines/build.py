"""Building a corpus: ingest, measure, edges, decide, materialise, report; each stage redone only when it must be."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.filters.foreign.datatrove_step import check_steps
from gristmill.filters.registry import family
from gristmill.pipelines.console import Console
from gristmill.pipelines.decide.compile_policy import CompiledPolicy, compile_policy, compile_recipe, needed_families
from gristmill.pipelines.decide.cut_survivors import Cuts, cut_survivors
from gristmill.pipelines.decide.decisions import Measured, decide
from gristmill.pipelines.decide.keep_text import remove_texts
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
from gristmill.pipelines.ingest import ingest, plan_tasks
from gristmill.pipelines.measure import FamilyKey, measure
from gristmill.pipelines.mix.stage import mix_corpus
from gristmill.pipelines.readers.split import Split
from gristmill.pipelines.run.dataset import MANIFEST, read_manifest
from gristmill.pipelines.run.lock import LOCK, run_lock
from gristmill.pipelines.run.run import Run, count_kept, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe import Policy, Recipe, load_recipe, validated

import gristmill

OWNER_FILE = "gristmill-run.json"


@dataclass(frozen=True)
class Plan:
    """A recipe checked as a whole: policy compiled, families and options known, models and lists there."""

    recipe: Recipe
    policy: CompiledPolicy
    floor: CompiledPolicy
    families: Mapping[FamilyKey, Mapping[str, Any]]
    evaluation_sets: Mapping[str, list[Split]]


def plan(recipe: Recipe) -> Plan:
    """RecipeError or ModelError for everything that can be known before a run starts."""
    floor = compile_policy(Policy(), recipe.floor)
    policy = compile_recipe(recipe)
    families = {**needed_families(recipe, policy), **needed_families(recipe, floor)}
    if recipe.dedup.exact:
        families[CONTENT_KEY] = {"normalise": sorted(recipe.dedup.exact.normalise)}
    if recipe.dedup.near:
        bands_of(recipe.dedup.near)
        open_published(recipe.dedup, 0)
    for (name, _), options in families.items():
        family(name).check_options(options)
    check_steps(recipe.foreign)
    sets = plan_sets(recipe.decontaminate) if recipe.decontaminate else {}
    return Plan(recipe, policy, floor, families, sets)


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
    interruption the finished work is kept. sample: the fraction of documents to take.
    Raises GristmillError: RecipeError, InputError and ModelError before anything is written.
    """
    console = console or Console()
    chosen = as_recipe(recipe)
    planned = plan(chosen)
    storage = Storage(str(out))
    tasks = plan_tasks(storage, chosen, sample)
    started = time.monotonic()
    with explained(storage.url):
        _claim(storage)
    with explained(storage.url), run_lock(storage), engine or Engine() as running:
        storage.remove(MANIFEST)  # what it says of the run may stop being true before it is written again
        if not running.tasks_are_remote:
            wanted = kernels_of(list(planned.families), [planned.policy.text_version])
            wanted += [
                *(NEAR_KERNELS if chosen.dedup.near else ()),
                *(["contamination:all"] if chosen.decontaminate else ()),
            ]
            warm_kernels(wanted, console)
        documents = ingest(storage, running, chosen, tasks, console)
        _remove_stale_selections(storage, documents, console)
        signals = measure(storage, running, documents, planned.families, console)
        if chosen.foreign:
            signals |= run_foreign(storage, running, chosen.foreign, documents, console)
        if chosen.decontaminate:
            sets = planned.evaluation_sets
            signals |= contamination(storage, running, chosen.decontaminate, sets, documents, console)
        members = None
        if chosen.dedup.exact:
            members = exact_edges(storage, running, chosen.dedup.exact, planned.floor, documents, signals, console)
        near = None
        if chosen.dedup.near:
            near = near_edges(storage, running, chosen.dedup, planned.floor, documents, signals, console)
        measured = Measured(documents, signals, members, near)
        decisions = decide(storage, running, chosen, planned.policy, measured, "", console)
        version = planned.policy.text_version
        decisions, cuts = cut_survivors(storage, running, chosen, documents, signals, decisions, version, "", console)
        corpus = write_corpus(storage, running, documents, signals, decisions, cuts, version, "", console)
        if chosen.mix and sample is None:  # a mix is planned in tokens of the whole
            seed = chosen.seed if chosen.mix.seed is None else chosen.mix.seed
            mix_corpus(storage, running, chosen.mix, seed, signals, decisions, corpus, "", console)
        seconds = time.monotonic() - started
        _write_summary(storage, chosen, running, documents, signals, decisions, cuts, corpus, seconds, sample)
        run = open_run(storage.url)
        if report:
            from gristmill.pipelines.report.write import write_report

            write_report(run, running, console)
        if chosen.keep_text != "all":
            remove_texts(storage, running, chosen.keep_text, documents, decisions, console)
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
