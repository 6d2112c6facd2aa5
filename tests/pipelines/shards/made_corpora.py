"""Small corpora in Parquet for token shards, and reading shards back by the format alone."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gristmill.schemas.shards.format import BIN, DOCS, LOSS, ShardSetManifest, parse_manifest
from gristmill.schemas.shards.index import decode_index

from tests.pipelines.shards.made_tokenizers import prose

Row = dict[str, Any]


def rows(count: int = 300, seed: int = 5) -> list[Row]:
    """Documents of three sources, of 0 to a few hundred words, some of them copied, some with literal special tokens."""
    dice = random.Random(seed)
    text = prose(6000, seed=17)
    made = []
    for number in range(count):
        start = dice.randrange(len(text))
        body = text[start : start + int(dice.lognormvariate(5, 1.2))] if number % 50 else ""
        made.append(
            {
                "doc_id": f"{number:032x}",
                "text": body + (" <|endoftext|> literal" if number % 40 == 1 else ""),
                "source": dice.choice(["web", "books/old", "код"]),
                "url": f"https://example.org/{number}" if number % 3 else None,
            }
        )
    return made


def write_corpus(folder: Path, documents: list[Row], files: int = 1, row_group: int = 1000) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        table = pa.Table.from_pylist(documents[number::files])
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=row_group)
    return folder


def manifest_of(folder: Path) -> ShardSetManifest:
    return parse_manifest((folder / "manifest.json").read_bytes(), str(folder))


def documents_of(folder: Path) -> list[Row]:
    """Every document of a shard folder with its tokens (and loss), shard by shard."""
    manifest = manifest_of(folder)
    found = []
    for shard in manifest.shards:
        tokens = np.fromfile(folder / (shard.name + BIN), manifest.numpy_dtype)
        index = decode_index((folder / (shard.name + ".idx")).read_bytes())
        loss = np.fromfile(folder / (shard.name + LOSS), np.uint8) if LOSS in shard.files else None
        for row, document in enumerate(pq.read_table(folder / (shard.name + DOCS)).to_pylist()):
            span = slice(int(index.offsets[row]), int(index.offsets[row + 1]))
            extra = {} if loss is None else {"loss": loss[span].tolist()}
            found.append(
                {**document, "shard": shard.name, "split": shard.split, "tokens": tokens[span].tolist(), **extra}
            )
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of the two splits."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for split in ("train", "validation")
        for path in sorted((folder / split).glob("*"))
    }


def options(tokenizer: str, **changes: object) -> dict[str, object]:
    """Options with several shards of a source and a validation split."""
    return {"tokenizer": tokenizer, "validation_fraction": 0.1, "tokens_per_shard": 3000, **changes}
