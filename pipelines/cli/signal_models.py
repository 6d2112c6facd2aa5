"""`gristmill lm train`, `gristmill classifier train`: the models that signals are measured by."""

import sys
from typing import Annotated

import typer
from gristmill.pipelines.cli.options import Quiet, console_of

lm = typer.Typer(help="Train language models for the signal `perplexity`.", no_args_is_help=True)
classifier = typer.Typer(help="Train classifiers for the signals `quality_…` and `toxicity_…`.", no_args_is_help=True)
Out = Annotated[str, typer.Option(help="The new folder of the model.")]
TextColumn = Annotated[str, typer.Option(help="The column or key of files that holds the text.")]
_CHOSEN = "default: chosen on a part of the texts to learn from"
_TEXTS = "a run folder, a recipe (.yaml) or files; may be given several times"


@lm.callback()
def _lm() -> None:
    """Language models for the signal `perplexity`."""


@classifier.callback()
def _classifier() -> None:
    """Classifiers for the signals `quality_…` and `toxicity_…`."""


@lm.command("train")
def train_lm(
    texts: Annotated[list[str], typer.Argument(metavar="TEXTS...", help="Run folders, recipes (.yaml) or files.")],
    out: Out,
    language: Annotated[str, typer.Option(help="The code that the signal `language` has for these texts.")],
    tokenizer: Annotated[
        str | None, typer.Option(help="A SentencePiece model or tokenizer.json; default: trained here.")
    ] = None,
    reference: Annotated[
        list[str] | None, typer.Option(help=f"Texts for the percentiles instead of held-out ones: {_TEXTS}.")
    ] = None,
    order: Annotated[int, typer.Option(help="Order of the n-grams, 2 to 6.")] = 5,
    vocabulary: Annotated[int, typer.Option(min=16, help="Pieces of the SentencePiece model at most.")] = 65_536,
    prune: Annotated[str, typer.Option(help="Thresholds of rare n-grams by order, such as '0 0 1'.")] = "",
    kind: Annotated[str, typer.Option("--type", help="trie (small) or probing (fast).")] = "trie",
    memory: Annotated[str, typer.Option(help="Memory of lmplz and of sorting, such as 2G.")] = "2G",
    temporary: Annotated[str | None, typer.Option(help="Folder for temporary files.")] = None,
    text_column: TextColumn = "text",
    quiet: Quiet = False,
) -> None:
    """Train a KenLM model on texts tokenised as CCNet does."""
    from gristmill.pipelines.signal_models.train_kenlm import KenlmOptions, train_kenlm
    from gristmill.schemas.errors import RecipeError
    from gristmill.schemas.recipe.source import Columns

    if not all(part.isdecimal() for part in prune.split()):
        raise RecipeError(f"prune {prune!r}", expected="numbers separated by spaces, such as '0 0 1'")
    thresholds = tuple(int(part) for part in prune.split())
    train_kenlm(
        texts,
        out,
        language,
        tokenizer=tokenizer,
        reference=reference or (),
        options=KenlmOptions(order, vocabulary, thresholds, kind, memory),  # type: ignore[arg-type]
        columns=Columns(text=text_column),
        temporary=temporary,
        console=console_of(quiet),
    )
    if not quiet:
        print(f"{out}\nnext: in a recipe, signals: {{perplexity: {{models: {{{language}: {out}}}}}}}")


@classifier.command("train")
def train_classifier(
    out: Out,
    positives: Annotated[list[str] | None, typer.Option(help=f"Texts that are wanted: {_TEXTS}.")] = None,
    negatives: Annotated[list[str] | None, typer.Option(help=f"Texts such as raw web: {_TEXTS}.")] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option(help="Files whose rows carry a label: PATH, or PATH:TEXT COLUMN:LABEL COLUMN=VALUE,VALUE."),
    ] = None,
    label_column: Annotated[str, typer.Option(help="Where --labelled files have the label.")] = "label",
    positive_label: Annotated[list[str] | None, typer.Option(help="A value of it that is positive.")] = None,
    text_column: TextColumn = "text",
    keep_fraction: Annotated[
        float | None, typer.Option(help="Set the threshold to keep this share of the negatives; default: best F1.")
    ] = None,
    normalisation: Annotated[str, typer.Option(help="none, lower, words (marks apart) or ccnet.")] = "words",
    word_ngrams: Annotated[int | None, typer.Option(help=f"Longest run of words that is a feature; {_CHOSEN}.")] = None,
    character_ngrams: Annotated[
        tuple[int, int] | None, typer.Option(help=f"Shortest and longest run of letters, 0 0 for none; {_CHOSEN}.")
    ] = None,
    dimensions: Annotated[int, typer.Option(help="Numbers in the vector of a word or n-gram.")] = 32,
    epochs: Annotated[int | None, typer.Option(help=f"Passes over the texts; {_CHOSEN}.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help=f"Learning rate at the start; {_CHOSEN}.")] = None,
    diluted: Annotated[
        float,
        typer.Option(help="Texts made of two, as a share of those to learn from: positive with a positive one in it."),
    ] = 0.0,
    buckets: Annotated[int, typer.Option(help="Hash buckets of the n-grams.")] = 500_000,
    max_texts: Annotated[int, typer.Option(help="Texts of each label at most.")] = 400_000,
    threads: Annotated[int, typer.Option(help="1: the same model again; more: faster, another each time.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the split and of training.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Train a fastText classifier and say how good it is on held-out texts."""
    from gristmill.pipelines.signal_models.fasttext_options import FasttextOptions
    from gristmill.pipelines.signal_models.sample import parse_labelled
    from gristmill.pipelines.signal_models.train_fasttext import report, train_fasttext, warning
    from gristmill.schemas.recipe.source import Columns

    options = FasttextOptions(
        dimensions=dimensions,
        epochs=epochs,
        learning_rate=learning_rate,
        word_ngrams=word_ngrams,
        character_ngrams=character_ngrams,
        buckets=buckets,
        normalisation=normalisation,  # type: ignore[arg-type]
        diluted=diluted,
        max_texts=max_texts,
        threads=threads,
        seed=seed,
    )
    rows = [parse_labelled(given, text_column, label_column, positive_label or ()) for given in labelled or ()]
    manifest = train_fasttext(
        out,
        positives=positives or (),
        negatives=negatives or (),
        labelled=rows,
        keep_fraction=keep_fraction,
        options=options,
        columns=Columns(text=text_column),
        console=console_of(quiet),
    )
    if not quiet:
        print("\n".join(report(manifest)))
        print(
            f"next: in a recipe, signals: {{quality_{manifest.name}: {{model: {out}}}}} (or toxicity_{manifest.name})"
        )
    said = warning(manifest)
    if said:
        print(f"warning: {said}", file=sys.stderr)
