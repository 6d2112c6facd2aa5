"""Checkpoint folders: complete or absent, stable or not, and which of them a history still agrees with."""

from pathlib import Path

import pytest
from gristmill.training import checkpoints
from gristmill.training.stream.history import History
from poison import corpus, stream_of
from training_runs import tiny


def save(root: Path, step: int, head: str = "h", plan_id: str = "p") -> Path:
    folder = root / f"checkpoint-{step}"
    checkpoints.begin(folder)
    (folder / "weights").write_bytes(b"x" * 100)
    checkpoints.finish(folder, step=step, position=step * 8, plan_id=plan_id, head=head)
    return folder


def steps(root: Path) -> list[int]:
    return [one.step for one in checkpoints.complete(root)]


def test_without_marker_or_with_a_short_file_it_is_not_there(tmp_path: Path) -> None:
    for step in (10, 20, 100):
        save(tmp_path, step)
    assert steps(tmp_path) == [10, 20, 100]
    (tmp_path / "checkpoint-100" / checkpoints.MARKER).unlink()
    (tmp_path / "checkpoint-20" / "weights").write_bytes(b"x" * 99)
    assert steps(tmp_path) == [10]


def test_the_next_save_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-10").mkdir()
    (tmp_path / "checkpoint-10" / "torn").write_bytes(b"?")
    folder = save(tmp_path, 10)
    assert not (folder / "torn").exists()
    assert steps(tmp_path) == [10]


def test_ring(tmp_path: Path) -> None:
    for step in range(0, 60, 10):
        save(tmp_path, step)
    checkpoints.mark_stable(tmp_path, 30)
    checkpoints.prune(tmp_path, keep_stable=2)
    assert steps(tmp_path) == [20, 30, 40, 50]
    checkpoints.prune(tmp_path, keep_stable=1, keep_last=2)
    assert steps(tmp_path) == [30, 40, 50]
    checkpoints.drop_after(tmp_path, 30)
    assert steps(tmp_path) == [30]


@pytest.mark.parametrize(("position", "left"), [(0, [0]), (79, [0]), (80, [0, 10]), (159, [0, 10]), (160, [0, 10, 20])])
def test_a_skip_ends_the_checkpoints_that_had_passed_it(tmp_path: Path, position: int, left: list[int]) -> None:
    plan = stream_of(tiny(corpus(tmp_path / "shards", web=(5_000, 0.5)))).plan
    history = History.open(tmp_path / "history.jsonl", plan)
    for step in (0, 10, 20):
        save(tmp_path, step, history.head, plan.plan_id)
    save(tmp_path, 30, history.head, "another plan")
    save(tmp_path, 40, "another head", plan.plan_id)
    history.append("note", 0, {"changes": "nothing"})
    history.append("skip", position, {"ranges": [[300, 301]]})
    found = checkpoints.resumable(checkpoints.complete(tmp_path), history)
    assert [one.step for one in found] == left
