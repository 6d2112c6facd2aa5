"""`gristmill decontaminate`: any data set against evaluation sets, without writing a recipe."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Conf, EngineName, Master, Partitions, Quiet, console_of, engine_of


def decontaminate(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...", help="Files, folders or globs with the documents; or finished runs, without --against."
        ),
    ],
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]PATH:FIELD,FIELD", help="An evaluation set and its fields; may be repeated."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder or URL of the run; needed with --against.")] = None,
    text: Annotated[
        str,
        typer.Option(help="Fields with the documents' text, such as `prompt,chosen,rejected` or `messages.content`."),
    ] = "text",
    id: Annotated[str | None, typer.Option("--id", help="A field that names a document.")] = None,
    ngrams: Annotated[str, typer.Option(help="Lengths of n-grams in words.")] = "8,13",
    min_overlap: Annotated[float, typer.Option(help="Weighted share of an item from which it contaminates.")] = 0.5,
    min_match: Annotated[int, typer.Option(min=0, help="Words of a match from which it contaminates; 0: never.")] = 10,
    action: Annotated[str, typer.Option(help="drop or cut.")] = "drop",
    write: Annotated[
        str | None,
        typer.Option(help="A JSON Lines file for the kept records: their fields of --text, --id and --also."),
    ] = None,
    also: Annotated[str, typer.Option(help="Further fields for --write, such as `score,source`.")] = "",
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    quiet: Quiet = False,
) -> None:
    """Find evaluation items in documents, drop or cut them, and report how much of each set was found.

    Of finished runs that were compared with evaluation sets: one table of which item stands in which row of which run.
    """
    if not against:
        from gristmill.pipelines.inspect.contamination import contamination

        print(contamination(data))
        return
    if out is None:
        raise typer.BadParameter("a run needs a folder or URL", param_hint="--out")
    from gristmill.pipelines.build import build
    from gristmill.pipelines.decontamination.command import recipe_of, record_fields, write_records
    from gristmill.pipelines.inspect.report.decontamination import summary_lines
    from gristmill.schemas import layout

    fields = record_fields(text, id, also, action) if write else ()
    recipe = recipe_of(data, against, text, id, ngrams, min_overlap, min_match or None, action, fields)
    run = build(recipe, out, engine=engine_of(engine, master, partitions, conf), console=console_of(quiet))
    for line in summary_lines(run):
        print(line)
    print(run)
    if write:
        print(f"{write_records(run, write, fields):,} records: {write}")
    if not quiet:
        print(f"report: {run.storage.address(layout.REPORT_PAGE)}")
