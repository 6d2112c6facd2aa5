"""Commands and options that were called otherwise before: using one is an error that says the name to write now."""

from collections.abc import Sequence
from typing import Any

from gristmill.schemas.errors import RecipeError
from typer.core import TyperGroup

RENAMED = {  # (command, and what follows it) -> what to write now
    ("plan",): "gristmill compute-budget",
    ("forget", "--purge"): "gristmill forget RUN ID... --erase",
    ("mix", "--plan"): "gristmill mix RUN --dry-run",
    ("shards", "purge"): "gristmill shards erase",
    ("train", "--plan"): "gristmill train RECIPE --dry-run",
}


class Commands(TyperGroup):
    """The commands of gristmill. Raises RecipeError for a name that a command or an option had before."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        refuse_old_names(args)
        return super().parse_args(ctx, args)


def refuse_old_names(arguments: Sequence[str]) -> None:
    """Raise RecipeError if these arguments of `gristmill` use a name of RENAMED."""
    for old, now in RENAMED.items():
        command, last = old[0], old[-1]
        is_old = last in arguments if last.startswith("-") else tuple(arguments[: len(old)]) == old
        if is_old and arguments[0] == command:
            raise RecipeError(f"`{' '.join(old)}` has another name now", expected=f"`{now}`")
