"""`gristmill train` and `gristmill ledger`: a training run, and what it skipped."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import console_of

TrainingFolderPath = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a training run.")]


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A training recipe in YAML.")],
    out: Annotated[
        str | None, typer.Option(help="Folder of the training run; needed unless --dry-run is given.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew: the run that is in the folder moves to set-aside/.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Start nothing: print batch, epochs, schedule and memory with their formulas."),
    ] = False,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="With --dry-run: load the model, make one step, and print what it held beside the formula.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors only, and whether the run begins or goes on.")
    ] = False,
) -> None:
    """Train a model as the recipe's `kind` says. The same command again goes on where it stopped; torchrun starts several."""
    import logging
    import os

    from gristmill.schemas.errors import RecipeError

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # imported by transformers; warns of a kernel for 4 bits
    if measure and not dry_run:
        raise RecipeError("--measure alone", expected="--dry-run --measure, which starts nothing")
    if out is None and not dry_run:
        raise RecipeError("no output folder", expected="--out FOLDER", next_step="or --dry-run, which starts nothing")
    if dry_run:
        from gristmill.training.kinds.dry_run import derived_numbers

        print(derived_numbers(recipe))
        if measure:
            from gristmill.training.kinds.measure import measured_lines
            from gristmill.training.models.libraries import without_progress_bars

            without_progress_bars()
            for line in measured_lines(recipe):
                print(line, flush=True)
        return
    assert out is not None
    from gristmill.training.run.train import train

    finished = train(recipe, out, console_of(quiet), restart=restart, started=_print_now if quiet else None)
    if not quiet and os.environ.get("RANK", "0") == "0":
        print(f"{finished.model}: {finished.steps:,} steps, {finished.rollbacks} rollbacks")
        print(f"page: {finished.page}")


def _print_now(line: str) -> None:
    print(line, flush=True)


def ledger(
    run: TrainingFolderPath,
    unskip: Annotated[
        int | None,
        typer.Option(min=1, help="Take this event back: what it skipped is served again when the run goes on."),
    ] = None,
) -> None:
    """List what a training run skipped and why, or take a skip back."""
    from pathlib import Path

    from gristmill.training.run.ledger import described, take_back

    if unskip is not None:
        take_back(Path(run), unskip)
    for line in described(Path(run)):
        print(line)
