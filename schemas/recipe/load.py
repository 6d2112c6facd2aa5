"""The parts of a recipe that may stand in a file of their own: a mix, a policy."""

from pathlib import Path

from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.recipe.policy import Policy
from gristmill.schemas.yaml_files import load_document, read_yaml, validated


def load_mix(path: str | Path) -> Mix:
    """The mix in a YAML file: the `mix:` part of a recipe, alone or inside a recipe."""
    data = read_yaml(Path(path))[0]
    if isinstance(data, dict) and "mix" in data:
        found = load_document(path, Recipe).mix if "sources" in data else validated(Mix, data["mix"], path)
        return found or Mix()
    return load_document(path, Mix)


def load_policy(path: str | Path) -> Policy:
    """The policy in a YAML file: the `policy:` part of a recipe, alone or inside a recipe."""
    data = read_yaml(Path(path))[0]
    if isinstance(data, dict) and "policy" in data:
        return load_document(path, Recipe).policy
    return load_document(path, Policy)
