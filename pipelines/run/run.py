"""A run folder as an object: its recipe, datasets and selections."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.losses import losses
from gristmill.pipelines.run.rows import DatasetRows
from gristmill.pipelines.run.shown import Shown
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.lookup import nearest_name
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.rules import ORIGINAL

MAIN = "main"


@dataclass(frozen=True)
class Run(Shown):
    """A finished build: `corpus` and `table(name)` give its rows, `summary` its figures, `incomplete` what it lost.

    storage: its folder or URL. selection: `main`, or the name of a reselection under `selections/`.
    """

    storage: Storage
    selection: str = MAIN

    @cached_property
    def summary(self) -> dict[str, Any]:
        """manifest.json of the run: recipe, stages, totals, versions."""
        loaded: dict[str, Any] | None = self.storage.read_json_if_there(layout.MANIFEST)
        if loaded is None:
            raise RunError(
                "no finished run here",
                where=self.storage.url,
                expected=layout.MANIFEST,
                next_step="`gristmill build RECIPE --out` this folder (an interrupted build goes on where it stopped)",
            )
        return loaded

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe that measured the run, with the policy of this selection."""
        recipe = dict(self.summary["recipe"])
        if self.selection != MAIN:
            recipe["policy"] = self.storage.read_json(f"{self.folder}{layout.SELECTION}")["policy"]
        return Recipe.model_validate(recipe)

    @property
    def folder(self) -> str:
        """Prefix of this selection's datasets: "" for the run's own."""
        return "" if self.selection == MAIN else f"{layout.SELECTIONS}/{self.selection}/"

    def dataset(self, name: str) -> DatasetManifest:
        """The manifest of `documents`, `signals/<family>`, ...; RunError when it is not there."""
        manifest = read_manifest(self.storage, name)
        if manifest is None:
            raise RunError(f"no dataset {name}", where=self.storage.url, next_step="run the build again")
        return manifest

    def context(self, engine: Engine, console: Console) -> RunContext:
        """What a step works in that brings something of this selection up to date; the caller holds the lock."""
        found = RunContext(
            *(self.storage, engine, console, self.recipe, self.summary["sample"], self.folder),
            signals=dict(self.signals),
        )
        found.add(layout.DOCUMENTS, self.documents)
        return found

    def find(self, spec: DatasetSpec) -> DatasetManifest | None:
        """The manifest of this selection's dataset; None when it is not there."""
        return read_manifest(self.storage, spec.of(self.folder).folder)

    def selected(self, spec: DatasetSpec) -> DatasetManifest:
        """The manifest of this selection's dataset; RunError when it is not there."""
        return self.dataset(spec.of(self.folder).folder)

    @property
    def documents(self) -> DatasetManifest:
        return self.dataset(layout.DOCUMENTS.folder)

    @property
    def decisions(self) -> DatasetManifest:
        return self.selected(layout.DECISIONS)

    @property
    def corpus(self) -> DatasetRows:
        """The rows of this selection's corpus; RunError when it has not been written."""
        return DatasetRows(self.storage, self.selected(layout.CORPUS))

    def table(self, name: str) -> DatasetRows:
        """The rows of a dataset by its folder: `documents`, `decisions`, `corpus`, `signals/gopher_quality`, ...

        Datasets that every selection has are this selection's. RunError, with those that there are, for another name.
        """
        for folder in (f"{self.folder}{name}", name):
            manifest = read_manifest(self.storage, folder)
            if manifest is not None:
                return DatasetRows(self.storage, manifest)
        known = {*self.summary["digests"], *(spec.folder for spec in layout.datasets())}
        there = sorted(folder for folder in known if read_manifest(self.storage, folder) is not None)
        nearest = nearest_name(name, there)
        raise RunError(
            f"no dataset {name!r}" + (f"; did you mean {nearest!r}?" if nearest else ""),
            where=self.storage.url,
            expected=f"one of {', '.join(there)}",
        )

    @cached_property
    def incomplete(self) -> tuple[str, ...]:
        """What this run lost of its input, in sentences (see `losses`); empty for a whole run."""
        return tuple(losses(self.documents, self.decisions))

    @cached_property
    def signals(self) -> dict[tuple[str, str], DatasetManifest]:
        """(family, text version) -> manifest of everything measured for this recipe.

        Families that only an earlier recipe measured may lie beside them, on other documents.
        """
        found = {}
        for name in self.summary["digests"]:
            folder, _, measured = name.partition("/")
            if folder == layout.SIGNALS:
                family, _, version = measured.partition("@")
                found[family, version or ORIGINAL] = self.dataset(name)
        return found

    @property
    def selections(self) -> list[str]:
        return [MAIN, *self.storage.list(layout.SELECTIONS)]

    def __str__(self) -> str:
        decisions = self.decisions
        return f"{self.storage.url} ({self.selection}): {count_kept(decisions):,} of {decisions.rows:,} documents kept"


def open_run(path: str | Path, selection: str | None = None) -> Run:
    """A finished run; `path` may carry the selection as `RUN:name`. RunError when there is none."""
    text = str(path)
    if selection is None and ":" in text and not Storage(text).exists(layout.MANIFEST):
        head, _, tail = text.rpartition(":")
        if head and "/" not in tail:
            text, selection = head, tail
    run = Run(Storage(text), selection or MAIN)
    run.summary  # noqa: B018  fails early, with the message for a person
    if run.selection not in run.selections:
        raise RunError(
            f"no selection {run.selection!r}", where=run.storage.url, expected=f"one of {', '.join(run.selections)}"
        )
    return run


def write_selection(storage: Storage, name: str, policy: dict[str, Any]) -> None:
    """Record the policy of a selection."""
    storage.write_json(f"{layout.SELECTIONS}/{name}/{layout.SELECTION}", {"policy": policy})


def count_kept(decisions: DatasetManifest) -> int:
    """Documents that `decisions` keeps."""
    return sum(part.rows_by.get("True", 0) for part in decisions.parts)
