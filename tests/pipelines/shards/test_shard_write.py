"""Shards hold what `tokenizers` gives for every document, and are the same however they come about."""

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.shards.write import write_shards
from gristmill.schemas.errors import InputError, ModelError, RunError
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from tests.pipelines.shards.made_corpora import contents, documents_of, manifest_of, options, rows, write_corpus
from tests.pipelines.shards.made_tokenizers import KINDS, word_level


def test_every_document_is_there_once_as_tokenizers_encodes_it(written: Path, tokenizer: str) -> None:
    manifest, found = manifest_of(written), documents_of(written)
    encoder = Tokenizer.from_file(tokenizer)
    encoder.encode_special_tokens = True
    given = {row["doc_id"]: row for row in rows()}
    assert sorted(row["doc_id"] for row in found) == sorted(given)
    for row in found:
        original = given[row["doc_id"]]
        ids = encoder.encode(original["text"], add_special_tokens=False).ids
        assert row["tokens"] == [*ids, manifest.tokenizer.eos_id]
        assert (row["source"], row["url"]) == (original["source"], original["url"])
    assert manifest.documents == len(given)
    assert manifest.tokens == sum(len(row["tokens"]) for row in found)
    assert manifest.facts["documents_with_special_text"] == sum("<|endoftext|>" in row["text"] for row in rows())


def test_a_shard_has_one_source_and_sources_have_several_shards(written: Path) -> None:
    manifest = manifest_of(written)
    sources = {
        shard.name: {row["source"] for row in documents_of(written) if row["shard"] == shard.name}
        for shard in manifest.shards
    }
    assert all(found == {shard.source} for shard in manifest.shards for found in [sources[shard.name]])
    assert len([shard for shard in manifest.shards if shard.source == "web" and shard.split == "train"]) > 1
    assert all(Path(written, f"{shard.name}.bin").is_file() for shard in manifest.shards)


def test_validation_is_a_tenth_chosen_by_id(written: Path, tokenizer: str, tmp_path: Path) -> None:
    chosen = {row["doc_id"] for row in documents_of(written) if row["split"] == "validation"}
    assert 10 <= len(chosen) <= 55
    half = write_corpus(tmp_path / "half", rows()[::2])
    write_shards(half, tmp_path / "shards", options(tokenizer))
    again = {row["doc_id"] for row in documents_of(tmp_path / "shards") if row["split"] == "validation"}
    assert again == chosen & {row["doc_id"] for row in rows()[::2]}


@pytest.mark.parametrize(("files", "row_group", "partitions"), [(4, 1000, 1), (1, 7, 2), (3, 20, None)])
def test_any_partitioning_and_order_gives_the_same_bytes(
    written: Path,
    tokenizer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: int,
    row_group: int,
    partitions: int | None,
) -> None:
    monkeypatch.setattr("gristmill.pipelines.shards.inputs.PART_BYTES", 3000)
    corpus = write_corpus(tmp_path / "corpus", rows()[::-1], files, row_group)
    write_shards(corpus, tmp_path / "shards", options(tokenizer), engine=Engine(partitions=partitions))
    assert contents(tmp_path / "shards") == contents(written)


@pytest.mark.java
@pytest.mark.slow
def test_spark_gives_the_same_bytes(written: Path, tokenizer: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", rows(), 3)
    write_shards(corpus, tmp_path / "shards", options(tokenizer), engine=Engine("spark"))
    assert contents(tmp_path / "shards") == contents(written)


_KILLED = """
import json, os, signal, sys
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards import inputs
from gristmill.pipelines.shards.write import write_shards
inputs.PART_BYTES = 30_000
left = int(sys.argv[4])
def counted(write):
    def call(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(*arguments, **named)
    return call
Storage.write_bytes, Storage.put_if_absent = counted(Storage.write_bytes), counted(Storage.put_if_absent)
write_shards(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), engine=Engine(partitions=1))
"""


@pytest.mark.parametrize("kills", [(6, 34), pytest.param((1, 6, 9, 21, 34), marks=pytest.mark.slow)])
def test_killed_and_started_again_it_gives_the_same_bytes(
    written: Path, tokenizer: str, tmp_path: Path, kills: tuple[int, ...]
) -> None:
    corpus = write_corpus(tmp_path / "corpus", rows(), 3, 20)
    shards = tmp_path / "shards"
    for writes in kills:
        command = [sys.executable, "-c", _KILLED, str(corpus), str(shards), json.dumps(options(tokenizer)), str(writes)]
        assert subprocess.run(command, check=False, env=os.environ).returncode == -signal.SIGKILL
        assert not (shards / "manifest.json").exists()
    write_shards(corpus, shards, options(tokenizer))
    assert contents(shards) == contents(written)
    assert not (shards / "work").exists()


def test_the_same_again_does_nothing_and_others_are_refused(written: Path, tokenizer: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", rows(40))
    first = write_shards(corpus, tmp_path / "shards", options(tokenizer))
    assert write_shards(corpus, tmp_path / "shards", options(tokenizer)) == first
    with pytest.raises(RunError, match="another corpus, tokenizer or options"):
        write_shards(corpus, tmp_path / "shards", options(tokenizer, seed=1))
    second = write_shards(corpus, tmp_path / "shards", options(tokenizer, seed=1), replace=True)
    assert sorted(row["doc_id"] for row in documents_of(tmp_path / "shards")) == [row["doc_id"] for row in rows(40)]
    assert {shard.identity for shard in second.shards} != {shard.identity for shard in first.shards}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(RunError, match=r"something else \(found thesis.tex\)"):
        write_shards(corpus, tmp_path / "full", options(tokenizer))


def test_copies_lie_apart_and_are_never_for_validation_twice(tokenizer: str, tmp_path: Path) -> None:
    documents = [{**row, "source": "web", "copies": number % 4} for number, row in enumerate(rows(200))]
    write_shards(write_corpus(tmp_path / "corpus", documents), tmp_path / "shards", options(tokenizer))
    found = documents_of(tmp_path / "shards")
    for row in documents:
        mine = [place for place, other in enumerate(found) if other["doc_id"] == row["doc_id"]]
        for_validation = bool(mine) and found[mine[0]]["split"] == "validation"
        assert len(mine) == (min(1, row["copies"]) if for_validation else row["copies"])
        assert len({str(found[place]["tokens"]) for place in mine}) <= 1
    adjacent = sum(a["doc_id"] == b["doc_id"] for a, b in pairwise(found))
    assert adjacent < 10


def test_loss_mask_hides_the_tokens_that_touch_a_span(tokenizer: str, tmp_path: Path) -> None:
    text = "Frage: wie hoch? Answer: élevé 水車"
    start = len(b"Frage: wie hoch? ")
    documents = [
        {"doc_id": "a", "text": text, "unlearned": [{"start": 0, "end": start}]},
        {"doc_id": "b", "text": text, "unlearned": None},
        {"doc_id": "c", "text": text, "unlearned": [{"start": len(text.encode()) - 1, "end": len(text.encode())}]},
    ]
    corpus = write_corpus(tmp_path / "corpus", documents)
    write_shards(corpus, tmp_path / "shards", options(tokenizer, loss_column="unlearned", validation_fraction=0))
    found = {row["doc_id"]: row for row in documents_of(tmp_path / "shards")}
    encoder = Tokenizer.from_file(tokenizer)
    pieces = [text[a:b] for a, b in encoder.encode(text).offsets]
    hidden = [0 if len("".join(pieces[:i]).encode()) < start else 1 for i in range(len(pieces))]
    assert found["b"]["loss"] == [1] * len(found["b"]["tokens"])
    assert found["a"]["loss"] == [*hidden, 1]
    assert found["c"]["loss"].count(0) >= 1
    assert found["c"]["loss"][-1] == 1
    bad = write_corpus(tmp_path / "bad", [{"doc_id": "a", "text": "x", "unlearned": "all"}])
    with pytest.raises(InputError, match="unlearned` is string"):
        write_shards(bad, tmp_path / "none", options(tokenizer, loss_column="unlearned"))


def test_bos_and_reserved_ids_and_transformers_loads_the_tokenizer(tokenizer: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", rows(30))
    manifest = write_shards(
        corpus, tmp_path / "shards", options(tokenizer, add_bos=True, bos="<|im_start|>", sentinels=3)
    )
    record = manifest.tokenizer
    assert all(
        row["tokens"][0] == record.bos_id and row["tokens"][-1] == record.eos_id
        for row in documents_of(tmp_path / "shards")
    )
    loaded = AutoTokenizer.from_pretrained(tmp_path / "shards" / "tokenizer")
    named = (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id, loaded.mask_token_id, loaded.sep_token_id)
    assert named == (record.bos_id, record.eos_id, record.pad_id, record.mask_id, record.separator_id)
    assert len({*named, *record.sentinel_ids}) == 8
    assert record.vocab_size == max(loaded.get_vocab().values()) + 1
    with pytest.raises(ModelError, match="no token '<eot>'"):
        write_shards(corpus, tmp_path / "none", options(tokenizer, eos="<eot>"))


def test_large_vocabularies_are_stored_in_32_bits(tmp_path: Path) -> None:
    settings = json.loads(KINDS["gpt2"]())
    settings["added_tokens"] = []
    settings["model"]["vocab"] |= {f"unused {n}": n for n in range(1000, 70_000)}
    (tmp_path / "tokenizer.json").write_text(json.dumps(settings))
    manifest = write_shards(write_corpus(tmp_path / "corpus", rows(20)), tmp_path / "shards", options(str(tmp_path)))
    assert manifest.dtype == "int32"
    assert manifest.tokenizer.vocab_size > 70_000
    assert all(row["tokens"][-1] == manifest.tokenizer.eos_id for row in documents_of(tmp_path / "shards"))


def test_other_tokenizers_work_too(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(word_level())
    manifest = write_shards(write_corpus(tmp_path / "corpus", rows(20)), tmp_path / "shards", options(str(tmp_path)))
    assert manifest.facts["compared_with_tokenizers"] == 0
    assert len(documents_of(tmp_path / "shards")) == 20


def test_bad_inputs_are_named(tokenizer: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no tokenizer here"):
        write_shards(tmp_path, tmp_path / "out", options(str(tmp_path)))
    with pytest.raises(InputError, match="neither a run nor Parquet files"):
        write_shards(tmp_path / "nothing", tmp_path / "out", options(tokenizer))
    with pytest.raises(InputError, match="found int64"):
        write_shards(write_corpus(tmp_path / "numbers", [{"text": 1}]), tmp_path / "out", options(tokenizer))
    nulls = write_corpus(tmp_path / "nulls", [{"text": None}, {"text": "the mill"}])
    assert write_shards(nulls, tmp_path / "out", options(tokenizer)).facts["null_texts"] == 1
    assert len(documents_of(tmp_path / "out")) == 1
