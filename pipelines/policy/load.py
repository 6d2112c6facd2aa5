"""A recipe from its file, and the options of the signal families and steps that it names, datatrove's among them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from gristmill.filters.datatrove.steps import option_problems
from gristmill.filters.registry import recipe_family
from gristmill.pipelines.run.step import step_class
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.yaml_files import checked_part, describe, problems_error, read_mapping


def load_recipe(path: str | Path) -> Recipe:
    """The recipe in a YAML file; paths in it are relative to the file. RecipeError names file, line and nearest key."""
    data, node = read_mapping(path, Recipe)
    problems: list[str] = []
    recipe = checked_part(Recipe, data, problems, path, node)
    given = data.get("signals")
    named = {str(name): {} for name in given} if isinstance(given, list) else given if isinstance(given, dict) else {}
    signals = {name: _given_options(name, options, problems, path, node) for name, options in named.items()}
    given = data.get("steps")
    entries = [_given_step(number, entry, problems, path, node) for number, entry in enumerate(_entries(given))]
    for number, entry in enumerate(_entries(data.get("datatrove_steps"))):
        _check_datatrove_step(number, entry, problems, path, node)
    if recipe is None or problems:
        raise problems_error(problems, "recipe")
    steps = tuple(
        step.model_copy(update={"options": options}) for step, options in zip(recipe.steps, entries, strict=True)
    )
    return recipe.model_copy(update={"signals": signals, "steps": steps})


def _given_options(
    name: str, given: Any, problems: list[str], path: str | Path, node: yaml.Node | None
) -> dict[str, Any]:
    """The options that a file gives to a family, checked, with absolute paths; what is wrong is added to `problems`."""
    try:
        family = recipe_family(str(name))
    except RecipeError as error:
        problems.append(describe(str(error), ("signals", name), path, node))
        return {}
    if given is not None and not isinstance(given, dict):
        return {}  # the recipe says that it is no mapping
    if family.recipe_key:
        problems.append(describe(str(family.not_under_signals()), ("signals", name), path, node))
        return {}
    found = checked_part(family.options, given or {}, problems, path, node, ("signals", name))
    return {} if found is None else found.model_dump(mode="json", exclude_unset=True)


def _entries(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []  # the recipe says that it is no list


def _given_step(
    number: int, entry: Any, problems: list[str], path: str | Path, node: yaml.Node | None
) -> dict[str, Any]:
    """The options that a file gives to an entry of `steps`, as `_given_options` gives those of a family."""
    use, given = (entry.get("use"), entry.get("options") or {}) if isinstance(entry, dict) else (None, None)
    if not isinstance(use, str) or not isinstance(given, dict):
        return {}  # the recipe says what is wrong with them
    try:
        chosen = step_class(use)
    except RecipeError as error:
        problems.append(describe(str(error), ("steps", number, "use"), path, node))
        return {}
    found = checked_part(chosen.Options, given, problems, path, node, ("steps", number, "options"))
    return {} if found is None else found.model_dump(mode="json", exclude_unset=True)


def _check_datatrove_step(
    number: int, entry: Any, problems: list[str], path: str | Path, node: yaml.Node | None
) -> None:
    """Add to `problems` the options of an entry of `datatrove_steps` that its class has not, or lacks."""
    reference, given = (entry.get("datatrove"), entry.get("options") or {}) if isinstance(entry, dict) else (None, None)
    if not isinstance(reference, str) or not isinstance(given, dict) or find_spec("datatrove") is None:
        return  # the recipe says what is wrong with them; the step, that its package is missing
    at = ("datatrove_steps", number)
    try:
        found = option_problems(reference, given)
    except RecipeError as error:
        problems.append(describe(str(error), (*at, "datatrove"), path, node))
        return
    problems += [describe(problem, (*at, "options"), path, node, key=option or None) for option, problem in found]


def signal_options(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Every family that a recipe names under `signals`, with all its options; RecipeError for options that are wrong.

    Families that it names as `module:attribute` are known by their own name hereafter.
    """
    families = [(recipe_family(name), given) for name, given in recipe.signals.items()]
    return {family.name: family.complete_options(given) for family, given in families}
