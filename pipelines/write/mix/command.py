"""Mixing the corpus of a finished run or selection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.policy.languages import language_options, mix_with_labels
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.write.mix.stage import mix_corpus
from gristmill.pipelines.write.mix.stored import current_corpus
from gristmill.pipelines.write.mix.targets import MixTargets
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.recipe.load import load_mix
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.yaml_files import validated


def mix(
    run: Run | str | Path,
    chosen: Mix | Mapping[str, Any] | str | Path | None = None,
    *,
    dry_run: bool = False,
    engine: Engine | None = None,
    console: Console | None = None,
) -> MixTargets:
    """Mix the corpus of a run or selection (`RUN:name`): write each document with how often it is used.

    chosen: a mix as an object or a mapping, the path of a YAML file with one, or None for the mix of the run's recipe.
    dry_run: compute the targets and write nothing. Returns the targets in tokens by group; `str()` shows them as a table.
    Raises RecipeError if there is no mix to follow or it cannot be had, and RunError if no corpus has been written.
    """
    opened = run if isinstance(run, Run) else open_run(run)
    wanted = as_mix(chosen) or opened.recipe.mix
    if wanted is None:
        raise RecipeError(
            "no mix to follow", where=opened.storage.url, expected="`mix:` in the run's recipe, or a file with one"
        )
    wanted = mix_with_labels(wanted, language_options(opened.recipe))
    with explained(opened.storage.url), run_lock(opened.storage), running(engine) as started:
        corpus = current_corpus(opened)
        if corpus is None:
            raise RunError(
                "the corpus of these decisions has not been written",
                where=opened.storage.url,
                expected=layout.CORPUS.of(opened.folder).folder,
                next_step=f"gristmill materialise {opened.storage.url}"
                + (f":{opened.selection}" if opened.folder else ""),
            )
        seed = opened.recipe.seed if wanted.seed is None else wanted.seed
        context = opened.context(started, console or Console())
        targets, _ = mix_corpus(context, wanted, seed, opened.decisions, corpus, dry_run)
    return targets


def as_mix(chosen: Mix | Mapping[str, Any] | str | Path | None) -> Mix | None:
    """A mix from whatever the caller has."""
    if chosen is None or isinstance(chosen, Mix):
        return chosen
    return validated(Mix, chosen) if isinstance(chosen, Mapping) else load_mix(chosen)
