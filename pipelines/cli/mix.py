"""`gristmill mix`: how often each document of a corpus is used."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Conf, EngineName, Master, Partitions, Quiet, RunPath, console_of, engine_of


def mix(
    run: RunPath,
    by: Annotated[
        str | None,
        typer.Option("--mix", help="A YAML file with a mix, or a recipe with one; default: the run's recipe."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the targets in tokens and write nothing.")] = False,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    quiet: Quiet = False,
) -> None:
    """Mix a corpus by sources or languages: print the targets in tokens, then write the documents with their copies."""
    from gristmill.console import Console
    from gristmill.pipelines.write.mix.command import mix as run_mix

    console = Console(quiet=True) if dry_run else console_of(quiet)
    targets = run_mix(run, by, dry_run=dry_run, engine=engine_of(engine, master, partitions, conf), console=console)
    if dry_run or quiet:
        print(targets)
