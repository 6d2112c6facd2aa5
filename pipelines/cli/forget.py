"""`gristmill forget`."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Conf, EngineName, Master, Partitions, Quiet, console_of, engine_of


def forget(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")],
    doc_ids: Annotated[list[str], typer.Argument(metavar="DOC_ID...", help="Whole ids of documents.")],
    record: Annotated[
        bool, typer.Option("--record", help="Forget these documents; the next survivors take over.")
    ] = False,
    content: Annotated[bool, typer.Option("--content", help="Forget them with every verified copy of theirs.")] = False,
    shards: Annotated[
        list[str] | None, typer.Option(help="Token shards written from the run, besides RUN/shards; several times.")
    ] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Overwrite the tokens in shards, not only mark them.")] = False,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    quiet: Quiet = False,
) -> None:
    """Remove documents from a finished run for good, and say where they still are."""
    from gristmill.pipelines.forget.forget import forget as run_forget
    from gristmill.schemas.errors import RecipeError

    if record == content:
        raise RecipeError("neither or both of --record and --content", expected="one of them")
    mode = "record" if record else "content"
    running, console = engine_of(engine, master, partitions, conf), console_of(quiet)
    print(
        run_forget(run, doc_ids, mode, shards=shards or (), erase=erase, engine=running, console=console)  # type: ignore[arg-type]
    )
