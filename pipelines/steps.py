"""The steps of a build, in their order; adding one is its own file plus a line here."""

from collections.abc import Sequence
from functools import cache

from gristmill.pipelines.run.step import GROUP, Step, step_class
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.lookup import installed_names, load_object
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.yaml_files import validated

STEPS = (
    "gristmill.pipelines.measure.families:MeasureSignals",
    "gristmill.pipelines.measure.datatrove_steps:RunDatatroveSteps",
    "gristmill.pipelines.measure.scores:JoinScores",
    "gristmill.pipelines.preferences.step:DescribePreferences",
    "gristmill.pipelines.embed.step:EmbedRows",
    "gristmill.pipelines.decontamination.stage:CompareWithSets",
    "gristmill.pipelines.dedup.exact:FindExactDuplicates",
    "gristmill.pipelines.dedup.near.step:FindNearDuplicates",
    "gristmill.pipelines.select.contradictions:FindContradictions",
    "gristmill.pipelines.decide.decisions:Decide",
    "gristmill.pipelines.select.step:SelectRows",
    "gristmill.pipelines.select.step:BalanceRows",
    "gristmill.pipelines.cut.step:CutSurvivors",
    "gristmill.pipelines.write.corpus:WriteCorpus",
    "gristmill.pipelines.write.mix.stage:WriteMix",
    "gristmill.pipelines.shards.write:WriteShards",
)


@cache
def brought() -> tuple[Step, ...]:
    """gristmill's own steps, in order."""
    return tuple(load_object(reference)() for reference in STEPS)


def steps_of(recipe: Recipe) -> tuple[Step, ...]:
    """The steps of a build in order: gristmill's that the recipe wants, and its own at the end of their phase.

    RecipeError for a step that cannot be loaded, whose options are wrong, or whose name or datasets another one has.
    """
    own = [_load(entry.use, entry.options, f"steps.{number}") for number, entry in enumerate(recipe.steps)]
    found: list[Step] = []
    for phase in ("measure", "decide", "write"):
        found += [step for step in brought() if step.phase == phase and step.is_wanted(recipe)]
        found += [step for step in own if step.phase == phase and step.is_wanted(recipe)]
    _refuse_twins([*brought(), *own])
    return tuple(found)


def known_datasets(recipe: Recipe) -> tuple[DatasetSpec, ...]:
    """Every dataset that a run of this recipe may hold: gristmill's, and those of the recipe's own steps."""
    own = [spec for step in steps_of(recipe) if step not in brought() for spec in step.datasets()]
    return (*layout.datasets(), *own)


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
