"""Exports are read back by the readers of those projects, document by document."""

import csv
import gzip
import shutil
import struct
from pathlib import Path

import datasets
import numpy as np
import pytest
from datatrove.utils.dataset import DatatroveFolderDataset
from gristmill.pipelines.shards.export import FORMATS, export_shards
from gristmill.pipelines.shards.tombstones import erase_forgotten, tombstone
from gristmill.pipelines.shards.verify import verify_shards
from gristmill.pipelines.shards.write import write_shards
from gristmill.schemas.errors import RecipeError, RunError

from tests.pipelines.shards.made_corpora import documents_of, manifest_of, options, rows, write_corpus

FORGOTTEN = [rows()[3]["doc_id"], rows()[77]["doc_id"]]


@pytest.fixture(params=[False, True], ids=["whole", "with forgotten documents"])
def shards(request: pytest.FixtureRequest, written: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(written, tmp_path / "shards"))
    if request.param:
        tombstone(folder, FORGOTTEN, "asked to")
    return folder


def left(shards: Path, split: str = "train") -> list[dict]:
    gone = FORGOTTEN if (shards / "tombstones.jsonl").exists() else []
    return [row for row in documents_of(shards) if row["doc_id"] not in gone and row["split"] == split]


def test_datatrove_reads_the_tokens(shards: Path, tmp_path: Path) -> None:
    export_shards(shards, tmp_path / "out", "datatrove")
    window = 32
    reader = DatatroveFolderDataset(str(tmp_path / "out" / "train"), window, token_size=2, shuffle=False)
    expected = []
    for shard in sorted({row["shard"] for row in left(shards)}):
        tokens = [token for row in left(shards) if row["shard"] == shard for token in row["tokens"]]
        whole = len(tokens) // (window + 1)  # it leaves out what remains of a file
        expected += [tokens[i * (window + 1) : (i + 1) * (window + 1)] for i in range(whole)]
    assert [reader[i]["input_ids"].tolist() for i in range(len(reader))] == expected
    for path in (tmp_path / "out").rglob("*.ds"):
        ends = np.fromfile(f"{path}.index", "<u8")
        assert int(ends[-1]) * 2 == path.stat().st_size
        assert Path(f"{path}.metadata").read_text().split("\n")[1] == str(ends[-1])


def test_datasets_reads_the_documents(shards: Path, tmp_path: Path) -> None:
    export_shards(shards, tmp_path / "out", "datasets")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    for split in ("train", "validation"):
        expected = [(row["doc_id"], row["source"], row["url"], row["tokens"]) for row in left(shards, split)]
        found = [(row["doc_id"], row["source"], row["url"], row["input_ids"]) for row in loaded[split]]
        assert sorted(found, key=str) == sorted(expected, key=str)


def test_olmo_layout(shards: Path, tmp_path: Path) -> None:
    """Read as OLMo does: np.memmap of a file without a header; documents end with EOS and lie where the csv says."""
    export_shards(shards, tmp_path / "out", "olmo")
    manifest, found = manifest_of(shards), []
    for path in sorted((tmp_path / "out" / "train").glob("*.npy")):
        tokens = np.memmap(path, manifest.numpy_dtype, "r")
        with gzip.open(path.with_suffix(".csv.gz"), "rt", encoding="utf-8", newline="") as file:
            for start, end, doc_id, source, url in csv.reader(file):
                found.append((doc_id, source, url or None, tokens[int(start) : int(end)].tolist()))
        assert tokens[-1] == manifest.tokenizer.eos_id
    expected = [(row["doc_id"], row["source"], row["url"], row["tokens"]) for row in left(shards)]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_megatron_layout(shards: Path, tmp_path: Path) -> None:
    """Read as its IndexedDataset does, which benchmarks/shards.py runs itself where megatron-core is installed."""
    export_shards(shards, tmp_path / "out", "megatron")
    found = []
    for path in sorted((tmp_path / "out" / "train").glob("*.idx")):
        content = path.read_bytes()
        magic, version, code, sequences, documents = struct.unpack_from("<9sQBQQ", content)
        assert (magic, version, code, documents) == (b"MMIDIDX\0\0", 1, 8, sequences + 1)
        lengths = np.frombuffer(content, "<i4", sequences, 34)
        pointers = np.frombuffer(content, "<i8", sequences, 34 + 4 * sequences)
        raw = path.with_suffix(".bin").read_bytes()
        found += [np.frombuffer(raw, "<u2", n, at).tolist() for n, at in zip(lengths, pointers, strict=True)]
    assert sorted(found) == sorted(row["tokens"] for row in left(shards))


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_older_than_the_tombstones_fails_verification(written: Path, tmp_path: Path, format: str) -> None:
    shards = Path(shutil.copytree(written, tmp_path / "shards"))
    record = export_shards(shards, tmp_path / "out", format)
    assert record["documents"] == len(rows())
    assert verify_shards(shards).problems == []
    before = {path: path.read_bytes() for path in (tmp_path / "out" / "train").iterdir()}
    tombstone(shards, FORGOTTEN, "asked to")
    erase_forgotten(shards)
    [problem] = verify_shards(shards).problems
    assert "older than the tombstones" in problem
    assert {path: path.read_bytes() for path in before} == before  # erasing never reaches through a link
    shutil.rmtree(tmp_path / "out")
    export_shards(shards, tmp_path / "again", format)
    report = verify_shards(shards)
    assert report.problems == []
    assert "is not there any more" in report.notes[0]


def test_loss_masks_are_exported(tokenizer: str, tmp_path: Path) -> None:
    documents = [{"doc_id": str(n), "text": "the mill turns", "hide": [{"start": 0, "end": 3}]} for n in range(9)]
    corpus = write_corpus(tmp_path / "corpus", documents)
    write_shards(corpus, tmp_path / "shards", options(tokenizer, loss_column="hide", validation_fraction=0))
    assert verify_shards(tmp_path / "shards").problems == []
    expected = [row["loss"] for row in documents_of(tmp_path / "shards")]
    export_shards(tmp_path / "shards", tmp_path / "datatrove", "datatrove")
    stored = np.fromfile(next((tmp_path / "datatrove").rglob("*.ds.loss")), np.bool_)
    assert stored.astype(int).tolist() == [value for loss in expected for value in loss]
    export_shards(tmp_path / "shards", tmp_path / "datasets", "datasets")
    loaded = datasets.load_dataset(str(tmp_path / "datasets"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"]["loss_mask"][:] == expected


def test_exports_need_a_known_format_and_an_empty_folder(written: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="format 'mds'"):
        export_shards(written, tmp_path / "out", "mds")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(RunError, match="not empty"):
        export_shards(written, tmp_path / "full", "olmo")
