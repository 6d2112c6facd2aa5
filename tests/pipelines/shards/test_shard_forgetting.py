"""Forgetting in shards: what is marked, what erasing overwrites, what is added; nothing else moves."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards import tombstones as module
from gristmill.pipelines.shards.tombstones import erase_forgotten, forget, read_tombstones, tombstone
from gristmill.pipelines.shards.verify import verify_shards
from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import identity_of, parse_tombstones

from tests.pipelines.shards.made_corpora import contents, documents_of, manifest_of, rows


@pytest.fixture
def shards(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "shards"))


FORGOTTEN = [rows()[3]["doc_id"], rows()[77]["doc_id"]]


def promoted(*doc_ids: str) -> pa.Table:
    return pa.table({"doc_id": doc_ids, "text": [f"promoted {n}" for n in doc_ids], "source": ["web"] * len(doc_ids)})


def test_tombstones_name_the_tokens_and_nothing_changes(shards: Path, written: Path) -> None:
    stones = tombstone(shards, [*FORGOTTEN, "in no shard"], "asked to")
    assert sorted(stone.doc_id for stone in stones) == FORGOTTEN
    for stone in stones:
        [document] = [row for row in documents_of(shards) if row["doc_id"] == stone.doc_id]
        assert (stone.shard, stone.start, stone.end) == (
            document["shard"],
            document["offset"],
            document["offset"] + document["length"],
        )
    assert contents(shards) == contents(written)
    assert tombstone(shards, FORGOTTEN, "again") == []
    [later] = tombstone(shards, [rows()[5]["doc_id"]], "another")
    assert read_tombstones(Storage(str(shards))) == [*stones, later]


def test_a_torn_last_line_does_not_count_and_is_written_over(shards: Path) -> None:
    stones = tombstone(shards, FORGOTTEN[:1], "asked to")
    with (shards / "tombstones.jsonl").open("ab") as file:
        file.write(b'{"doc_id": "half')
    assert read_tombstones(Storage(str(shards))) == stones
    tombstone(shards, FORGOTTEN[1:], "asked to")
    assert len(parse_tombstones((shards / "tombstones.jsonl").read_bytes())) == 2
    with pytest.raises(RunError, match="line 1 is no tombstone"):
        parse_tombstones(b"{}\n")


def test_erasing_overwrites_these_tokens_only(shards: Path, written: Path) -> None:
    tombstone(shards, FORGOTTEN, "asked to")
    changed = erase_forgotten(shards)
    separator = manifest_of(shards).tokenizer.separator_id
    for before, after in zip(documents_of(written), documents_of(shards), strict=True):
        if before["doc_id"] in FORGOTTEN:
            assert set(after["tokens"]) == {separator}
            assert (after["url"], after["content_hash"]) == (None, None)
            assert after["shard"] in changed
            assert len(after["tokens"]) == len(before["tokens"])
        else:
            assert after == before
    assert identity_of(manifest_of(shards).shards) == identity_of(manifest_of(written).shards)
    report = verify_shards(shards)
    assert (report.problems, report.forgotten_on_disk, report.tombstones) == ([], 0, 2)
    assert erase_forgotten(shards) == []


def test_before_erasing_the_tokens_on_disk_are_counted(shards: Path) -> None:
    stones = tombstone(shards, FORGOTTEN, "asked to")
    report = verify_shards(shards)
    assert report.problems == []
    assert report.forgotten_on_disk == sum(stone.end - stone.start for stone in stones)
    assert "still on disk" in str(report)


def test_an_interrupted_erasure_is_finished_by_the_next(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tombstone(shards, FORGOTTEN, "asked to")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # after the files changed places, before the manifest says so
        write = module.write_shard_manifest
        patch.setattr(module, "write_shard_manifest", lambda *a: write(*a) if len(a) == 3 else stop())
        with pytest.raises(KeyboardInterrupt):
            erase_forgotten(shards)
    assert any("erasing was interrupted" in problem for problem in verify_shards(shards).problems)
    erase_forgotten(shards)
    report = verify_shards(shards)
    assert (report.problems, report.forgotten_on_disk, report.notes) == ([], 0, [])


def test_documents_are_added_as_a_generation_that_moves_nothing(shards: Path, written: Path) -> None:
    done = forget(shards, FORGOTTEN, reason="asked to", promoted=promoted("p1", "p2"), erase=True)
    assert {shard.generation for shard in done.added} == {1}
    manifest = manifest_of(shards)
    old = manifest_of(written).shards
    assert identity_of(manifest.shards[: len(old)]) == identity_of(old)
    assert identity_of(manifest.of_split("train", 0)) == identity_of(manifest_of(written).of_split("train"))
    added = [row for row in documents_of(shards) if "-delta001-" in row["shard"]]
    assert sorted(row["doc_id"] for row in added) == ["p1", "p2"]
    assert all(row["tokens"][-1] == manifest.tokenizer.eos_id for row in added)
    again = forget(shards, FORGOTTEN, reason="asked to", promoted=promoted("p1", "p2"), erase=True)
    assert (again.tombstones, again.added, again.erased) == ((), (), ())
    third = forget(shards, [], reason="", promoted=promoted("p2", "p3"))
    assert [(shard.generation, shard.documents) for shard in third.added] == [(2, 1)]
    report = verify_shards(shards)
    assert (report.problems, report.notes) == ([], [])
