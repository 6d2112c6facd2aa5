"""What a recipe on rows comes to, before anything is started: batch, epochs, schedule and memory, each with its formula."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.rows import RowRecipe
from gristmill.training.kinds.post_training import PostTraining
from gristmill.training.kinds.registry import load_kind, load_training_recipe
from gristmill.training.models.memory import FORMULA, Memory

METHODS: dict[str, Adapter | None] = {
    "every weight": None,
    "lora": Adapter(method="lora"),
    "dora": Adapter(method="dora"),
    "qlora": Adapter(method="qlora"),
}


def derived_numbers(recipe: str | Path | RowRecipe, processes: int | None = None) -> str:
    """The derived numbers of a recipe, a line each. Rows are read, because epochs are counted in them; the model is not loaded.

    processes: that will train; by default as many as there are now. RecipeError for kinds that train on token shards.
    """
    loaded, kind = recipe_and_kind(recipe)
    run = kind(loaded, Path("."))
    run.open_rows()
    return "\n".join([*_of_steps(run, processes or int(os.environ.get("WORLD_SIZE", "1"))), *_of_memory(run)])


def recipe_and_kind(recipe: str | Path | RowRecipe) -> tuple[Any, Any]:
    """A recipe and its kind; RecipeError for kinds that train on token shards."""
    loaded: Any = recipe if isinstance(recipe, RowRecipe) else load_training_recipe(recipe)
    kind = load_kind(loaded.kind)
    if not issubclass(kind, PostTraining):
        raise RecipeError(
            f"a dry run of kind {loaded.kind}",
            expected="a kind that trains a finished model on rows",
            next_step="`gristmill compute-budget` says what pre-training needs",
        )
    return loaded, kind


def _of_steps(run: Any, processes: int) -> Iterator[str]:
    recipe, sequences = run.recipe, len(run.rows())
    accumulation = recipe.batch_sequences // (recipe.micro_batch_sequences * processes)
    optimizer = recipe.optimizer
    completions = getattr(recipe, "generations", 1)
    yield (
        f"batch     {recipe.batch_sequences:,} sequences = {recipe.micro_batch_sequences:,} at once x {accumulation:,} "
        f"accumulated x {processes:,} processes" + (f"; x {completions} completions" if completions > 1 else "")
    )
    yield (
        f"epochs    {recipe.steps * recipe.batch_sequences / sequences:.3g} = {recipe.steps:,} steps x "
        f"{recipe.batch_sequences:,} / {sequences:,} sequences{run.usable}"
    )
    steps = -(-sequences // recipe.batch_sequences)
    yield f"one epoch {steps:,} steps = {sequences:,} / {recipe.batch_sequences:,}, rounded up"
    share = optimizer.warmup_steps / recipe.steps
    yield (
        f"schedule  {optimizer.schedule}: {optimizer.warmup_steps:,} steps of warm-up ({share:.1%} of all), then from "
        f"{optimizer.learning_rate:g} to {optimizer.learning_rate * optimizer.min_learning_rate_fraction:g}"
    )


def _of_memory(run: Any) -> Iterator[str]:
    yield f"memory    {FORMULA}; activations come on top"
    for name, adapter in compared_methods(run.recipe).items():
        yield f"          {name:28} {memory_line(run.memory_of(adapter))}"


def compared_methods(recipe: RowRecipe) -> dict[str, Adapter | None]:
    """The methods whose memory is said, the recipe's own last, by what they are called."""
    own = recipe.adapter
    return {**METHODS, f"this recipe: {own.method if own else 'every weight'}": own}


def memory_line(found: Memory) -> str:
    """What is held, for people."""
    parts = (
        ("weights", found.weights),
        ("gradients", found.gradients),
        ("moments", found.moments),
        ("in all", found.total),
    )
    shown = ", ".join(f"{name} {_bytes(size)}" for name, size in parts)
    return f"{found.trained:,} trained of {found.parameters:,}; {shown}"


def _bytes(size: int) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**28 else f"{size / 2**20:.2f} MiB"
