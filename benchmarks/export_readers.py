"""Exports of token shards, read back by the projects they are for: megatron-core and ai2-olmo-core.

    python benchmarks/export_readers.py

Both get an environment of their own, made once in benchmarks/.work (about 2 GB) from the package index. Shards of 16 and
of 32 bits, documents without tokens and a forgotten document among them. Every token is compared.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PACKAGES = ["megatron-core==0.16.1", "ai2-olmo-core==3.0.0", "torch==2.13.0", "numpy<3"]
WINDOW = 128
FORGOTTEN = 7


def write(folder: Path, vocab_size: int) -> None:
    """Shards, their exports, and apart from both the documents that must be read: tokens.npy and lengths.npy."""
    sys.path.append(str(Path(__file__).parent.parent))
    from gristmill.pipelines.shards.export import export_shards
    from gristmill.schemas.shards.format import TOMBSTONES, Tombstone

    from tests.made_shards import EOS, PAD, write_shards

    rng = np.random.default_rng(vocab_size)
    lengths = np.maximum(0, rng.lognormal(5, 1.5, 2000)).astype(int)
    lengths[::100] = 0
    documents = [rng.integers(4, vocab_size, length) for length in lengths]
    write_shards(folder / "shards", {"web-00000": documents}, vocab_size=vocab_size)
    start = int(lengths[:FORGOTTEN].sum())
    stone = Tombstone(
        doc_id=f"web-00000/{FORGOTTEN}",
        shard="train/web-00000",
        start=start,
        end=start + int(lengths[FORGOTTEN]),
        reason="asked",
        time="2026-01-01",
    )
    (folder / "shards" / TOMBSTONES).write_text(stone.model_dump_json() + "\n")
    del documents[FORGOTTEN]
    for format in ("megatron", "olmo"):
        export_shards(folder / "shards", folder / format, format)
    np.save(folder / "tokens.npy", np.concatenate(documents))
    np.save(folder / "lengths.npy", np.array([len(document) for document in documents]))
    facts = {"pad_token_id": PAD, "eos_token_id": EOS, "vocab_size": vocab_size}
    (folder / "tokenizer.json").write_text(json.dumps(facts))


def read(folder: Path) -> None:
    """In the environment of the readers: compare what they give."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    from olmo_core.data import NumpyFSLDataset

    tokens, lengths = np.load(folder / "tokens.npy"), np.load(folder / "lengths.npy")
    facts = json.loads((folder / "tokenizer.json").read_text())
    kind = np.uint16 if facts["vocab_size"] < 65_500 else np.uint32
    megatron = IndexedDataset(str(folder / "megatron" / "train" / "web-00000"))
    expected = np.split(tokens, np.cumsum(lengths)[:-1])
    assert len(megatron) == len(expected), f"{len(megatron)} documents; expected {len(expected)}"
    assert all(np.array_equal(megatron[i], one) for i, one in enumerate(expected))
    print(f"{np.dtype(kind)}: megatron-core IndexedDataset: {len(megatron):,} documents equal")
    olmo = NumpyFSLDataset(
        str(folder / "olmo" / "train" / "web-00000.npy"), sequence_length=WINDOW, dtype=kind, **facts
    )
    olmo.prepare()
    rows = np.concatenate([np.asarray(olmo[i]["input_ids"]) for i in range(len(olmo))])
    assert len(rows) == len(tokens) // WINDOW * WINDOW
    assert np.array_equal(rows, tokens[: len(rows)])
    print(f"{np.dtype(kind)}: ai2-olmo-core NumpyFSLDataset: {len(olmo):,} windows of {WINDOW} equal")


def main() -> None:
    from environments import python_with

    python = python_with("export-readers", PACKAGES)
    for vocab_size in (50_000, 100_000):
        with tempfile.TemporaryDirectory() as temporary:
            write(Path(temporary), vocab_size)
            subprocess.run([python, "-W", "ignore", __file__, "--read", temporary], check=True)


if __name__ == "__main__":
    read(Path(sys.argv[2])) if sys.argv[1:2] == ["--read"] else main()
