"""The JSON Schemas that `gristmill schema` prints, so that an editor checks a recipe while it is written."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gristmill.filters.registry import NAMED_FAMILIES, family, known_families, recipe_family
from gristmill.pipelines.run.step import GROUP, step_class
from gristmill.schemas.lookup import installed_names, unknown_name_error
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.policy import Policy
from gristmill.schemas.recipe.steps import OwnStep
from gristmill.schemas.yaml_files import read_mapping
from gristmill.training.kinds.registry import KINDS, recipe_model
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_OUTSIDE = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"  # `module:attribute`
_GIVEN_NAME = r"^{}_[a-z_][a-z0-9_]*$"


def json_schema(what: str) -> dict[str, Any]:
    """The JSON Schema of a recipe, a policy or a training recipe (by its kind).

    what: `recipe`, `policy`, `training`, a kind of training, or the path of a recipe: then the options of the signal families
    and steps that this recipe names as `module:attribute` are in the schema, too. RecipeError for another word.
    """
    if what == "recipe":
        return recipe_schema()
    if what == "policy":
        return Policy.model_json_schema()
    kind = "pretrain" if what == "training" else what
    if kind in KINDS:
        return recipe_model(kind).model_json_schema()
    if not Path(what).is_file():
        raise unknown_name_error("schema", what, ["recipe", "policy", "training", *KINDS, "the path of a recipe"])
    return recipe_schema(*_named_in(what))


def _named_in(path: str) -> tuple[list[str], list[str]]:
    """The signal families and the steps that a recipe names as `module:attribute`; the rest of it may be wrong."""
    data, _ = read_mapping(path, Recipe)
    signals, steps = data.get("signals"), data.get("steps")
    signals = signals if isinstance(signals, list | dict) else ()
    steps = steps if isinstance(steps, list) else ()
    uses = [str(entry.get("use")) for entry in steps if isinstance(entry, dict)]
    return [str(name) for name in signals if ":" in str(name)], [use for use in uses if ":" in use]


def recipe_schema(families: Sequence[str] = (), steps: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON Schema of a recipe, with the options of every signal family and step that is known here.

    families, steps: further ones, as `module:attribute`.
    """
    named = {name: family(name).options for name in sorted(known_families()) if not family(name).recipe_key}
    named |= {name: recipe_family(name).options for name in families}
    patterns = {}
    for prefix in NAMED_FAMILIES:
        chosen = family(f"{prefix}_name")
        if not chosen.recipe_key:
            patterns[_GIVEN_NAME.format(prefix)] = chosen.options
    of_steps = {use: step_class(use).Options for use in [*sorted(installed_names(GROUP)), *steps]}
    models = dict.fromkeys([*named.values(), *patterns.values(), *of_steps.values()])
    references, definitions = models_json_schema([(model, "validation") for model in (Recipe, *models)])
    found = definitions["$defs"]
    schema = found.pop(references[Recipe, "validation"]["$ref"].rpartition("/")[2])

    def options(model: type[BaseModel]) -> dict[str, Any]:
        reference = references[model, "validation"]
        return reference if _needs_options(model) else {"anyOf": [reference, {"type": "null"}]}

    schema["properties"]["signals"] = _of_signals(named, patterns, options)
    schema["properties"]["steps"]["items"] = _of_steps(of_steps, options)
    del found[OwnStep.__name__]
    return {**schema, "$defs": found}


_Models = Mapping[str, type[BaseModel]]
_Options = Callable[[type[BaseModel]], dict[str, Any]]


def _of_signals(named: _Models, patterns: _Models, options: _Options) -> dict[str, Any]:
    of_families = {
        "type": "object",
        "properties": {name: options(model) for name, model in named.items()},
        "patternProperties": {
            **{pattern: options(model) for pattern, model in patterns.items()},
            _OUTSIDE: {"type": ["object", "null"]},
        },
        "additionalProperties": False,
    }
    names = {
        "anyOf": [{"enum": [name for name, model in named.items() if not _needs_options(model)]}, {"pattern": _OUTSIDE}]
    }
    return {
        "description": "signal families to measure beyond those that the policy needs, each with its options",
        "anyOf": [of_families, {"type": "array", "items": {"type": "string", **names}}],
    }


def _of_steps(named: _Models, options: _Options) -> dict[str, Any]:
    """An entry of `steps`: one that is known here, or any `module:Class`, whose options are checked when it is loaded."""
    known = [
        {"properties": {"use": {"const": use}, "options": options(model)}, "required": ["use", *_needed(model)]}
        for use, model in named.items()
    ]
    outside = {"use": {"pattern": _OUTSIDE, "not": {"enum": list(named)}}, "options": {"type": ["object", "null"]}}
    return {
        "type": "object",
        "properties": {"use": {"type": "string"}, "options": True},
        "additionalProperties": False,
        "anyOf": [*known, {"properties": outside, "required": ["use"]}],
    }


def _needed(model: type[BaseModel]) -> list[str]:
    return ["options"] if _needs_options(model) else []


def _needs_options(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
