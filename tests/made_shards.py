"""Token shards made in a test: documents whose every token is known."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from gristmill.schemas.shards.format import (
    BIN,
    DOCS,
    IDX,
    LOSS,
    MANIFEST,
    SHARD_DOCUMENT,
    Shard,
    ShardFile,
    ShardSetManifest,
    Split,
    TokenizerRecord,
)
from gristmill.schemas.shards.index import encode_index

EOS, PAD, MASK, SEPARATOR = 0, 1, 2, 3
Documents = Sequence[np.ndarray]


def numbered(lengths: Sequence[int], first: int = 10) -> list[np.ndarray]:
    """Documents of these lengths whose tokens count on from `first`: every token of a small corpus is another number."""
    edges = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64) + first
    return [np.arange(a, b) for a, b in pairwise(edges)]


def write_shards(
    folder: Path,
    shards: dict[str, Documents],
    *,
    vocab_size: int = 60_000,
    losses: dict[str, np.ndarray] | None = None,
    split: Split = "train",
    generations: dict[str, int] | None = None,
) -> Path:
    """A folder of shards; keys of `shards` are `source-00000`, each with its documents."""
    tokenizer = TokenizerRecord(
        sha256="0" * 64, vocab_size=vocab_size, eos_id=EOS, pad_id=PAD, mask_id=MASK, separator_id=SEPARATOR
    )
    dtype = np.dtype("<u2" if tokenizer.dtype == "uint16" else "<i4")
    (folder / split).mkdir(parents=True, exist_ok=True)
    entries = []
    for stem, documents in shards.items():
        name, source = f"{split}/{stem}", stem.rpartition("-")[0]
        lengths = np.array([len(document) for document in documents], np.int64)
        tokens = np.concatenate([np.zeros(0, np.int64), *documents]).astype(dtype)
        offsets = np.cumsum(lengths) - lengths
        rows = {
            "doc_id": [f"{stem}/{i}" for i in range(len(documents))],
            "source": [source] * len(documents),
            "url": [f"https://example.org/{stem}/{i}" for i in range(len(documents))],
            "offset": offsets,
            "length": lengths,
            "content_hash": ["0"] * len(documents),
        }
        (folder / f"{name}{BIN}").write_bytes(tokens.tobytes())
        (folder / f"{name}{IDX}").write_bytes(encode_index(lengths, dtype))
        pq.write_table(pa.table(rows, schema=SHARD_DOCUMENT), folder / f"{name}{DOCS}", row_group_size=7)
        extensions = [BIN, IDX, DOCS]
        if losses and stem in losses:
            (folder / f"{name}{LOSS}").write_bytes(losses[stem].astype(np.uint8).tobytes())
            extensions.append(LOSS)
        files = {extension: _recorded(folder / f"{name}{extension}") for extension in extensions}
        entries.append(
            Shard(
                name=name,
                split=split,
                source=source,
                documents=len(documents),
                tokens=int(lengths.sum()),
                identity=files[BIN].checksum,
                generation=(generations or {}).get(stem, 0),
                files=files,
            )
        )
    manifest = ShardSetManifest(
        tokenizer=tokenizer,
        dtype=tokenizer.dtype,
        shards=tuple(entries),
        documents=sum(entry.documents for entry in entries),
        tokens=sum(entry.tokens for entry in entries),
        validation_fraction=0.0,
        made_from={},
        config={},
        created="2026-01-01T00:00:00+00:00",
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json())
    return folder


def _recorded(path: Path) -> ShardFile:
    content = path.read_bytes()
    return ShardFile(bytes=len(content), checksum=xxhash.xxh3_128_hexdigest(content))
