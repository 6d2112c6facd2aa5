"""Training a KenLM model of one language, read by the signal family `perplexity`.

Lines are normalised and tokenised as CCNet does, sorted, and counted by KenLM's lmplz, so that the model depends on the
lines alone, not on their order or files. Texts whose hash says so are held out; their perplexities (or those of a
reference given) are the percentiles that head, middle and tail are cut by.
"""

import heapq
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import gristmill
import numpy as np
from gristmill.console import Console
from gristmill.filters.language.named import language_of_model
from gristmill.filters.model_signals.line_text import ccnet_lines
from gristmill.filters.model_signals.line_tokenizer import kind_of, line_tokenizer
from gristmill.filters.model_signals.perplexity import line_perplexity
from gristmill.pipelines.signal_models.folder import new_folder
from gristmill.pipelines.signal_models.programs import program, run_program
from gristmill.pipelines.signal_models.texts import Text, read_texts
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.recipe.source import Columns
from gristmill.schemas.signal_models import LanguageModel, file_hash, write_model

HELD_OUT = 50  # one text in so many
MIN_REFERENCE = 5
MAX_REFERENCE = 20_000  # texts that percentiles are taken from, those of the lowest hashes
MAX_TOKENIZER_LINES = 2_000_000  # likewise the lines that SentencePiece learns from
_LINES_AT_ONCE = 10_000
_TOKENIZER_THREADS = 8  # fixed: the pieces learnt depend on how many sums are added up


@dataclass(frozen=True)
class KenlmOptions:
    """order: of the n-grams. vocabulary: most pieces of the SentencePiece model trained here. prune: lmplz's thresholds.

    kind: `trie` is small (8-bit quantised), `probing` fast. memory: of lmplz and the sort, as `2G`.
    """

    order: int = 5
    vocabulary: int = 65_536
    prune: tuple[int, ...] = ()
    kind: Literal["trie", "probing"] = "trie"
    memory: str = "2G"


def train_kenlm(
    texts: Sequence[str],
    out: str | Path,
    language: str,
    *,
    tokenizer: str | Path | None = None,
    reference: Sequence[str] = (),
    options: KenlmOptions | None = None,
    columns: Columns | None = None,
    temporary: str | Path | None = None,
    console: Console | None = None,
) -> LanguageModel:
    """Train into the new folder `out` and return its manifest.

    texts, reference: runs, recipes or files (`pipelines.signal_models.texts`). tokenizer: a SentencePiece model or a
    tokenizer.json; None: trained here. temporary: folder for files about three times as large as the texts.
    Raises ModelError without KenLM's programs, InputError for texts that cannot be read or are too few.
    """
    chosen = options or KenlmOptions()
    _check(chosen)
    language = language_of_model(language)
    lmplz, build_binary = program("lmplz"), program("build_binary")
    console = console or Console()
    with new_folder(out) as folder, tempfile.TemporaryDirectory(dir=temporary, prefix="gristmill-lm-") as scratch:
        work = Path(scratch)
        lines, held_out, training = _normalised(read_texts(texts, work / "texts", console, columns), work, console)
        kept_tokenizer = _tokenizer(tokenizer, lines, folder, chosen, console)
        tokenize = line_tokenizer(kept_tokenizer, kind_of(kept_tokenizer))
        tokens = work / "tokens.txt"
        training["tokens"] = _tokenise(lines, tokens, tokenize)
        lines.unlink()
        console.log(f"tokens: {training['tokens']:,}")
        tokens = _sorted(tokens, chosen)
        training["fingerprint"] = file_hash(tokens)
        arpa, model = work / "lm.arpa", folder / "lm.binary"
        limits = ["-S", chosen.memory, "-T", str(work / "lmplz-")]
        prune = ["--prune", *map(str, chosen.prune)] if chosen.prune else []
        command = [lmplz, "-o", str(chosen.order), *limits, "--discount_fallback", "--skip_symbols", *prune]
        run_program([*command, "--arpa", arpa], tokens)
        console.log(f"counted: n-grams up to {chosen.order}, {arpa.stat().st_size / 1e6:.1f} MB")
        quantised = ["-q", "8", "-b", "8"] if chosen.kind == "trie" else []
        run_program(
            [build_binary, "-T", str(work / "build-"), "-S", chosen.memory, *quantised, chosen.kind, arpa, model]
        )
        made_of = {**training, "options": {**asdict(chosen), "prune": list(chosen.prune)}}
        manifest = LanguageModel(
            kind="kenlm",
            gristmill=gristmill.__version__,
            files={path.name: file_hash(path) for path in (model, kept_tokenizer)},
            training=made_of,
            language=language,
            order=chosen.order,
            model=model.name,
            tokenizer=kept_tokenizer.name,
            tokenizer_kind=kind_of(kept_tokenizer),
            percentiles=dict.fromkeys(range(1, 100), 0.0),
        )
        write_model(folder, manifest)  # to score by; the percentiles come with the second writing
        if reference:
            held_out = _lowest(read_texts(reference, work / "reference", console, columns), MAX_REFERENCE)
        manifest = manifest.model_copy(update=_percentiles(folder, held_out, made_of, bool(reference)))
        write_model(folder, manifest)
        console.log(_summary(manifest, model))
    return manifest


def _check(options: KenlmOptions) -> None:
    if not 2 <= options.order <= 6:
        raise RecipeError(f"order {options.order}", where="gristmill lm train", expected="2 to 6")
    if options.kind not in ("trie", "probing"):
        raise RecipeError(f"type {options.kind!r}", where="gristmill lm train", expected="trie or probing")
    if options.prune and (len(options.prune) > options.order or list(options.prune) != sorted(options.prune)):
        raise RecipeError(
            f"prune {' '.join(map(str, options.prune))}",
            where="gristmill lm train",
            expected="a threshold for each order at most, none smaller than the one before",
        )


def _normalised(texts: Iterable[Text], work: Path, console: Console) -> tuple[Path, list[Text], dict[str, Any]]:
    """Normalised lines of the texts to learn from, in a file; texts held out; how many there were."""
    path = work / "lines.txt"
    held_out: list[Text] = []
    counts = {"documents": 0, "held_out": 0, "lines": 0}
    with path.open("w", encoding="utf-8") as file:
        for text in texts:
            if int.from_bytes(text.order[:8], "little") % HELD_OUT == 0:
                counts["held_out"] += 1
                held_out.append(text)
                if len(held_out) >= 2 * MAX_REFERENCE:
                    held_out = _lowest(held_out, MAX_REFERENCE)
                continue
            lines = ccnet_lines(text.text)
            counts["documents"] += 1
            counts["lines"] += len(lines)
            file.writelines(f"{line}\n" for line in lines)
    console.log(f"texts: {counts['documents']:,} to learn from, {counts['held_out']:,} held out")
    if not counts["lines"]:
        raise InputError("no line to learn from", where="gristmill lm train", expected="more than a few documents")
    return path, _lowest(held_out, MAX_REFERENCE), counts


def _lowest(texts: Iterable[Text], count: int) -> list[Text]:
    """The texts of the lowest hashes, whatever order they come in."""
    return heapq.nsmallest(count, texts, key=lambda text: text.order)


def _tokenizer(given: str | Path | None, lines: Path, folder: Path, options: KenlmOptions, console: Console) -> Path:
    """The tokenizer inside the model's folder: a copy of the one given, or one trained on a sample of the lines."""
    if given is not None:
        kind = kind_of(Path(given))
        line_tokenizer(Path(given), kind)
        kept = folder / ("tokenizer.json" if kind == "tokenizers" else "tokenizer.model")
        shutil.copyfile(given, kept)
        return kept
    from sentencepiece import SentencePieceTrainer

    with lines.open(encoding="utf-8") as file:
        chosen = heapq.nsmallest(MAX_TOKENIZER_LINES, file, key=lambda line: (blake2b(line.encode()).digest(), line))
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=(line.rstrip("\n") for line in chosen),  # of files it would store the paths
            model_writer=model,
            vocab_size=options.vocabulary,
            hard_vocab_limit=False,
            character_coverage=0.9995,
            normalization_rule_name="identity",
            max_sentence_length=1 << 16,
            num_threads=_TOKENIZER_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise InputError(
            f"SentencePiece learnt nothing: {str(error)[:300]}",
            where="gristmill lm train",
            expected="more text, or a smaller --vocabulary",
        ) from error
    kept = folder / "tokenizer.model"
    kept.write_bytes(model.getvalue())
    console.log(f"tokenizer: trained on {len(chosen):,} lines")
    return kept


def _tokenise(lines: Path, out: Path, tokenize: Any) -> int:
    """Write the tokens of every line; returns how many."""
    tokens = 0
    with lines.open(encoding="utf-8") as file, out.open("w", encoding="utf-8") as written:
        while block := [line.rstrip("\n") for line in islice(file, _LINES_AT_ONCE)]:
            for line in tokenize(block):
                tokens += len(line.split())
                written.write(f"{line}\n")
    return tokens


def _sorted(path: Path, options: KenlmOptions) -> Path:
    """The lines in byte order, sorted outside memory."""
    out = path.with_name("sorted.txt")
    command = ["sort", "-S", options.memory, "-T", str(path.parent), "-o", str(out), str(path)]
    subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, check=True, capture_output=True)
    path.unlink()
    return out


def _percentiles(folder: Path, texts: Sequence[Text], made_of: dict[str, Any], given: bool) -> dict[str, Any]:
    line_perplexity.cache_clear()
    perplexity = line_perplexity(str(folder))
    found = sorted(value for text in texts if (value := perplexity(text.text)) is not None)
    line_perplexity.cache_clear()
    if len(found) < MIN_REFERENCE:
        raise InputError(
            f"{len(found)} reference texts",
            where="gristmill lm train",
            expected=f"{MIN_REFERENCE} at least, for the percentiles",
            next_step=f"one text in {HELD_OUT} is held out: give more, or others with --reference",
        )
    values = np.percentile(found, range(1, 100), method="inverted_cdf")
    return {
        "percentiles": {percent: float(value) for percent, value in zip(range(1, 100), values, strict=True)},
        "training": {**made_of, "reference": "given" if given else "held out", "reference_texts": len(found)},
    }


def _summary(manifest: LanguageModel, model: Path) -> str:
    shown = ", ".join(f"{percent} %: {manifest.percentiles[percent]:,.1f}" for percent in (10, 30, 50, 60, 90))
    return (
        f"model of {manifest.language}: {model.stat().st_size / 1e6:.1f} MB; perplexity of "
        f"{manifest.training['reference_texts']:,} reference texts at {shown}"
    )
