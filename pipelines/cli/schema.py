"""The JSON Schemas that `gristmill schema` prints, so that an editor checks a recipe while it is written."""

from typing import Any

from gristmill.filters.registry import NAMED_FAMILIES, family, known_families
from gristmill.schemas.lookup import unknown_name_error
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.policy import Policy
from gristmill.training.kinds.registry import KINDS, recipe_model
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_OUTSIDE = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"  # `module:attribute`
_GIVEN_NAME = r"^{}_[a-z_][a-z0-9_]*$"


def json_schema(what: str) -> dict[str, Any]:
    """The JSON Schema of a recipe, a policy or a training recipe (by its kind); RecipeError for another word."""
    if what == "recipe":
        return recipe_schema()
    if what == "policy":
        return Policy.model_json_schema()
    kind = "pretrain" if what == "training" else what
    if kind not in KINDS:
        raise unknown_name_error("schema", what, ["recipe", "policy", "training", *KINDS])
    return recipe_model(kind).model_json_schema()


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, `signals` with the options of every family that is known here."""
    named = {name: family(name).options for name in sorted(known_families()) if not family(name).recipe_key}
    patterns = {}
    for prefix in NAMED_FAMILIES:
        chosen = family(f"{prefix}_name")
        if not chosen.recipe_key:
            patterns[_GIVEN_NAME.format(prefix)] = chosen.options
    models = dict.fromkeys([*named.values(), *patterns.values()])
    references, definitions = models_json_schema([(model, "validation") for model in (Recipe, *models)])
    found = definitions["$defs"]
    schema = found.pop(references[Recipe, "validation"]["$ref"].rpartition("/")[2])

    def options(model: Any) -> dict[str, Any]:
        reference = references[model, "validation"]
        return reference if _needs_options(model) else {"anyOf": [reference, {"type": "null"}]}

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
    schema["properties"]["signals"] = {
        "description": "signal families to measure beyond those that the policy needs, each with its options",
        "anyOf": [of_families, {"type": "array", "items": {"type": "string", **names}}],
    }
    return {**schema, "$defs": found}


def _needs_options(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
