"""`gristmill adapters`: what adapters there are, what one is, and a model with one merged into its weights."""

from typing import Annotated

import typer

adapters = typer.Typer(no_args_is_help=True, help="List, describe, merge and swap adapters of fine-tuned models.")


@adapters.command("list")
def list_adapters(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder with runs or adapters.")],
) -> None:
    """List every finished adapter in a folder and below it; one that cannot be read is named, and the exit code is 1."""
    from gristmill.schemas.errors import ModelError
    from gristmill.training.models.merge import adapters_below

    damaged = 0
    for found in adapters_below(folder):
        print(found, flush=True)
        damaged += isinstance(found, ModelError)
    if damaged:
        raise typer.Exit(1)


@adapters.command()
def info(adapter: Annotated[str, typer.Argument(metavar="ADAPTER", help="The folder of an adapter.")]) -> None:
    """Say what an adapter is: method, rank, targets, size, and the model that it is for."""
    from gristmill.training.models.merge import adapter_info

    print(adapter_info(adapter))


@adapters.command()
def merge(
    adapter: Annotated[str, typer.Argument(metavar="ADAPTER", help="The folder of an adapter.")],
    out: Annotated[str, typer.Option(help="Folder of the merged model.")],
    base: Annotated[str | None, typer.Option(help="The model beneath it; by default the one that it names.")] = None,
) -> None:
    """Write the model that an adapter makes of its base, and say by how much merging changed a logit at most."""
    from gristmill.training.models.merge import merge_adapter

    change = merge_adapter(adapter, out, base)
    print(f"{out}: merged; max |Δlogit| {change:.2g} on 64 random tokens")


@adapters.command()
def swap(
    folders: Annotated[list[str], typer.Argument(metavar="ADAPTER...", help="Folders of adapters of one model.")],
    base: Annotated[
        str | None, typer.Option(help="The model beneath them; by default the one that the first names.")
    ] = None,
) -> None:
    """Put adapters on one model in turn and back, and say how exactly each one's outputs come back, and how fast."""
    from gristmill.training.models.libraries import without_progress_bars
    from gristmill.training.models.switch import AdapterSwitch, swap_through

    without_progress_bars()
    switch = AdapterSwitch(base)
    for folder in folders:
        switch.add(folder, folder)
    inexact = 0
    for found in swap_through(switch):
        restored = "restored exactly" if found.drift == 0 else f"not restored: max |Δlogit| {found.drift:.2g}"
        inexact += found.drift != 0
        print(f"{found.name or 'no adapter'}: {restored}; {found.change:.2g} from no adapter; {found.seconds:.3f} s")
    if inexact:
        raise typer.Exit(1)
