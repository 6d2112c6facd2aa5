"""Whatever is wrong with shards, `verify_shards` finds it and names the file."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gristmill.pipelines.shards.gather import file_record
from gristmill.pipelines.shards.tombstones import tombstone
from gristmill.pipelines.shards.verify import verify_shards
from gristmill.schemas.errors import RunError

from tests.pipelines.shards.made_corpora import documents_of, manifest_of, rows

NAME = "train/web-00000"


@pytest.fixture
def shards(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "shards"))


def change_manifest(folder: Path, change: Callable[[dict], None]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def reseal(folder: Path, path: str, content: bytes) -> None:
    """Change a file and its checksum: only what it holds can give it away."""
    (folder / path).write_bytes(content)

    def record(manifest: dict) -> None:
        [shard] = [shard for shard in manifest["shards"] if path.startswith(shard["name"] + ".")]
        shard["files"][path.removeprefix(shard["name"])] = file_record(content).model_dump()

    change_manifest(folder, record)


def first_document(folder: Path) -> dict:
    return next(row for row in documents_of(folder) if row["shard"] == NAME and row["length"] > 1)


def change_token(folder: Path, place: int, token: int) -> None:
    """Another token at a place in the first document that has text."""
    place += first_document(folder)["offset"]
    tokens = np.fromfile(folder / f"{NAME}.bin", manifest_of(folder).numpy_dtype)
    tokens[place] = token
    reseal(folder, f"{NAME}.bin", tokens.tobytes())


def flip(folder: Path, path: str) -> None:
    content = bytearray((folder / path).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / path).write_bytes(content)


def cut(folder: Path, path: str) -> None:
    (folder / path).write_bytes((folder / path).read_bytes()[:-2])


def borrow_index(folder: Path) -> None:
    reseal(folder, f"{NAME}.idx", (folder / "train/web-00001.idx").read_bytes())


def move_tombstone(folder: Path) -> None:
    stones = tombstone(folder, [rows()[3]["doc_id"]], "asked to")
    moved = stones[0].model_copy(update={"start": stones[0].start + 1})
    (folder / "tombstones.jsonl").write_text(moved.model_dump_json() + "\n")


def test_good_shards_have_no_problem(written: Path) -> None:
    report = verify_shards(written)
    assert (report.problems, report.notes) == ([], [])
    assert "no problem found" in str(report)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: flip(f, f"{NAME}.bin"), r"web-00000\.bin: checksum"),
        (lambda f: flip(f, f"{NAME}.docs.parquet"), r"web-00000\.docs\.parquet: checksum"),
        (lambda f: cut(f, f"{NAME}.bin"), r"web-00000\.bin: [\d,]+ bytes; expected"),
        (lambda f: (f / f"{NAME}.idx").unlink(), r"web-00000\.idx: missing"),
        (borrow_index, r"web-00000: .* disagree"),
        (lambda f: reseal(f, f"{NAME}.idx", b"MMIDIDX\0\0"), r"web-00000\.idx: damaged index"),
        (lambda f: change_token(f, 0, 60_000), "web-00000: an id outside the vocabulary"),
        (lambda f: change_token(f, 0, 0), "web-00000: special ids inside documents"),
        (lambda f: change_token(f, first_document(f)["length"] - 1, 300), "does not end with EOS"),
        (lambda f: change_manifest(f, lambda m: m.update(tokens=m["tokens"] + 1)), "its shards have"),
        (lambda f: flip(f, "tokenizer/tokenizer.json"), "not the tokenizer that wrote the shards"),
        (move_tombstone, "is not at that document's tokens"),
    ],
)
def test_damage_is_found_and_named(shards: Path, damage: Callable[[Path], None], named: str) -> None:
    damage(shards)
    [problem] = verify_shards(shards).problems
    assert re.search(named, problem)


def test_what_is_no_shard_folder_is_an_error(tmp_path: Path, shards: Path) -> None:
    with pytest.raises(RunError, match="no finished token shards here"):
        verify_shards(tmp_path)
    change_manifest(shards, lambda manifest: manifest.update(format_version=99))
    with pytest.raises(RunError, match=r"found 99\); expected format_version 1"):
        verify_shards(shards)


def test_files_that_the_manifest_does_not_list_are_noted(shards: Path) -> None:
    (shards / "train" / "web-00099.bin").touch()
    report = verify_shards(shards)
    assert (report.problems, report.notes) == ([], ["train/web-00099.bin is not in the manifest"])
