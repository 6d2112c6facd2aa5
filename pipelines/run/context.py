"""What a step works in: where the run lies, on which engine, under which recipe, and what is there already."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import NumberedPart
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.map_parts import BatchFunction, map_documents_part
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.run.units import run_units
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.signals import FamilyKey

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class RunContext:
    """A run in the making, as its steps see it.

    sample: the fraction of documents that is taken; None: all. selection: prefix of the datasets of the selection that is
    decided, "" for the run's own decision. forgetting: documents are leaving the run, so what others may rely on (token
    shards) is not made anew: it is marked afterwards. Steps that come later find here what earlier ones brought up to date:
    `documents`, `signals`, the manifests by the folder of their dataset, and what steps leave to each other by its type
    (`leave`, `left`).
    """

    storage: Storage
    engine: Engine
    console: Console
    recipe: Recipe
    sample: float | None = None
    selection: str = ""
    signals: dict[FamilyKey, DatasetManifest] = field(default_factory=dict)
    manifests: dict[str, DatasetManifest] = field(default_factory=dict)
    forgetting: bool = False
    _left: dict[type, Any] = field(default_factory=dict)

    @property
    def documents(self) -> DatasetManifest:
        """The manifest of documents/."""
        return self.made(layout.DOCUMENTS)

    @property
    def decisions(self) -> DatasetManifest:
        """The manifest of the selection's decisions."""
        return self.made(layout.DECISIONS.of(self.selection))

    def add(self, spec: DatasetSpec, manifest: DatasetManifest) -> DatasetManifest:
        """Say that a dataset is up to date; returns its manifest."""
        self.manifests[spec.folder] = manifest
        return manifest

    def made(self, spec: DatasetSpec) -> DatasetManifest:
        """The manifest of a dataset that an earlier step has brought up to date; RunError when none has."""
        if spec.folder not in self.manifests:
            raise RunError(
                f"no step has brought {spec.folder} up to date",
                where=self.storage.url,
                expected=f"one of {', '.join(sorted(self.manifests)) or 'none yet'}",
                next_step="let the step that reads it come after the step that makes it",
            )
        return self.manifests[spec.folder]

    def stored(self, spec: DatasetSpec) -> DatasetManifest | None:
        """The manifest of a dataset as it lies in the run, up to date or not; None when there is none."""
        return read_manifest(self.storage, spec.folder)

    def need_texts(self, what: str) -> None:
        """RunError that says what must be done with the text of every document, unless all texts are still stored."""
        if self.documents.facts.get(layout.TEXTS, layout.ALL) != layout.ALL:
            raise RunError(
                f"{what}, but texts were removed",
                where=layout.DOCUMENTS.folder,
                expected="the text of every document (the run was built with keep_text other than `all`)",
                next_step="build into a new folder",
            )

    def leave(self, value: Any) -> None:
        """Leave something to later steps; one of each type."""
        self._left[type(value)] = value

    def left(self, kind: type[Result]) -> Result:
        """What a step has left of this type; KeyError when none has."""
        found: Result = self._left[kind]
        return found

    def left_or(self, kind: type[Result], default: Result | None) -> Result | None:
        """What a step has left of this type, else `default`."""
        found: Result | None = self._left.get(kind, default)
        return found

    def numbered_documents(self, wanted: Iterable[FamilyKey] = ()) -> list[NumberedPart]:
        """The parts of the documents, with those of the signal families that are wanted."""
        families = list(wanted)
        return [
            NumberedPart(number, part, {key: self.signals[key].parts[number] for key in families})
            for number, part in enumerate(self.documents.parts)
        ]

    def stage(
        self,
        spec: DatasetSpec,
        config: Mapping[str, Any],
        inputs: Mapping[str, str],
        versions: Mapping[str, str] | None = None,
    ) -> Stage:
        """The making of a dataset of this run; see Stage."""
        return Stage(self.storage, spec, config, inputs, versions)

    def run_units(
        self,
        function: Callable[[Task], int],
        tasks: Sequence[Task],
        *units: tuple[DatasetSpec, Callable[[Task], str]],
        label: str | None = None,
        amount: Callable[[Task], int] = lambda task: 1,
        of: str = "parts",
        apart: bool = False,
    ) -> None:
        """Run the tasks of this run of which a unit is missing; see `units.run_units`."""
        where = self.engine, self.storage, self.console
        run_units(*where, function, tasks, *units, label=label, amount=amount, of=of, apart=apart)

    def map_documents(
        self,
        stage: Stage,
        function: BatchFunction,
        columns: Sequence[str],
        arguments: Any = None,
        *,
        label: str | None = None,
    ) -> None:
        """Write a unit of the stage's dataset for each part of the documents that has none yet.

        function: `(batch, arguments) -> batch`, called with the named columns of documents/; its answer has the columns of
        the dataset. It runs in worker threads, or on the executors of a cluster, where its module must be importable.
        """
        self.run_units(
            partial(map_documents_part, self.storage, stage.spec, tuple(columns), function, arguments),
            self.documents.parts,
            (stage.spec, lambda part: part.key),
            label=label,
            amount=lambda part: part.text_bytes,
            of="bytes",
        )
