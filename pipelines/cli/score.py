"""`gristmill score`: what a model says of rows, as columns that recipes join."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Quiet, console_of


def score(
    rows: Annotated[
        str, typer.Argument(metavar="ROWS", help="A run (its corpus), .jsonl or .parquet files, or a folder of such.")
    ],
    model: Annotated[str, typer.Option(help="Folder of a language model, or of a reward model, with its tokenizer.")],
    out: Annotated[str, typer.Option(help="The folder of the scores; an interrupted call goes on in it.")],
    scores: Annotated[
        list[str] | None,
        typer.Option("--score", help="ifd, perplexity, reward or pass_rate; may be given several times. Default: ifd."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(help="Of a row; longer ones have no score. Default: the model's positions, up to 4,096."),
    ] = None,
    chat_template: Annotated[
        str | None,
        typer.Option(help="chatml, gristmill, or plain (none). Default: the tokenizer's own, plain where it has none."),
    ] = None,
    samples: Annotated[int, typer.Option(help="pass_rate: completions of each prompt.")] = 8,
    max_new_tokens: Annotated[int, typer.Option(help="pass_rate: tokens of a completion at most.")] = 256,
    temperature: Annotated[float, typer.Option(help="pass_rate: of the draws.")] = 1.0,
    top_p: Annotated[float, typer.Option(help="pass_rate: draw from the fewest tokens that hold this mass.")] = 1.0,
    checker: Annotated[
        str | None, typer.Option(help="pass_rate: the checker, a name or JSON, of rows that name none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="pass_rate: of the draws.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Score rows by a model. The same command again goes on where it stopped; torchrun shares the rows."""
    import json
    import os

    from gristmill.schemas.errors import RecipeError
    from gristmill.schemas.scores import ScoreOptions
    from gristmill.schemas.yaml_files import validated

    try:
        spec = json.loads(checker) if checker and checker.lstrip().startswith("{") else checker
    except ValueError as error:
        raise RecipeError(
            f"--checker is no JSON ({error})", expected='a name, or JSON such as {"kind": "number"}'
        ) from error
    given = {
        "scores": tuple(scores or ("ifd",)),
        "max_tokens": max_tokens,
        "chat_template": chat_template,
        "samples": samples,
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "checker": spec,
        "seed": seed,
    }
    options = validated(ScoreOptions, given)
    from gristmill.training.score.run import score_rows

    found = score_rows(rows, model, out, options, console_of(quiet))
    if not quiet and os.environ.get("RANK", "0") == "0":
        print(found)
        joined = ", ".join(f"{name}: {out}" for name in found.columns[:1])
        print(f"next: in a recipe, scores: {{{joined}}}, and the signal scored_{found.columns[0]}")
