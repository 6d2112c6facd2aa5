"""Every kind of training, by name; adding one is its own file plus a line here, or an entry point of another package."""

from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import load_object, load_registered
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.schemas.yaml_files import read_mapping, validated

KINDS: dict[str, tuple[str, str]] = {  # the kind, and its recipe, which is read without the extra that trains
    "pretrain": ("gristmill.training.kinds.pretrain:Pretrain", "gristmill.schemas.training.pretrain:PretrainRecipe"),
    "sft": ("gristmill.training.kinds.sft:Sft", "gristmill.schemas.training.sft:SftRecipe"),
    "reward": ("gristmill.training.kinds.reward:Reward", "gristmill.schemas.training.reward:RewardRecipe"),
    "dpo": ("gristmill.training.kinds.dpo:Dpo", "gristmill.schemas.training.dpo:DpoRecipe"),
    "orpo": ("gristmill.training.kinds.orpo:Orpo", "gristmill.schemas.training.orpo:OrpoRecipe"),
    "grpo": ("gristmill.training.kinds.grpo:Grpo", "gristmill.schemas.training.rollouts:GrpoRecipe"),
    "rloo": ("gristmill.training.kinds.rloo:Rloo", "gristmill.schemas.training.rollouts:RlooRecipe"),
    "ppo": ("gristmill.training.kinds.ppo:Ppo", "gristmill.schemas.training.ppo:PpoRecipe"),
}
GROUP = "gristmill.training_kinds"
MISSING = {  # kinds that people ask for, and what does their work
    "kto": "its loss needs a divergence over the whole batch, which trl estimates from each micro batch, so that a step would "
    "depend on micro_batch_sequences; of answers marked good and bad make pairs for `dpo` or `orpo`, or for a reward model "
    "(`reward`) that rewards `grpo` or `rloo`",
}


def load_kind(name: str) -> Any:
    """The class of a kind of training (see `training.run.kind.Kind`).

    name: one of KINDS, of an installed package's entry points in the group `gristmill.training_kinds`, or
    `module:attribute`. RecipeError, with the nearest name, where there is none, and for what is no kind.
    """
    if name in MISSING:
        raise RecipeError(f"kind of training {name!r}", expected=f"one of {', '.join(KINDS)}", next_step=MISSING[name])
    found = load_registered({known: kind for known, (kind, _) in KINDS.items()}, "kind of training", name, group=GROUP)
    if not (isinstance(found, type) and hasattr(found, "Recipe") and hasattr(found, "prepare")):
        raise RecipeError(
            f"kind of training {name!r} is a {type(found).__name__}",
            expected="a class: a subclass of gristmill.training.run.kind.Kind",
        )
    return found


def recipe_model(name: str) -> type[TrainingRecipe]:
    """What a recipe of a kind of training must be; see `load_kind` for its name."""
    model: type[TrainingRecipe] = load_object(KINDS[name][1]) if name in KINDS else load_kind(name).Recipe
    return model


def load_training_recipe(path: str | Path) -> TrainingRecipe:
    """The training recipe in a YAML file, as the recipe of its kind; paths are relative to the file.

    RecipeError names file, line and nearest key.
    """
    data, node = read_mapping(path, TrainingRecipe)
    name = data.get("kind", TrainingRecipe.model_fields["kind"].default)
    if not isinstance(name, str):
        raise RecipeError(f"kind is {name!r}", where=str(path), expected=f"one of {', '.join(sorted(KINDS))}")
    return validated(recipe_model(name), data, path, node)
