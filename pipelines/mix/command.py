"""Mixing the corpus of a finished run or selection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.pipelines.decide.languages import language_options, mix_with_labels
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.mix.plan import MixPlan
from gristmill.pipelines.mix.stage import mix_corpus, mixed_spec
from gristmill.pipelines.run.dataset import read_manifest, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.mixing import Mix
from gristmill.schemas.recipe import load_mix, validated


def mix(
    run: Run | str | Path,
    chosen: Mix | Mapping[str, Any] | str | Path | None = None,
    *,
    only_plan: bool = False,
    engine: Engine | None = None,
    console: Console | None = None,
) -> MixPlan:
    """Mix the corpus of a run or selection (`RUN:name`) by a mix, a YAML file with one, or the recipe's own.

    RecipeError when there is no mix to follow or it cannot be had; RunError when no corpus has been written.
    """
    opened = run if isinstance(run, Run) else open_run(run)
    wanted = as_mix(chosen) or opened.recipe.mix
    if wanted is None:
        raise RecipeError(
            "no mix to follow", where=opened.storage.url, expected="`mix:` in the run's recipe, or a file with one"
        )
    wanted = mix_with_labels(wanted, language_options(opened.recipe))
    with explained(opened.storage.url), run_lock(opened.storage), engine or Engine() as running:
        corpus = current_corpus(opened)
        if corpus is None:
            raise RunError(
                "the corpus of these decisions has not been written",
                where=opened.storage.url,
                expected=f"{opened.folder}corpus",
                next_step=f"gristmill materialise {opened.storage.url}"
                + (f":{opened.selection}" if opened.folder else ""),
            )
        seed = opened.recipe.seed if wanted.seed is None else wanted.seed
        plan, _ = mix_corpus(
            *(opened.storage, running, wanted, seed, opened.signals, opened.decisions, corpus, opened.folder),
            console or Console(),
            only_plan,
        )
    return plan


def as_mix(chosen: Mix | Mapping[str, Any] | str | Path | None) -> Mix | None:
    """A mix from whatever the caller has."""
    if chosen is None or isinstance(chosen, Mix):
        return chosen
    return validated(Mix, chosen) if isinstance(chosen, Mapping) else load_mix(chosen)


def current_corpus(run: Run) -> DatasetManifest | None:
    """The corpus of a selection; None when it was written from other decisions or not at all."""
    found = read_manifest(run.storage, f"{run.folder}corpus")
    return found if found is not None and found.inputs.get("decisions") == run.decisions.digest else None


def mixed_corpus(run: Run) -> DatasetManifest | None:
    """The mix of a selection's corpus; None when it was not mixed, or has been written anew since."""
    found = read_manifest(run.storage, mixed_spec(run.folder).folder)
    corpus = current_corpus(run)
    return found if found and corpus and found.inputs["corpus"] == layout_fingerprint(corpus) else None


def copies_in_mix(run: Run, part_key: str, doc_id: str) -> int | None:
    """How often the mix uses a document of that part; None when there is no mix of the selection's corpus."""
    manifest = mixed_corpus(run)
    if manifest is None:
        return None
    parts = [part for part in manifest.parts if part.key == part_key]
    rows = pa.concat_tables([read_part(run.storage, part, ["doc_id", "copies"]) for part in parts])
    found = rows.filter(pc.equal(rows.column("doc_id"), doc_id)).column("copies").to_pylist()
    return found[0] if found else 0
