"""Reselecting: another policy on a finished run, from its signals and edges; no text is read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.console import Console
from gristmill.pipelines.decide.decisions import Measured, decide
from gristmill.pipelines.decide.passed import cuts_line
from gristmill.pipelines.dedup.near.edges import stored_edges
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.policy.compile import CompiledPolicy, compile_recipe
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import MAIN, Run, open_run, write_selection
from gristmill.pipelines.select.balance_stage import check_balance
from gristmill.pipelines.select.stage import check_choice
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.load import load_policy
from gristmill.schemas.recipe.policy import Policy
from gristmill.schemas.yaml_files import validated

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def reselect(
    run: Run | str | Path,
    policy: Policy | Mapping[str, Any] | str | Path,
    name: str | None = None,
    *,
    engine: Engine | None = None,
    console: Console | None = None,
) -> Run:
    """Decide again under `policy` into `selections/<name>/decisions`; returns that selection.

    Cuts of repeated text depend on who survives and need the text: they are left to `materialise`, and the log says so.

    name: by default the policy file's name without its ending, or `reselected`.
    RecipeError when the policy reads a signal the run did not measure, or is looser than the run's floor.
    """
    base = run if isinstance(run, Run) else open_run(run)
    chosen = as_policy(policy)
    name = name or (Path(policy).stem if isinstance(policy, str | Path) else "reselected")
    if not _NAME.fullmatch(name) or name == MAIN:
        raise RecipeError(f"selection name {name!r}", expected=f"letters, digits, . _ -, and not {MAIN!r}")
    recipe = base.recipe.model_copy(update={"policy": chosen})
    _check_measured(base, compile_recipe(recipe))
    if recipe.choosing:
        check_choice(recipe, base.signals, measured(base).embeddings)
    check_balance(recipe, base.signals)
    with explained(base.storage.url), run_lock(base.storage), running(engine) as started:
        console = console or Console()
        selection = decide_selection(base, started, chosen, name, console)
        for sentence in selection.incomplete:
            console.log(f"INCOMPLETE: {sentence}")
        return selection


def decide_selection(base: Run, engine: Engine, policy: Policy, name: str, console: Console) -> Run:
    """Decide `selections/<name>` under a policy whose signals are there; the caller holds the lock."""
    recipe = base.recipe.model_copy(update={"policy": policy})
    compiled = compile_recipe(recipe)
    write_selection(base.storage, name, policy.model_dump(mode="json"))
    selection = Run(base.storage, name)
    decisions = decide(selection.context(engine, console), compiled, measured(base))
    if recipe.cutting:
        console.log(cuts_line(base.storage, base.decisions, decisions, f"{base.storage.url}:{name}"))
    return selection


def measured(run: Run) -> Measured:
    """What a finished run's decisions are made from."""
    dedup = run.recipe.dedup
    edges = stored_edges(run.storage, dedup, len(run.documents.parts)) if dedup.near else None
    embeddings = read_manifest(run.storage, layout.EMBEDDINGS.folder) if run.recipe.embed else None
    exact = read_manifest(run.storage, layout.EXACT_MEMBERS.folder)
    return Measured(run.documents, run.signals, exact, edges, embeddings)


def as_policy(policy: Policy | Mapping[str, Any] | str | Path) -> Policy:
    """A policy from whatever the caller has."""
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, Mapping):
        return validated(Policy, policy)
    return load_policy(policy)


def _check_measured(run: Run, policy: CompiledPolicy) -> None:
    missing = [f"{name}@{version}" for name, version in policy.needed if (name, version) not in run.signals]
    if missing:
        raise RecipeError(
            f"the policy reads signals this run did not measure (families {', '.join(sorted(missing))})",
            where=run.storage.url,
            expected=f"one of {', '.join(sorted({f'{name}@{version}' for name, version in run.signals}))}",
            next_step="add the profile or the family to the recipe and build again; only the new family is measured",
        )
