"""`gristmill average`: one model out of the checkpoints of a run."""

from typing import Annotated

import typer


def average(
    sources: Annotated[
        list[str], typer.Argument(metavar="RUN | MODEL MODEL…", help="A training run, or two model folders or more.")
    ],
    out: Annotated[str, typer.Option(help="Folder of the averaged model; must not exist.")],
    last: Annotated[
        int | None, typer.Option(min=2, help="How many of the run's last checkpoints; default: what its recipe says.")
    ] = None,
    moving: Annotated[bool, typer.Option("--ema", help="The run's moving average instead.")] = False,
) -> None:
    """Average weights: the last checkpoints of a run, its moving average, or any model folders of one shape."""
    from gristmill.schemas.errors import RecipeError
    from gristmill.training.run.averaging import (
        average_checkpoints,
        export_moving,
        last_checkpoints,
        recipe_last,
        tokenizer_of,
    )

    if len(sources) > 1:
        if last is not None or moving:
            raise RecipeError("--last or --ema with several folders", expected="one training run with them")
        print(average_checkpoints(sources, out))
        return
    if moving and last is not None:
        raise RecipeError("--last and --ema", expected="one of them")
    if moving:
        folders = last_checkpoints(sources[0], 1)
        print(export_moving(folders[0], out, tokenizer_of(sources[0])))
    else:
        folders = last_checkpoints(sources[0], last or recipe_last(sources[0]))
        print(average_checkpoints(folders, out, tokenizer_of(sources[0])))
