"""`gristmill compute-budget`: the compute budget of a training run."""

from typing import Annotated

import typer


def compute_budget(
    parameters: Annotated[str | None, typer.Option(help="Parameters of the model, such as 1.3B.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Tokens to train on, such as 300B.")] = None,
    flops: Annotated[str | None, typer.Option(help="Compute budget in FLOPs, such as 1e21.")] = None,
    tokens_per_parameter: Annotated[
        float | None, typer.Option(help="Instead of 20, the compute-optimal ratio.")
    ] = None,
    corpus_tokens: Annotated[str | None, typer.Option(help="Unique tokens of the corpus: tells repetition.")] = None,
    shards: Annotated[
        str | None,
        typer.Option(help="A folder of shards whose training tokens are the corpus (and --tokens if alone)."),
    ] = None,
    batch_tokens: Annotated[str | None, typer.Option(help="Tokens of one update.")] = None,
    peak_tflops: Annotated[
        float | None, typer.Option(help="Peak TFLOP/s of one device, such as 989: gives GPU-hours.")
    ] = None,
    mfu: Annotated[float, typer.Option(help="Model FLOPs utilisation: part of the peak that is reached.")] = 0.4,
    gpus: Annotated[int, typer.Option(help="Devices at once.")] = 1,
    price: Annotated[float | None, typer.Option(help="Price of a GPU-hour.")] = None,
    smaller: Annotated[float, typer.Option(help="How many times smaller the over-trained model is.")] = 2.0,
) -> None:
    """Say what a training run needs: parameters, tokens, FLOPs, GPU-hours, money, each with its formula and source."""
    from gristmill.schemas.errors import RecipeError
    from gristmill.training.compute_budget.budgets import Hardware, compute_budgets
    from gristmill.training.compute_budget.numbers import parse_count
    from gristmill.training.compute_budget.text import render

    counts = {"parameters": parameters, "tokens": tokens, "flops": flops, "batch_tokens": batch_tokens}
    given = {name: parse_count(text, name) for name, text in counts.items() if text is not None}
    if corpus_tokens is not None and shards is not None:
        raise RecipeError("--corpus-tokens and --shards", expected="one of them")
    if corpus_tokens is not None:
        given["unique_tokens"] = parse_count(corpus_tokens, "corpus_tokens")
    if shards is not None:
        given["unique_tokens"] = _training_tokens(shards)
        if not {"parameters", "tokens", "flops"} & set(given):
            given["tokens"] = given["unique_tokens"]
    if peak_tflops is None and price is not None:
        raise RecipeError("a price without --peak-tflops", expected="both: the price is per GPU-hour")
    hardware = None if peak_tflops is None else Hardware(peak_tflops, mfu, gpus, price)
    print(
        render(compute_budgets(**given, tokens_per_parameter=tokens_per_parameter, hardware=hardware, smaller=smaller))
    )


def _training_tokens(folder: str) -> float:
    """Tokens of the training split of a folder of shards."""
    from pathlib import Path

    from gristmill.schemas.errors import InputError
    from gristmill.schemas.shards.format import MANIFEST, parse_manifest

    path = Path(folder) / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=str(path), expected="a folder of shards"
        ) from error
    return float(sum(shard.tokens for shard in parse_manifest(content, str(path)).of_split("train")))
