"""Checkpoint folders: complete or absent, stable or not, and which of them a history still agrees with."""

from pathlib import Path

import pytest
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.run import checkpoints
from gristmill.training.run.sealed import SEAL

from tests.training.poison import corpus, stream_of
from tests.training.training_runs import tiny


def save(root: Path, step: int, head: str = "h", plan_id: str = "p") -> Path:
    folder = checkpoints.begin(root, step)
    (folder / "weights").write_bytes(b"x" * 100)
    return checkpoints.finish(folder, step=step, position=step * 8, plan_id=plan_id, head=head)


def steps(root: Path) -> list[int]:
    return [one.step for one in checkpoints.complete(root)]


def test_without_marker_or_with_a_short_file_it_is_not_there(tmp_path: Path) -> None:
    for step in (10, 20, 100):
        save(tmp_path, step)
    assert steps(tmp_path) == [10, 20, 100]
    (tmp_path / "checkpoint-100" / SEAL).unlink()
    (tmp_path / "checkpoint-20" / "weights").write_bytes(b"x" * 99)
    assert steps(tmp_path) == [10]


def test_the_next_save_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    torn = checkpoints.begin(tmp_path, 10)
    (torn / "torn").write_bytes(b"?")
    assert steps(tmp_path) == []
    folder = save(tmp_path, 10)
    assert not (folder / "torn").exists()
    assert steps(tmp_path) == [10]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


@pytest.mark.parametrize("damage", ["missing", "short", "zeroed", "no seal", "zeroed seal", "of another step"])
def test_what_is_wrong_with_a_checkpoint_is_named(tmp_path: Path, damage: str) -> None:
    save(tmp_path, 10)
    folder = save(tmp_path, 20)
    path = folder / (SEAL if "seal" in damage else "weights")
    content = path.read_bytes()
    if damage in ("missing", "no seal"):
        path.unlink()
    elif damage == "of another step":
        folder = folder.rename(tmp_path / "checkpoint-30")
    else:
        path.write_bytes(content[:-1] if damage == "short" else bytes(len(content)))
    whole, damaged = checkpoints.newest_whole(checkpoints.complete(tmp_path))
    assert whole is not None
    assert whole.step == 10
    named = [
        *damaged,
        *(one for one in checkpoints.survey(tmp_path) if isinstance(one, checkpoints.UnusableCheckpoint)),
    ]
    expected = {
        "missing": "checkpoint-20: weights is missing",
        "short": "checkpoint-20: weights has 99 bytes instead of 100",
        "zeroed": "checkpoint-20: weights is not as it was written (its checksum differs)",
        "no seal": "checkpoint-20: complete.json is missing",
        "zeroed seal": "checkpoint-20: complete.json cannot be read",
        "of another step": "checkpoint-30: it was written as checkpoint-20",
    }
    assert [str(one) for one in named] == [expected[damage]]
    assert folder.exists()


def test_a_damaged_checkpoint_makes_room_and_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        (save(tmp_path, 10) / "weights").write_bytes(b"damaged")
    save(tmp_path, 10)
    assert steps(tmp_path) == [10]
    kept = [tmp_path / "set-aside" / name for name in ("checkpoint-10", "checkpoint-10.2")]
    assert all((folder / "weights").read_bytes() == b"damaged" for folder in kept)


def test_ring(tmp_path: Path) -> None:
    for step in range(0, 60, 10):
        save(tmp_path, step)
    checkpoints.mark_stable(tmp_path, 30)
    checkpoints.prune(tmp_path, keep_stable=2)
    assert steps(tmp_path) == [20, 30, 40, 50]
    checkpoints.prune(tmp_path, keep_stable=1, keep_last=2)
    assert steps(tmp_path) == [30, 40, 50]
    checkpoints.remove(one for one in checkpoints.complete(tmp_path) if one.step > 30)
    assert steps(tmp_path) == [30]


def test_the_ring_keeps_the_steps_it_is_told_to(tmp_path: Path) -> None:
    for step in range(0, 60, 10):
        save(tmp_path, step)
    checkpoints.mark_stable(tmp_path, 50)
    checkpoints.prune(tmp_path, keep_stable=1, keep_steps=[20])
    assert steps(tmp_path) == [20, 50]


@pytest.mark.parametrize(("position", "left"), [(0, [0]), (79, [0]), (80, [0, 10]), (159, [0, 10]), (160, [0, 10, 20])])
def test_a_skip_ends_the_checkpoints_that_had_passed_it(tmp_path: Path, position: int, left: list[int]) -> None:
    plan = stream_of(tiny(corpus(tmp_path / "shards", web=(5_000, 0.5)))).plan
    history = StreamHistory.open(tmp_path / "history.jsonl", plan)
    for step in (0, 10, 20):
        save(tmp_path, step, history.head, plan.plan_id)
    save(tmp_path, 30, history.head, "another plan")
    save(tmp_path, 40, "another head", plan.plan_id)
    history.append("note", 0, {"changes": "nothing"})
    history.append("skip", position, {"ranges": [[300, 301]]})
    found = checkpoints.resumable(checkpoints.complete(tmp_path), history)
    assert [one.step for one in found] == left
