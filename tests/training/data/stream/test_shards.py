"""Integrity: a file that is not as written is named and nothing of it is served; remote shards come through a cache."""

from pathlib import Path

import fsspec
import numpy as np
import pytest
from gristmill.schemas.errors import GristmillError, InputError, RunError
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet, Verify

from tests.made_shards import numbered, write_shards


def corpus(folder: Path) -> Path:
    return write_shards(folder, {"a-00000": numbered([30, 40, 8]), "b-00000": numbered([50], 1000)})


def read_all(shards: ShardSet) -> list[int]:
    data = PlanDataset(Plan.build(shards, PlanConfig(window=16)))
    ids = data.batch(0, len(data))["input_ids"]
    for k in range(len(data)):
        data.documents(k)
    return sorted(ids[ids >= 10].tolist())


def harm(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "long":
        path.write_bytes(content + b"\0\0")
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize("verify", ["lazy", "full"])
@pytest.mark.parametrize("how", ["short", "altered", "gone", "empty", "long"])
@pytest.mark.parametrize("file", ["a-00000.bin", "a-00000.idx", "b-00000.docs.parquet"])
def test_a_damaged_file_is_named(tmp_path: Path, file: str, how: str, verify: Verify) -> None:
    harm(corpus(tmp_path) / "train" / file, how)
    with pytest.raises(RunError) as caught:
        read_all(ShardSet.open(tmp_path, verify))
    assert file in str(caught.value)
    assert "not the one that was written" in str(caught.value)


@pytest.mark.parametrize("how", ["short", "gone", "empty", "long"])
def test_sizes_are_checked_without_checksums_too(tmp_path: Path, how: str) -> None:
    harm(corpus(tmp_path) / "train" / "b-00000.bin", how)
    with pytest.raises(RunError, match=r"b-00000\.bin"):
        read_all(ShardSet.open(tmp_path, "none"))


def test_up_front_means_before_anything_is_served(tmp_path: Path) -> None:
    harm(corpus(tmp_path) / "train" / "b-00000.bin", "altered")
    ShardSet.open(tmp_path, "lazy")
    with pytest.raises(RunError, match=r"b-00000\.bin: checksum"):
        ShardSet.open(tmp_path, "full")


def test_untouched_shards_are_not_read(tmp_path: Path) -> None:
    """Lazily: a damaged shard outside the mixture stops nobody."""
    harm(corpus(tmp_path) / "train" / "b-00000.bin", "altered")
    data = PlanDataset(Plan.build(ShardSet.open(tmp_path), PlanConfig(window=16, mixture={"a": 1.0})))
    assert (data.batch(0, 20)["input_ids"] < 1000).all()


@pytest.mark.parametrize(("content", "message"), [(None, "no manifest.json"), ("{}", "no manifest of token shards")])
def test_no_folder_of_shards(tmp_path: Path, content: str | None, message: str) -> None:
    if content:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(GristmillError, match=message):
        ShardSet.open(tmp_path)


def test_remote_shards_are_copied_once_and_checked(tmp_path: Path) -> None:
    corpus(tmp_path / "shards")
    remote = fsspec.filesystem("memory")
    remote.put(f"{tmp_path}/shards/", "/remote-shards/", recursive=True)
    with pytest.raises(InputError, match="name a local folder as cache"):
        ShardSet.open("memory://remote-shards")
    cache = tmp_path / "cache"
    expected = read_all(ShardSet.open(tmp_path / "shards"))
    opened = ShardSet.open("memory://remote-shards", cache=cache)
    assert not cache.exists()  # nothing is fetched before it is needed
    assert read_all(opened) == expected
    assert len(list(cache.iterdir())) == 6
    remote.rm("/remote-shards/train", recursive=True)
    assert read_all(ShardSet.open("memory://remote-shards", cache=cache)) == expected
    harm(next(cache.glob("*.bin")), "altered")
    with pytest.raises(RunError, match="checksum"):
        read_all(ShardSet.open("memory://remote-shards", cache=cache))


@pytest.mark.parametrize("how", ["short", "altered", "gone"])
def test_a_damaged_remote_file_never_enters_the_cache(tmp_path: Path, how: str) -> None:
    harm(corpus(tmp_path / "shards") / "train" / "a-00000.bin", how)
    fsspec.filesystem("memory").put(f"{tmp_path}/shards/", f"/{how}-shards/", recursive=True)
    with pytest.raises(RunError, match=rf"memory://{how}-shards/train/a-00000\.bin"):
        read_all(ShardSet.open(f"memory://{how}-shards", cache=tmp_path / "cache"))
    assert not list((tmp_path / "cache").glob("*.bin*"))


def test_many_shards_stay_within_the_files_a_process_may_open(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, {f"a-{i:05d}": numbered([16], 10 + 16 * i) for i in range(400)})
    opened = ShardSet.open(shards)
    most = opened.mapped.cache_info().maxsize
    assert most is not None
    data = PlanDataset(Plan.build(opened, PlanConfig(window=16)))
    ids = data.batch(0, len(data))["input_ids"]
    assert np.sort(ids.ravel()).tolist() == list(range(10, 10 + 6400))
    assert opened.mapped.cache_info().currsize == min(400, most)
