"""The steps of a build, in their order; adding one is its own file plus a line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from gristmill.pipelines.run.step import GROUP, Phase, Step, step_class
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.lookup import installed_names, load_object
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.pair import KIND as PAIRS
from gristmill.schemas.yaml_files import validated


@dataclass(frozen=True)
class BroughtStep:
    """A step that gristmill brings: `module:Class`, and whether a recipe asks for it.

    Whether it does is known here, so that a build imports only its own steps and what they use.
    """

    reference: str
    is_asked_for: Callable[[Recipe], object] = lambda recipe: True


PHASES: tuple[Phase, ...] = ("measure", "decide", "write")


def _has_pairs(recipe: Recipe) -> bool:
    return recipe.rows == PAIRS.name or recipe.preferences is not None


STEPS = (
    BroughtStep("gristmill.pipelines.measure.families:MeasureSignals"),
    BroughtStep("gristmill.pipelines.measure.datatrove_steps:RunDatatroveSteps", lambda recipe: recipe.datatrove_steps),
    BroughtStep("gristmill.pipelines.measure.scores:JoinScores", lambda recipe: recipe.scores),
    BroughtStep("gristmill.pipelines.preferences.step:DescribePreferences", _has_pairs),
    BroughtStep("gristmill.pipelines.embed.step:EmbedRows", lambda recipe: recipe.embed),
    BroughtStep("gristmill.pipelines.decontamination.stage:CompareWithSets", lambda recipe: recipe.decontaminate),
    BroughtStep("gristmill.pipelines.dedup.exact:FindExactDuplicates", lambda recipe: recipe.dedup.exact),
    BroughtStep("gristmill.pipelines.dedup.near.step:FindNearDuplicates", lambda recipe: recipe.dedup.near),
    BroughtStep("gristmill.pipelines.select.contradictions:FindContradictions", lambda recipe: recipe.contradictions),
    BroughtStep("gristmill.pipelines.decide.decisions:Decide"),
    BroughtStep("gristmill.pipelines.select.step:SelectRows", lambda recipe: recipe.choosing),
    BroughtStep("gristmill.pipelines.select.step:BalanceRows", lambda recipe: recipe.policy.balance),
    BroughtStep("gristmill.pipelines.cut.step:CutSurvivors"),
    BroughtStep("gristmill.pipelines.write.corpus:WriteCorpus"),
    BroughtStep("gristmill.pipelines.write.mix.stage:WriteMix", lambda recipe: recipe.mix),
    BroughtStep("gristmill.pipelines.shards.write:WriteShards", lambda recipe: recipe.shards),
)


@cache
def _brought(reference: str) -> Step:
    step = load_object(reference)()
    assert isinstance(step, Step)
    return step


def brought() -> tuple[Step, ...]:
    """gristmill's own steps, in order."""
    return tuple(_brought(entry.reference) for entry in STEPS)


def steps_of(recipe: Recipe) -> tuple[Step, ...]:
    """The steps of a build in order: gristmill's that the recipe asks for, and its own at the end of their phase.

    RecipeError for a step that cannot be loaded, whose options are wrong, or whose name or datasets another one has.
    """
    own, ours = _own(recipe), [_brought(entry.reference) for entry in STEPS if entry.is_asked_for(recipe)]
    return tuple(step for phase in PHASES for step in (*ours, *own) if step.phase == phase)


def _own(recipe: Recipe) -> list[Step]:
    """The recipe's own steps that it wants; RecipeError as of `steps_of`."""
    own = [_load(entry.use, entry.options, f"steps.{number}") for number, entry in enumerate(recipe.steps)]
    if own:
        _refuse_twins([*brought(), *own])
    return [step for step in own if step.is_wanted(recipe)]


def known_datasets(recipe: Recipe) -> tuple[DatasetSpec, ...]:
    """Every dataset that a run of this recipe may hold: gristmill's, and those of the recipe's own steps."""
    return (*layout.datasets(), *(spec for step in _own(recipe) for spec in step.datasets()))


def installed_steps() -> tuple[Step, ...]:
    """Steps that installed packages bring, with their default options."""
    return tuple(_load(name, {}, GROUP) for name in sorted(installed_names(GROUP)))


def _load(use: str, options: dict[str, object], where: str) -> Step:
    try:
        chosen = step_class(use)
        return chosen(validated(chosen.Options, options))
    except RecipeError as error:
        raise RecipeError(str(error), where=where) from error


def _refuse_twins(steps: Sequence[Step]) -> None:
    for what, names in (
        ("name", [step.name for step in steps]),
        ("dataset", [spec.folder for step in steps for spec in step.datasets()]),
    ):
        twins = sorted({name for name in names if names.count(name) > 1})
        if twins:
            raise RecipeError(
                f"two steps have the {what} {twins[0]!r}", where="steps", expected=f"a {what} that no other step has"
            )
