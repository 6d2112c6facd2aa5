"""Training a byte-level BPE tokenizer on a corpus: `gristmill tokenizer train`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from gristmill.console import Advance, Console
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.shards.encoding.patterns import PATTERNS
from gristmill.pipelines.shards.encoding.tokenizer import CONFIG_FILE, TOKENIZER_FILE
from gristmill.pipelines.shards.inputs import ShardInput, find_input, iterate_input
from gristmill.pipelines.shards.order import in_fraction
from gristmill.schemas.errors import InputError, RecipeError, RunError
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"
_SAMPLE = 0x73616D706C65


def train_tokenizer(
    source: Run | str | Path,
    out: str | Path,
    *,
    vocab_size: int = 32_000,
    pattern: str = "cl100k",
    special_tokens: Sequence[str] = (END_OF_TEXT,),
    max_bytes: int = 1 << 30,
    seed: int = 0,
    console: Console | None = None,
    replace: bool = False,
) -> Tokenizer:
    """Train on a run's corpus or on Parquet files, and write tokenizer.json and its configuration into the folder `out`.

    max_bytes: of text, about; which documents are taken is a function of their ids and the seed. The order in which
    they are read changes nothing: merges follow from counts.
    vocab_size: special tokens included; what shards reserve comes above it. The first special token ends documents.
    replace: write over a tokenizer that lies in `out`; without it that is a RunError, before anything is read.
    """
    console = console or Console()
    storage = Storage(str(out))
    _refuse_to_overwrite(storage, replace)
    if pattern not in PATTERNS:
        raise RecipeError(f"pattern {pattern!r}", expected=f"one of {', '.join(PATTERNS)}")
    if not special_tokens or vocab_size < 256 + len(special_tokens):
        raise RecipeError(
            f"a vocabulary of {vocab_size} with {len(special_tokens)} special tokens",
            expected="one special token at least, and room for it and every byte",
        )
    given = find_input(source)
    size = _text_bytes(given)
    if not size:
        raise InputError("no text in it", where=str(source), expected="documents to train on")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = PATTERNS[pattern].pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fraction = min(1.0, max_bytes / size)
    with console.progress("read for the tokenizer", sum(part.bytes for part in given.parts), "bytes") as advance:
        tokenizer.train_from_iterator(_texts(given, fraction, seed, advance), trainer=trainer)
    storage.write_bytes(TOKENIZER_FILE, tokenizer.to_str(pretty=True).encode())
    storage.write_json(CONFIG_FILE, {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": special_tokens[0]})
    console.log(
        f"tokenizer: {tokenizer.get_vocab_size():,} tokens ({pattern}) from about {fraction * size / 1e6:,.1f} MB of text"
    )
    return tokenizer


def _refuse_to_overwrite(storage: Storage, replace: bool) -> None:
    there = [name for name in (TOKENIZER_FILE, CONFIG_FILE) if storage.exists(name)]
    if there and not replace:
        raise RunError(
            f"a tokenizer lies here already ({', '.join(there)})",
            where=storage.url,
            expected="a folder without one",
            next_step="choose another --out, or --replace it; shards and models made with it keep a copy of their own",
        )


def _text_bytes(given: ShardInput) -> int:
    return sum(
        pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0
        for part in given.parts
        for batch in iterate_input(part, None)
    )


def _texts(given: ShardInput, fraction: float, seed: int, advance: Advance) -> Iterator[list[str]]:
    """The texts of the documents in the sample, a list for each batch."""
    for part in given.parts:
        for batch in iterate_input(part, None):
            taken = np.ones(batch.num_rows, bool)
            if fraction < 1:
                taken = in_fraction(batch.column("doc_id"), fraction, seed ^ _SAMPLE)
            yield [text for text, take in zip(batch.column("text").to_pylist(), taken, strict=True) if take and text]
        advance(part.bytes)
