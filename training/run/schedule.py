"""The learning rate of every step, and how far two lengths of a run agree on it.

A run may be made longer, or shorter than planned, from a checkpoint whose steps all had the learning rates that they
would have had anyway: with `wsd` any checkpoint up to the step at which the rate begins to fall, with `cosine` one of
the warm-up, because its rates depend on the last step from there on.
"""

from collections.abc import Callable
from typing import Any

import torch
from gristmill.schemas.training.recipe import TrainingRecipe
from transformers import get_scheduler


def scheduler_options(recipe: TrainingRecipe) -> tuple[str, dict[str, Any]]:
    """The name and options under which transformers knows the recipe's schedule."""
    options = recipe.optimizer
    if options.schedule == "cosine":
        return "cosine_with_min_lr", {"min_lr_rate": options.min_learning_rate_fraction}
    decay = decay_steps(recipe)
    return "warmup_stable_decay", {"num_decay_steps": decay, "min_lr_ratio": options.min_learning_rate_fraction}


def decay_steps(recipe: TrainingRecipe) -> int:
    """Over how many of its last steps `wsd` lets the learning rate fall."""
    return max(1, round(recipe.steps * recipe.optimizer.decay_fraction))


def branch_step(recipe: TrainingRecipe) -> int | None:
    """The step after which `wsd` begins to fall: the last from which the run can be made longer. None where there is no
    such step: with another schedule, or when the rate begins to fall before it has risen."""
    step = recipe.steps - decay_steps(recipe)
    return step if recipe.optimizer.schedule == "wsd" and step >= recipe.optimizer.warmup_steps else None


def learning_rate_factor(recipe: TrainingRecipe) -> Callable[[int], float]:
    """A function from the number of updates made to what part of the recipe's learning rate the next one has."""
    name, options = scheduler_options(recipe)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = get_scheduler(name, optimizer, recipe.optimizer.warmup_steps, recipe.steps, options)
    factor: Callable[[int], float] = scheduler.lr_lambdas[0]
    return factor


def common_steps(recipe: TrainingRecipe, other_steps: int) -> int:
    """How many updates a run of `recipe.steps` and one of `other_steps` have in common: up to there, and for the update
    that follows, their learning rates are the same."""
    ours = learning_rate_factor(recipe)
    theirs = learning_rate_factor(recipe.model_copy(update={"steps": other_steps}))
    shorter = min(recipe.steps, other_steps)
    differing = next((step for step in range(shorter + 1) if ours(step) != theirs(step)), shorter + 1)
    return differing - 1
