"""Options and helpers shared by the commands."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

EngineName = Annotated[str, typer.Option("--engine", help="sail (embedded, no Java) or spark.")]
Master = Annotated[str | None, typer.Option(help="Spark master or Connect endpoint: spark://…, yarn, k8s://…, sc://….")]
Partitions = Annotated[
    int | None, typer.Option(min=1, help="Tasks and shuffle partitions; default: the engine's choice.")
]
Conf = Annotated[list[str] | None, typer.Option(help="A Spark setting, KEY=VALUE; may be given several times.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
AllowIncomplete = Annotated[
    bool,
    typer.Option(
        "--allow-incomplete", help="Exit with 0, not 8, when input was lost or nothing was kept; it is said anyway."
    ),
]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or RUN:SELECTION.")]


def engine_of(  # type: ignore[no-untyped-def]
    name: str, master: str | None, partitions: int | None = None, conf: list[str] | None = None
):
    from gristmill.pipelines.engine.session import Engine
    from gristmill.schemas.errors import RecipeError

    if name not in ("sail", "spark"):
        raise RecipeError(f"engine {name!r}", expected="sail or spark")
    settings = [setting.partition("=") for setting in conf or []]
    for key, equals, _ in settings:
        if not key or not equals:
            raise RecipeError(f"--conf {key}", expected="KEY=VALUE, such as spark.executor.memory=4g")
    options = {key: value for key, _, value in settings}
    return Engine("spark" if master else name, master, partitions=partitions, options=options)


def leave_if_incomplete(incomplete: Sequence[str], allowed: bool, quiet: bool) -> None:
    """Exit with INCOMPLETE_EXIT_CODE when something was lost, unless that is allowed; with --quiet it is said here."""
    from gristmill.schemas.errors import INCOMPLETE_EXIT_CODE

    if quiet:
        for sentence in incomplete:
            print(f"INCOMPLETE: {sentence}", file=sys.stderr)
    if incomplete and not allowed:
        step = "mend the input and build again, or accept it with --allow-incomplete"
        print(f"exit code {INCOMPLETE_EXIT_CODE}: the run is incomplete. Next: {step}.", file=sys.stderr)
        raise typer.Exit(INCOMPLETE_EXIT_CODE)


def console_of(quiet: bool):  # type: ignore[no-untyped-def]
    from gristmill.console import Console

    return Console(quiet=quiet)
