"""Writing token shards from text, against bare `tokenizers.encode_batch_fast` on the same documents, on one core.

    python benchmarks/shards.py [--megabytes N] [--jsonl FILE[.gz] ...] [--tokenizer NAME=FILE ...]

Times are CPU seconds of the process, all threads. Written: Parquet read, texts encoded, documents ordered and split,
.bin, .idx, .docs.parquet, checksums and manifest on disk. Bare: encode_batch_fast alone, in batches of 1,000 documents,
its answers thrown away. The ids of every document are compared; with --rounds the ratio is the median of the pairs.
Without --tokenizer, tokenizers are trained on the documents: of 16,000 ids with each of the fast patterns; a WordPiece
one, a Unigram one of 8,000 ids and one of whole texts as Llama 2's, which are encoded by words; and two that
`tokenizers` itself must run: a byte-level one that cuts digits as StarCoder's does, and the Unigram one with a
replacement over several words.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from operator import truediv
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gristmill.console import Console
from gristmill.filters.text.text_tokenizer import load_for_text
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.shards.encode_part import Borrowed
from gristmill.pipelines.shards.encoding.encode import Encoder
from gristmill.pipelines.shards.encoding.fast_encoder import FastEncoder
from gristmill.pipelines.shards.encoding.patterns import PATTERNS
from gristmill.pipelines.shards.encoding.word_encoder import WordEncoder
from gristmill.pipelines.shards.train_tokenizer import train_tokenizer
from gristmill.pipelines.shards.write import write_shards
from gristmill.schemas.shards.format import BIN, DOCS, ShardSetManifest
from gristmill.schemas.shards.index import decode_index
from inputs import documents
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

QUIET = Console(quiet=True)
TO_MARK = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
CHANGED_AFTER_TRAINING = {
    "llama2": {  # trained by words, which its merges stay in, it takes texts whole
        "pre_tokenizer": None,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, TO_MARK]},
    },
    "unigram-rewriting": {"normalizer": {"type": "Replace", "pattern": {"String": "~ ~"}, "content": "~"}},
}


def texts_of(files: list[str], megabytes: float) -> list[str]:
    """The `text` of JSON Lines; without files the benchmarks' documents."""
    if not files:
        return documents(megabytes)
    found: list[str] = []
    for name in files:
        with gzip.open(name, "rt", encoding="utf-8") if name.endswith(".gz") else open(name, encoding="utf-8") as file:
            found += [text for line in file if (text := json.loads(line).get("text"))]
    return found


def corpus(folder: Path, texts: list[str]) -> Path:
    folder.mkdir()
    ids = [f"{number:032x}" for number in range(len(texts))]
    table = pa.table({"doc_id": pa.array(ids, pa.large_string()), "text": pa.array(texts, pa.large_string())})
    pq.write_table(table, folder / "documents.parquet", row_group_size=10_000, compression="zstd", compression_level=1)
    return folder


def tokenizers_for(folder: Path, given: list[str], source: Path, texts: list[str]) -> Iterator[tuple[str, Path]]:
    if given:
        for named in given:
            name, _, path = named.partition("=")
            yield name, Path(path)
        return
    for pattern in PATTERNS:
        train_tokenizer(
            source, folder / pattern, vocab_size=16_000, pattern=pattern, max_bytes=4_000_000, console=QUIET
        )
        yield pattern, folder / pattern / "tokenizer.json"
    few = texts[: min(1500, len(texts) // 5)]
    for names, tokenizer, trainer in other_tokenizers():
        tokenizer.train_from_iterator(few, trainer=trainer)
        for name in names:
            settings = json.loads(tokenizer.to_str()) | CHANGED_AFTER_TRAINING.get(name, {})
            (folder / f"{name}.json").write_text(json.dumps(settings), encoding="utf-8")
            yield name, folder / f"{name}.json"


def other_tokenizers() -> Iterator[tuple[tuple[str, ...], Tokenizer, trainers.Trainer]]:
    """(names, untrained tokenizer, its trainer) of those without one of the fast patterns."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    yield (
        ("wordpiece",),
        tokenizer,
        trainers.WordPieceTrainer(vocab_size=16_000, special_tokens=["[UNK]"], show_progress=False),
    )
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    yield (
        ("unigram", "unigram-rewriting"),
        tokenizer,
        trainers.UnigramTrainer(vocab_size=8_000, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False),
    )
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁+[^▁]*|[^▁]+"), "isolated")
    yield ("llama2",), tokenizer, trainers.BpeTrainer(vocab_size=16_000, special_tokens=["<unk>"], show_progress=False)
    tokenizer = Tokenizer(models.BPE())
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    yield (
        ("starcoder",),
        tokenizer,
        trainers.BpeTrainer(vocab_size=16_000, initial_alphabet=byte_level.alphabet(), show_progress=False),
    )


def bare(tokenizer: Tokenizer, texts: list[str]) -> float:
    """CPU seconds of encode_batch_fast, with a tokenizer that has met no text yet either: it has a cache of its own."""
    started = time.process_time()
    for first in range(0, len(texts), 1000):
        tokenizer.encode_batch_fast(texts[first : first + 1000], add_special_tokens=False)
    return time.process_time() - started


def written(source: Path, out: Path, tokenizer: Path) -> tuple[float, ShardSetManifest]:
    """CPU seconds of writing with an encoder that has met no text yet."""
    Borrowed.forget()
    started = time.process_time()
    manifest = write_shards(source, out, {"tokenizer": str(tokenizer)}, engine=Engine(partitions=1), console=QUIET)
    return time.process_time() - started, manifest


def assert_same_ids(folder: Path, manifest: ShardSetManifest, tokenizer: Tokenizer, texts: list[str]) -> None:
    """Every document's ids, as they lie in the shards, are those of `tokenizers`."""
    compared = 0
    for shard in manifest.shards:
        tokens = np.fromfile(folder / (shard.name + BIN), manifest.numpy_dtype)
        index = decode_index((folder / f"{shard.name}.idx").read_bytes())
        rows = [int(doc_id, 16) for doc_id in pq.read_table(folder / (shard.name + DOCS)).column("doc_id").to_pylist()]
        for first in range(0, len(rows), 1000):
            chosen = rows[first : first + 1000]
            answers = tokenizer.encode_batch_fast([texts[row] for row in chosen], add_special_tokens=False)
            for place, answer in enumerate(answers, first):
                mine = tokens[index.offsets[place] : index.offsets[place + 1]].tolist()
                assert mine == [*answer.ids, manifest.tokenizer.eos_id], f"document {rows[place]}"
                compared += 1
    assert compared == len(texts)


def measure(name: str, path: Path, source: Path, texts: list[str], folder: Path, rounds: int) -> None:
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    content = path.read_text(encoding="utf-8")
    encoder = Encoder(content)
    encoder.encode(pa.array(["compile, then measure"], pa.large_string()))
    written(corpus(folder / "warm", texts[:20]), folder / "warm-out", path)
    theirs, ours = [], []
    for number in range(rounds):
        theirs.append(bare(load_for_text(content), texts))
        seconds, manifest = written(source, folder / f"out-{number}", path)
        ours.append(seconds)
    assert_same_ids(folder / "out-0", manifest, encoder.plain.tokenizer, texts)
    kind = {FastEncoder: "merged", WordEncoder: "words"}.get(type(encoder.fast), "plain")
    print(
        f"{name:22} {kind:6} bare {megabytes / min(theirs):6.2f} MB/s   written {megabytes / min(ours):7.2f} MB/s"
        f"   {median(map(truediv, theirs, ours)):6.2f}x   {len(texts):,} documents equal",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--jsonl", nargs="*", default=[])
    parser.add_argument("--tokenizer", nargs="*", default=[], metavar="NAME=FILE")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when it first encodes
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts = texts_of(options.jsonl, options.megabytes)
        source = corpus(folder / "corpus", texts)
        print(f"{len(texts):,} documents, {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB, one core", flush=True)
        for number, (name, path) in enumerate(tokenizers_for(folder, options.tokenizer, source, texts)):
            work = folder / f"work-{number}"
            work.mkdir()
            measure(name, path, source, texts, work, options.rounds)


if __name__ == "__main__":
    sys.exit(main())
