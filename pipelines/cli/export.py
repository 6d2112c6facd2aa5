"""`gristmill export`: the corpus as files that trainers take."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Quiet, RunPath, console_of


def export(
    run: RunPath,
    out: Annotated[str, typer.Option(help="A new folder or URL.")],
    format: Annotated[str, typer.Option(help="parquet or jsonl.")] = "parquet",
    validation: Annotated[
        float, typer.Option(help="Fraction of the rows for a validation split; equal prompts stay together.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    fields: Annotated[
        bool, typer.Option("--fields", help="Also what records held beside the columns, as JSON.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write the corpus as Parquet or JSON Lines with the columns that trl's trainers and `datasets` take."""
    from typing import cast

    from gristmill.pipelines.write.export import Format, export_rows

    written = export_rows(
        run,
        out,
        format=cast(Format, format),
        validation_fraction=validation,
        seed=seed,
        fields=fields,
        console=console_of(quiet),
    )
    print(written)
