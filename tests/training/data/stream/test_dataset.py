"""What is served: ids, positions and labels against a plain reference; masks, forgotten text, names; any ranks."""

import threading
from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import TOMBSTONES, Tombstone
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.reader import IGNORED, ReadAhead
from gristmill.training.data.stream.shards import ShardSet
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.made_shards import PAD, SEPARATOR, numbered, write_shards

LENGTHS = st.lists(st.integers(0, 30), min_size=1, max_size=25).filter(lambda lengths: sum(lengths) > 0)


def plain_rows(rows: list[list[list[int]]], window: int) -> dict[str, list[list[int]]]:
    """input_ids, position_ids, labels of rows given as lists of documents."""
    made: dict[str, list[list[int]]] = {"input_ids": [], "position_ids": [], "labels": []}
    for documents in rows:
        missing = window - sum(map(len, documents))
        made["input_ids"].append([t for d in documents for t in d] + [PAD] * missing)
        made["position_ids"].append([i for d in documents for i in range(len(d))] + list(range(missing)))
        made["labels"].append([label for d in documents for label in [IGNORED, *d[1:]]] + [IGNORED] * missing)
    return made


def plain_windows(documents: list[np.ndarray], window: int) -> list[list[list[int]]]:
    """Windows over the documents end to end, each as its pieces of documents."""
    owner = [(i, int(token)) for i, document in enumerate(documents) for token in document]
    rows = []
    for start in range(0, len(owner), window):
        row: list[list[int]] = []
        last = None
        for i, token in owner[start : start + window]:
            if i != last:
                row.append([])
            row[-1].append(token)
            last = i
        rows.append(row)
    return rows


@given(LENGTHS, st.integers(2, 13), st.integers(0, 25), st.sampled_from([60_000, 100_000]))
@settings(max_examples=examples(60))
def test_windows_equal_plain_slices(tmp_path_factory, lengths, window, edge, vocab) -> None:  # type: ignore[no-untyped-def]
    """One source in two shards, 16 and 32 bits."""
    documents = numbered(lengths)
    folder = tmp_path_factory.mktemp("shards")
    shards = ShardSet.open(
        write_shards(folder, {"a-00000": documents[:edge], "a-00001": documents[edge:]}, vocab_size=vocab)
    )
    data = PlanDataset(Plan.build(shards, PlanConfig(window=window)))
    served = data.batch(0, len(data))
    order = np.argsort(served["input_ids"][:, 0])
    expected = plain_rows(plain_windows(documents, window), window)
    assert {name: values[order].tolist() for name, values in served.items()} == expected
    assert all(values.dtype == np.int64 for values in served.values())
    ids = data.ids(0, len(data))
    assert ids.dtype == shards.manifest.numpy_dtype
    assert (ids == served["input_ids"]).all()


def corpus(folder: Path) -> Path:
    return write_shards(
        folder,
        {
            "a-00000": numbered([5, 0, 12, 3, 40, 1, 9] * 4),
            "a-00001": numbered([7, 7, 2] * 5, 2000),
            "b-00000": numbered([90, 4], 5000),
        },
    )


def dataset(folder: Path, packing: bool = False, **options: object) -> PlanDataset:
    plan = Plan.build(
        ShardSet.open(folder / "shards"), PlanConfig(window=16, packing=packing, **options), folder / "run"
    )
    return PlanDataset(plan, StreamHistory.open(folder / "run" / "history.jsonl", plan))


@pytest.mark.parametrize("packing", [False, True])
def test_documents_of_a_sequence(tmp_path: Path, packing: bool) -> None:
    corpus(tmp_path / "shards")
    data = dataset(tmp_path, packing)
    for k in range(len(data)):
        row, seen = data[k], 0
        for span in data.documents(k):
            assert span.start == seen
            assert row["position_ids"][span.start : span.end].tolist() == list(range(span.end - span.start))
            stem, _, number = span.doc_id.rpartition("/")
            name = f"train/{stem}"
            offset = int(data.plan.shards.lengths(name)[: int(number)].sum()) + span.offset
            tokens = data.plan.shards.mapped(name).tokens[offset : offset + span.end - span.start]
            assert row["input_ids"][span.start : span.end].tolist() == tokens.tolist()
            assert (span.source, span.url) == (stem[0], f"https://example.org/{span.doc_id}")
            seen = span.end
        assert (row["input_ids"][seen:] == PAD).all()


@pytest.mark.parametrize("packing", [False, True])
def test_loss_mask_silences_labels_only(tmp_path: Path, packing: bool) -> None:
    documents = numbered([20, 30, 14])
    mask = np.arange(64) % 3 != 0
    write_shards(tmp_path / "shards", {"a-00000": documents}, losses={"a-00000": mask})
    data = dataset(tmp_path, packing)
    served = data.batch(0, len(data))
    real = served["input_ids"] != PAD
    ids, labels = served["input_ids"][real], served["labels"][real]
    assert sorted(ids.tolist()) == list(range(10, 74))
    learned = mask[ids - 10] & (served["position_ids"][real] != 0)
    assert (labels == np.where(learned, ids, IGNORED)).all()


def forget(folder: Path, *spans: tuple[str, int, int]) -> None:
    with (folder / "shards" / TOMBSTONES).open("a") as file:
        for shard, start, end in spans:
            stone = Tombstone(doc_id="x", shard=shard, start=start, end=end, reason="asked", time="2026-01-01")
            file.write(stone.model_dump_json() + "\n")


@pytest.mark.parametrize("packing", [False, True])
def test_forgotten_text_is_separators_from_its_position_on(tmp_path: Path, packing: bool) -> None:
    corpus(tmp_path / "shards")
    data = dataset(tmp_path, packing)
    half, count = len(data) // 2, 2 * len(data)
    before = data.batch(0, count)
    forget(tmp_path, ("train/a-00000", 5, 17), ("train/b-00000", 10, 20))
    assert data.history.record_tombstones(half)
    assert not data.history.record_tombstones(half)
    forget(tmp_path, ("train/a-00001", 0, 7))
    assert (data.batch(0, count)["input_ids"] != 2000).any()  # not recorded yet
    assert data.history.record_tombstones(half + 3)
    gone = {*range(15, 27), *range(5010, 5020)}
    for reader in (data, dataset(tmp_path, packing)):  # and after a restart
        after = reader.batch(0, count)
        for k in range(count):
            hidden = gone | set(range(2000, 2007)) if k >= half + 3 else gone if k >= half else set()
            covered = np.isin(before["input_ids"][k], list(hidden))
            assert (after["input_ids"][k] == np.where(covered, SEPARATOR, before["input_ids"][k])).all()
            assert (after["labels"][k] == np.where(covered, IGNORED, before["labels"][k])).all()
            assert (after["position_ids"][k] == before["position_ids"][k]).all()
        assert (reader.ids(0, count) == after["input_ids"]).all()


def test_rollback_before_a_tombstone_serves_it_too(tmp_path: Path) -> None:
    corpus(tmp_path / "shards")
    data = dataset(tmp_path)
    forget(tmp_path, ("train/a-00000", 0, 100))
    data.history.record_tombstones(12)
    assert data.history.record_tombstones(4)
    assert data.history.tombstone_lines(3) == 0
    assert data.history.tombstone_lines(4) == 1


def test_lost_tombstones_stop_the_stream(tmp_path: Path) -> None:
    corpus(tmp_path / "shards")
    data = dataset(tmp_path)
    forget(tmp_path, ("train/a-00000", 0, 100))
    data.history.record_tombstones(0)
    (tmp_path / "shards" / TOMBSTONES).unlink()
    with pytest.raises(RunError, match="the first 1 tombstones are not those recorded at 0"):
        dataset(tmp_path).batch(0, 9)


def served_ids(data: PlanDataset, size: int, first: int, last: int, ranks: int) -> list[list[list[int]]]:
    """The global batches as `ranks` processes read them, joined."""
    shares = [list(data.batches(size, first, last, rank, ranks)) for rank in range(ranks)]
    return [np.concatenate([one["input_ids"] for one in step]).tolist() for step in zip(*shares, strict=True)]


@pytest.mark.parametrize("packing", [False, True])
def test_global_batches_do_not_depend_on_ranks_or_resuming(tmp_path: Path, packing: bool) -> None:
    corpus(tmp_path / "shards")
    data = dataset(tmp_path, packing, mixture={"a": 0.7, "b": 0.3})
    data.history.append("skip", 24, {"ranges": [[30, 37]]})
    data.history.append("mixture", 48, {"weights": {"a": 0.1, "b": 0.9}})
    whole = served_ids(data, 8, 0, 96, 1)
    assert len(whole) == 12
    for ranks in (2, 4, 8):
        assert served_ids(data, 8, 0, 96, ranks) == whole
    state = data.state(40)
    for ranks in (1, 2, 4, 8):
        again = dataset(tmp_path, packing, mixture={"a": 0.7, "b": 0.3})
        assert served_ids(again, 8, again.history.check(state), 96, ranks) == whole[5:]


def test_torch_dataloader_gives_the_same_rows(tmp_path: Path) -> None:
    from torch.utils.data import DataLoader

    corpus(tmp_path / "shards")
    data = dataset(tmp_path)
    batches = list(DataLoader(data, batch_size=4))  # type: ignore[arg-type]
    expected = [data.batch(k, min(k + 4, len(data))) for k in range(0, len(data), 4)]
    assert len(batches) == len(expected)
    for found, wanted in zip(batches, expected, strict=True):
        assert all((found[name].numpy() == wanted[name]).all() for name in wanted)
    with pytest.raises(IndexError, match="there are"):
        data[len(data)]


def test_reading_ahead_hands_over_errors_and_stops() -> None:
    def read(number: int) -> int:
        if number == 3:
            raise RunError("no shard")
        return number

    with ReadAhead(read, 9) as ahead, pytest.raises(RunError, match="no shard"):
        seen = [number for number in ahead]  # noqa: C416  keeps what came before the error
    with ReadAhead(lambda number: number, 1000) as ahead:
        seen = [number for number, _ in zip(ahead, range(3), strict=False)]
    assert seen == [0, 1, 2]
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]


def test_batches_that_do_not_divide_are_refused(tmp_path: Path) -> None:
    corpus(tmp_path / "shards")
    with pytest.raises(ValueError, match="expected whole shares"):
        next(dataset(tmp_path).batches(8, 0, 16, 0, 3))
