"""The step: the unit of a pipeline. A build is a list of steps; everything else that knows steps walks the same list.

A step is a class of its own file. gristmill's are listed in `pipelines/steps.py`; an installed package adds its own by
an entry point of the group `gristmill.steps`, and a recipe may name `module:Class` itself:

    steps:
      - use: my_package.my_step:CountLinks
        options: {hosts_only: true}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.lookup import load_registered
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.strict import Strict

if TYPE_CHECKING:
    from gristmill.pipelines.run.context import RunContext
    from gristmill.pipelines.run.run import Run

GROUP = "gristmill.steps"  # of entry points
Phase = Literal["measure", "decide", "write"]
Finding = tuple[str, bool]  # a line of `gristmill doctor`, and whether it is a problem


@dataclass(frozen=True)
class Place:
    """A row of a run: its id, the number of its part of documents/, and its row in that part."""

    doc_id: str
    part: int
    row: int


class Step:
    """One step. Every method but `update` may be left as it is.

    name: of the step, in logs, reports and errors; unique in a build. phase: `measure` comes before the decision and must
    not depend on the policy, `decide` belongs to it, `write` comes after it.
    Options: the model of the options that a recipe may give it, as `options` of a family; a path in it is a `RecipePath`.
    Steps of one's own run in builds, and where a build is made again after forgetting; `reselect` and `materialise` run
    gristmill's alone.
    """

    name: ClassVar[str]
    phase: ClassVar[Phase] = "write"

    class Options(Strict):
        """No options."""

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    def is_wanted(self, recipe: Recipe) -> bool:
        """Whether a recipe that names this step wants it at all. When gristmill's own are wanted stands in their list."""
        return True

    def check(self, recipe: Recipe) -> None:
        """Raise RecipeError or ModelError for everything of the recipe that can be known before a run starts."""

    def kernels(self, context: "RunContext") -> Sequence[str]:
        """What is compiled before the run starts: `module:function`, each called with a few texts (see `engine/warm`)."""
        return ()

    def datasets(self) -> Sequence[DatasetSpec]:
        """Every dataset that the step writes. Its life cycle says what becomes of it when documents are forgotten."""
        return ()

    def update(self, context: "RunContext") -> None:
        """Bring the step's datasets up to date. What is up to date stays; an interrupted attempt is gone on with."""
        raise NotImplementedError

    def adopt(self, context: "RunContext") -> None:
        """Documents were just forgotten: keep what can be kept of datasets whose life is OWN. `update` comes next."""

    def explain(self, run: "Run", place: Place) -> Sequence[str]:
        """Lines about one row for `gristmill explain`."""
        return ()

    def report(self, run: "Run") -> Mapping[str, Any] | None:
        """The step's figures for the report, plain JSON: texts and numbers by name, or tables (lists of mappings)."""
        return None

    def examine(self) -> Iterator[Finding]:
        """What `gristmill doctor` says of what the step needs on this machine."""
        yield from ()


def step_class(use: str) -> type[Step]:
    """The class of a step that gristmill does not bring: the name of an installed one, or `module:Class`.

    Raises RecipeError if there is none, if it cannot be imported, or if it or its `Options` is no class of the right kind.
    """
    loaded = load_registered({}, "step", use, group=GROUP)
    if not (isinstance(loaded, type) and issubclass(loaded, Step)):
        raise RecipeError(f"{use!r} is no step", expected="a class derived from gristmill.Step (`module:Class`)")
    options: Any = loaded.Options
    if not (isinstance(options, type) and issubclass(options, Strict)):
        raise RecipeError(
            f"the step {use!r} has `Options` that are no model", expected="a class derived from gristmill.StrictOptions"
        )
    return loaded
