"""`gristmill purge`: removing the original texts from a finished run."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Conf, EngineName, Master, Partitions, Quiet, RunPath, console_of, engine_of


def purge(
    run: RunPath,
    raw: Annotated[
        bool, typer.Option("--raw", help="Original texts, metadata and messages; what was materialised stays.")
    ] = False,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    quiet: Quiet = False,
) -> None:
    """Remove what the sources said from a run whose corpus is written; it cannot be undone."""
    from gristmill.pipelines.scrub.keep_text import purge_raw
    from gristmill.schemas.errors import RecipeError

    if not raw:
        raise RecipeError("nothing to purge", expected="--raw, which removes the original texts for good")
    removed = purge_raw(run, engine=engine_of(engine, master, partitions, conf), console=console_of(quiet))
    print(f"purged: {removed:,} bytes of original text")
