"""Where a run goes on, decided from folders made by hand: what is usable, what is passed over, what is refused."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from gristmill.schemas.errors import RunError
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.folder import HISTORY, TrainingFolder, differences, read_training
from gristmill.training.run.progress import progress
from gristmill.training.run.sealed import SEAL
from gristmill.training.run.start import Start, find_start

from tests.made_shards import numbered, write_shards

BATCH = 4


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[TrainingFolder, StreamHistory]]:
    """A run of 35 logged steps with checkpoints after 0, 10, 20 and 30."""
    plan = Plan.build(
        ShardSet.open(write_shards(tmp_path / "shards", {"web-00000": numbered([50] * 40)})), PlanConfig(window=16)
    )
    folder = TrainingFolder(tmp_path / "run")
    history = StreamHistory.open(folder.path / HISTORY, plan)
    for step in (0, 10, 20, 30):
        save(folder, history, step)
    (folder.path / logs.LOG).write_text("".join(logs.line({"step": s, "branch": 0, "loss": 1.0}) for s in range(1, 36)))
    launch = {"from_step": 1, "global_batch": BATCH, "ranks": 1, "rows": 4, "accumulation": 1, "reached": 30}
    (folder.path / "training.json").write_text(json.dumps({"recipe": {}, "launches": [launch]}))
    yield folder, history
    folder.close()


def save(folder: TrainingFolder, history: StreamHistory, step: int, plan_id: str | None = None) -> None:
    writing = checkpoints.begin(folder.checkpoints, step)
    for name in ("model.safetensors", "optimizer.pt"):
        (writing / name).write_bytes(b"weights" * 10)
    checkpoints.finish(
        writing, step=step, position=step * BATCH, plan_id=plan_id or history.plan.plan_id, head=history.head
    )


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def passed_over(start: Start) -> list[str]:
    return [str(one) for one in start.passed_over]


def test_the_newest_whole_checkpoint_is_taken(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, history = run
    assert find_start(folder, history).step == 30
    (folder.checkpoints / "checkpoint-30" / "optimizer.pt").unlink()
    zero(folder.checkpoints / "checkpoint-20" / "model.safetensors")
    zero(folder.checkpoints / "checkpoint-10" / SEAL)
    (folder.path / "checkpoints" / "checkpoint-0").rename(folder.path / "elsewhere")
    with pytest.raises(RunError, match="the run has made 35 steps, and no checkpoint can be gone on from") as error:
        find_start(folder, history)
    assert "checkpoint-30: optimizer.pt is missing" in str(error.value)
    assert "checkpoint-20: model.safetensors is not as it was written" in str(error.value)
    assert "checkpoint-10: complete.json cannot be read" in str(error.value)
    assert "--restart" in str(error.value)
    save(folder, history, 5)
    start = find_start(folder, history)
    assert start.step == 5
    assert [one.partition(":")[0] for one in passed_over(start)] == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]


def test_going_back_to_the_very_beginning_is_starting_over(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, history = run
    for step in (10, 20, 30):
        (folder.checkpoints / f"checkpoint-{step}" / "optimizer.pt").unlink()
    with pytest.raises(RunError, match=r"optimizer\.pt is missing.*start over with --restart"):
        find_start(folder, history)
    for step in (10, 20, 30):
        shutil.rmtree(folder.checkpoints / f"checkpoint-{step}")
    with pytest.raises(RunError, match="no checkpoint can be gone on from: there is none"):
        find_start(folder, history)


def test_before_the_first_save_there_is_nothing_to_lose(run: tuple[TrainingFolder, StreamHistory]) -> None:
    """Killed between the checkpoint of step 0 and the next: the steps are made again."""
    folder, history = run
    for step in (10, 20, 30):
        shutil.rmtree(folder.checkpoints / f"checkpoint-{step}")
    record = read_training(folder.path)
    del record["launches"][0]["reached"]
    (folder.path / "training.json").write_text(json.dumps(record))
    assert find_start(folder, history) == Start(checkpoints.complete(folder.checkpoints)[0])


def test_a_rollback_to_the_beginning_is_no_loss(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, history = run
    history.append("skip", 0, {"ranges": [[100, 101]], "rolled_back_to": 0, "step": 33})
    start = find_start(folder, history)
    assert start.step == 0
    assert [one.step for one in start.given_up] == [10, 20, 30]
    checkpoints.remove(start.given_up)
    assert find_start(folder, history).step == 0


def test_checkpoints_of_another_plan_are_left_alone(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, history = run
    save(folder, history, 40, plan_id="another")
    start = find_start(folder, history)
    assert start.step == 30
    assert passed_over(start) == ["checkpoint-40: it is of plan another, not of this run's"]
    assert not start.given_up


def test_a_history_cut_short_is_no_reason_to_go_back(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, history = run
    history.append("note", 30 * BATCH, {"kind": "skipped_update"})
    save(folder, history, 32)
    path = folder.path / HISTORY
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(RunError, match=r"checkpoint-32 was saved under a history that history\.jsonl does not hold"):
        find_start(folder, StreamHistory.open(path, history.plan))


LOSSES = {
    "nothing": ([], (35, 35, 30)),
    "the log": (["log.jsonl"], (30, 0, 30)),
    "log and checkpoints": (["log.jsonl", "checkpoints"], (30, 0, 30)),
    "all but the log": (["training.json", "checkpoints"], (35, 35, 0)),
    "everything": (["training.json", "checkpoints", "log.jsonl"], (0, 0, 0)),
}


@pytest.mark.parametrize("case", LOSSES)
def test_how_far_a_run_has_come_is_told_by_what_is_left(case: str, run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, _ = run
    lost, expected = LOSSES[case]
    for name in lost:
        path = folder.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    come = progress(folder.path)
    assert (come.steps, come.logged, come.saved) == expected


def test_a_damaged_log_costs_its_lines_and_is_kept(run: tuple[TrainingFolder, StreamHistory]) -> None:
    """Zeros in the middle, bytes that are no text, a line that is no object, an end that was interrupted."""
    folder, _ = run
    path = folder.path / logs.LOG
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = bytes(len(lines[3]) - 1) + b"\n"
    lines[5] = b"\xff\xfe\n"
    lines[7] = b"[1, 2]\n"
    lines[9] = b'{"loss": 2.0}\n'
    damaged = b"".join(lines) + b'{"step": 36, "bra'
    path.write_bytes(damaged)
    assert logs.damaged_lines(path) == 4
    assert logs.last_step(folder.path) == 35
    assert logs.truncate(folder.path, 30, 0) == 4
    assert [line["step"] for line in logs.read(path)] == [s for s in range(1, 31) if s not in (4, 6, 8, 10)]
    assert (folder.path / "set-aside" / logs.LOG).read_bytes() == damaged
    assert logs.truncate(folder.path, 30, 0) == 0


def test_a_zeroed_log_is_no_end_of_the_world(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, _ = run
    zero(folder.path / logs.LOG)
    assert progress(folder.path).steps == 30
    assert list(logs.read(folder.path / logs.LOG)) == []


def test_setting_a_run_aside_keeps_all_of_it(run: tuple[TrainingFolder, StreamHistory]) -> None:
    folder, _ = run
    before = {path.relative_to(folder.path): path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    del before[Path("lock")]
    for number in (1, 2):
        home = folder.set_run_aside()
        assert home == folder.path / "set-aside" / f"run-{number}"
        if number == 1:
            assert {path.relative_to(home): path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert {path.name for path in folder.path.iterdir()} == {"lock", "set-aside"}
    assert progress(folder.path).steps == 0


@pytest.mark.parametrize("content", ["", "[]", "{", '{"recipe": 3}', '{"launches": {}}'])
def test_a_damaged_record_is_an_error_with_a_way_out(content: str, tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text(content)
    with pytest.raises(RunError, match=r"training\.json cannot be read .*--restart"):
        read_training(tmp_path)
    (tmp_path / "training.json").write_bytes(bytes(300))
    with pytest.raises(RunError, match=r"training\.json cannot be read"):
        read_training(tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("gristmill-run.json", "a corpus run"), ("manifest.json", "token shards")])
def test_a_folder_of_another_kind_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(RunError, match=f"the folder holds {kind}.*another --out"):
        TrainingFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_nested_keys_are_named_in_full() -> None:
    before = {"steps": 3, "stream": {"window": 64, "mixture": {"a": 1.0}}, "validation": None}
    now = {"steps": 3, "stream": {"window": 64, "mixture": {"a": 2.0}}, "validation": {"every_steps": 5}, "seed": 1}
    assert list(differences(before, now)) == [
        ("seed", None, 1),
        ("stream.mixture.a", 1.0, 2.0),
        ("validation", None, {"every_steps": 5}),
    ]
