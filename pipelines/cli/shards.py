"""`gristmill shards ...` and `gristmill tokenizer ...`: from a corpus to what training reads."""

from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Conf, EngineName, Master, Partitions, Quiet, console_of, engine_of

_SETTINGS = {"no_args_is_help": True, "rich_markup_mode": None}
shards = typer.Typer(help="Write, verify and export token shards; erase forgotten tokens in them.", **_SETTINGS)  # type: ignore[arg-type]
tokenizer = typer.Typer(help="Train tokenizers.", **_SETTINGS)  # type: ignore[arg-type]

Corpus = Annotated[str, typer.Argument(metavar="RUN|CORPUS", help="A run folder, RUN:SELECTION, or Parquet files.")]


@shards.command("write")
def write(
    corpus: Corpus,
    tokenizer: Annotated[str, typer.Option(help="A tokenizer.json, or a folder with one.")],
    out: Annotated[str, typer.Option(help="Folder or URL of the shards.")],
    validation: Annotated[float, typer.Option(min=0, max=0.99, help="Fraction of documents for validation.")] = 0.0,
    tokens_per_shard: Annotated[int, typer.Option(min=1000, help="About how many tokens a shard holds.")] = 64_000_000,
    bos: Annotated[str | None, typer.Option(help="The token that begins a document; written with --add-bos.")] = None,
    eos: Annotated[
        str | None, typer.Option(help="The token that ends a document; default: the tokenizer's own.")
    ] = None,
    add_bos: Annotated[bool, typer.Option("--add-bos", help="Begin every document with BOS.")] = False,
    sentinels: Annotated[int, typer.Option(min=0, max=1000, help="Ids reserved for span corruption.")] = 100,
    loss_column: Annotated[
        str | None, typer.Option(help="Column with byte spans {start, end} that are not to be learned.")
    ] = None,
    chat_template: Annotated[
        str | None, typer.Option(help="Of conversations: chatml or gristmill; default: the tokenizer's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of documents and of the validation split.")] = 0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove shards that were written from something else.")
    ] = False,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    quiet: Quiet = False,
) -> None:
    """Write a corpus as token shards. The same command again goes on where it stopped."""
    from gristmill.pipelines.shards.write import write_shards

    options = {
        "tokenizer": tokenizer,
        "bos": bos,
        "eos": eos,
        "add_bos": add_bos,
        "sentinels": sentinels,
        "validation_fraction": validation,
        "tokens_per_shard": tokens_per_shard,
        "loss_column": loss_column,
        "chat_template": chat_template,
        "seed": seed,
    }
    running, console = engine_of(engine, master, partitions, conf), console_of(quiet)
    manifest = write_shards(corpus, out, options, engine=running, console=console, replace=replace)
    print(f"{out}: {manifest.tokens:,} tokens of {manifest.documents:,} documents in {len(manifest.shards)} shards")


Folder = Annotated[str, typer.Argument(metavar="SHARDS", help="A folder of token shards.")]


@shards.command("verify")
def verify(
    folder: Folder,
    run: Annotated[
        list[str] | None, typer.Option(help="A training run on these shards; may be given several times.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check files, checksums, counts, ids, tombstones and exports; with --run, what training serves of forgotten text."""
    from gristmill.pipelines.shards.verify import verify_shards

    report = verify_shards(folder, console_of(quiet))
    print(report)
    problems = len(report.problems)
    for path in run or []:
        from gristmill.training.inspect.forgotten import audit_run

        audit = audit_run(path, folder)
        print(audit)
        problems += len(audit.problems)
    raise typer.Exit(1 if problems else 0)


@shards.command("export")
def export(
    folder: Folder,
    out: Annotated[str, typer.Option(help="A new or empty folder.")],
    format: Annotated[str, typer.Option(help="datatrove, olmo, megatron or datasets.")],
    quiet: Quiet = False,
) -> None:
    """Write the shards as another trainer reads them, without forgotten documents."""
    from gristmill.pipelines.shards.export import export_shards

    record = export_shards(folder, out, format, console_of(quiet))
    print(f"{out}: {record['documents']:,} documents for {format}")


@shards.command("erase")
def erase(folder: Folder, quiet: Quiet = False) -> None:
    """Overwrite forgotten tokens on disk; nothing else moves, the plans of training runs stay valid."""
    from gristmill.pipelines.shards.tombstones import erase_forgotten

    changed = erase_forgotten(folder, console_of(quiet))
    print(f"{folder}: {len(changed)} shards overwritten")


@tokenizer.command("train")
def train(
    corpus: Corpus,
    out: Annotated[str, typer.Option(help="Folder of the tokenizer.")],
    vocab_size: Annotated[int, typer.Option(min=257, help="Special tokens included.")] = 32_000,
    pattern: Annotated[
        str, typer.Option(help="How text is cut before merging: gpt2, cl100k, qwen or o200k.")
    ] = "cl100k",
    special: Annotated[
        list[str] | None,
        typer.Option(help="A special token; the first one ends documents. May be given several times."),
    ] = None,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Of text, from documents chosen by their ids.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of that choice.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a tokenizer that lies there.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a byte-level BPE tokenizer on a corpus."""
    from gristmill.pipelines.shards.train_tokenizer import END_OF_TEXT, train_tokenizer

    trained = train_tokenizer(
        corpus,
        out,
        vocab_size=vocab_size,
        pattern=pattern,
        special_tokens=special or [END_OF_TEXT],
        max_bytes=max_megabytes * 1_000_000,
        seed=seed,
        console=console_of(quiet),
        replace=replace,
    )
    print(f"{out}: {trained.get_vocab_size():,} tokens")
