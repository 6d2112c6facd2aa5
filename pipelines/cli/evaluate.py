"""`gristmill evaluate`: how many prompts finished models answer as a checker wants."""

from typing import Annotated

import typer


def evaluate(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Folders of models or adapters.")],
    rows: Annotated[
        str, typer.Option(help="Prompts with `answer` and `checker`: JSON Lines, Parquet, a folder, a run.")
    ],
    checker: Annotated[
        str | None, typer.Option(help="A checker for every row, as `number` or its JSON; by default each row's own.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a completion at most.")] = 64,
    max_tokens: Annotated[
        int | None,
        typer.Option(min=2, help="Tokens of a prompt and its completion at most; default: the model's positions."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="A JSON Lines file for every completion and its score.")] = None,
) -> None:
    """Complete every prompt with the likeliest tokens, check the completions, and print how many pass, a line a model."""
    import json
    from contextlib import ExitStack
    from pathlib import Path

    from gristmill.training.data.files import whole_file
    from gristmill.training.inspect.answers import answers_of, lines_of
    from gristmill.training.models.libraries import without_progress_bars

    without_progress_bars()
    with ExitStack() as stack:
        stream = None if out is None else stack.enter_context(whole_file(Path(out)))
        for model in models:
            found = answers_of(model, rows, checker, max_new_tokens=max_new_tokens, max_tokens=max_tokens)
            print(found, flush=True)
            if stream is not None:
                stream.writelines((json.dumps(line) + "\n").encode() for line in lines_of(found))
