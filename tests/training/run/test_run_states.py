"""The same command again, whatever became of the run's folder meanwhile: no work is thrown away, and it is said why."""

import contextlib
import json
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gristmill.schemas.errors import GristmillError, RecipeError, RunError
from gristmill.training.inspect.trace import TrainingRun
from gristmill.training.run import logs
from gristmill.training.run.folder import TrainingFolder, read_training
from gristmill.training.run.steps import Steps
from gristmill.training.run.train import Finished, train

from tests.training.poison import corpus
from tests.training.training_runs import curve, tiny

CHANGES: dict[str, Any] = {
    "model": {"shape": "llama", "hidden_size": 16, "layers": 1, "heads": 2, "dropout": 0.1},
    "stream": {"window": 32},
    "steps": 12,
    "optimizer": {"learning_rate": 3e-3, "warmup_steps": 3},
    "checkpoints": {"every_steps": 4, "stable_after_steps": 2},
    "validation": {"every_steps": 5, "sequences": 8},
}
State = Callable[[Path], object]


class Listener:
    """A console that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, label: str, total: int, unit: str) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        return contextlib.nullcontext(lambda amount: None)

    @property
    def said(self) -> str:
        return "\n".join(self.lines)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("states") / "shards", validation=2_000, web=(20_000, 0.5))


@pytest.fixture(scope="module")
def finished(shards: Path) -> Path:
    """A run of 12 steps that nobody interrupted."""
    return train(tiny(shards, **CHANGES), shards.parent / "finished").folder


@pytest.fixture(scope="module")
def stopped(shards: Path) -> Path:
    """The same run killed after step 10: checkpoints after 0, 4 and 8, ten lines in the log."""
    run = shards.parent / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        ended = Steps.on_step_end

        def on_step_end(self: Steps, args: object, state: Any, control: object, **kwargs: Any) -> None:
            ended(self, args, state, control, **kwargs)
            if state.global_step == 10:
                raise Killed

        patch.setattr(Steps, "on_step_end", on_step_end)
        with pytest.raises(Killed):
            train(tiny(shards, **CHANGES), run)
    assert {path.name for path in (run / "checkpoints").iterdir()} == {f"checkpoint-{step}" for step in (0, 4, 8)}
    return run


def go_on(shards: Path, run: Path, restart: bool = False, **changes: Any) -> tuple[Finished, Listener]:
    console = Listener()
    return train(tiny(shards, **CHANGES | changes), run, console, restart=restart), console


def damage_launch(path: Path) -> None:
    record = json.loads(path.read_text())
    del record["launches"][0]["ranks"]
    path.write_text(json.dumps(record))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


GONE_ON: dict[str, tuple[State, int, str]] = {
    "optimizer.pt deleted": (
        lambda run: (run / "checkpoints/checkpoint-8/optimizer.pt").unlink(),
        4,
        "checkpoint-8: optimizer.pt is missing; set aside in ",
    ),
    "model.safetensors zeroed": (
        lambda run: zero(run / "checkpoints/checkpoint-8/model.safetensors"),
        4,
        "checkpoint-8: model.safetensors is not as it was written (its checksum differs); set aside in ",
    ),
    "trainer_state.json truncated": (
        lambda run: (run / "checkpoints/checkpoint-8/trainer_state.json").write_bytes(b"{"),
        4,
        "checkpoint-8: trainer_state.json has 1 bytes instead of ",
    ),
    "a checkpoint deleted": (
        lambda run: shutil.rmtree(run / "checkpoints/checkpoint-8"),
        4,
        "step 8 was saved once, and its checkpoint is not there",
    ),
    "log zeroed": (lambda run: zero(run / "log.jsonl"), 8, "log.jsonl is not there up to step 8"),
    "history deleted": (
        lambda run: (run / "history.jsonl").unlink(),
        8,
        "history.jsonl is written again: nothing had happened in it",
    ),
    "plans zeroed": (
        lambda run: [zero(run / "plan.json"), zero(run / "validation/plan.json")],
        8,
        "going on from step 8",
    ),
    "history of the validation truncated": (
        lambda run: (run / "validation/history.jsonl").write_bytes(b'{"event": "pl'),
        8,
        "going on from step 8",
    ),
    "every seal but one gone": (
        lambda run: [(run / f"checkpoints/checkpoint-{step}/complete.json").unlink() for step in (0, 8)],
        4,
        "checkpoint-8: complete.json is missing",
    ),
}
FAST = ("optimizer.pt deleted", "model.safetensors zeroed", "history deleted", "log zeroed")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in FAST else pytest.mark.slow) for case in GONE_ON]
)
def test_an_older_good_state_is_used_and_it_is_said(
    case: str, shards: Path, stopped: Path, finished: Path, tmp_path: Path
) -> None:
    """And the damaged checkpoint is kept, and the run ends as if it had never been stopped."""
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    change, step, said = GONE_ON[case]
    change(run)
    damaged = files(run / "checkpoints" / "checkpoint-8") if step == 4 else {}
    result, console = go_on(shards, run)
    assert result.resumed_from == step
    assert said in console.said
    assert f"going on from step {step} of 12; " in console.said
    if damaged:
        assert files(run / "checkpoints" / "set-aside" / "checkpoint-8") == damaged
    whole, found = curve(finished), curve(run)
    assert found == ({s: figures for s, figures in whole.items() if s > 8} if case == "log zeroed" else whole)


REFUSED: dict[str, tuple[State, str]] = {
    "optimizer.pt of every checkpoint deleted to save disk": (
        lambda run: [path.unlink() for path in run.glob("checkpoints/*/optimizer.pt")],
        r"made 10 steps, and no checkpoint can be gone on from: checkpoint-0: optimizer\.pt is missing; checkpoint-4: .*"
        r"start over with --restart",
    ),
    "all but the beginning lack a file": (
        lambda run: [path.unlink() for step in (4, 8) for path in run.glob(f"checkpoints/checkpoint-{step}/model*")],
        "checkpoint-4: model.safetensors is missing; checkpoint-8: model.safetensors is missing",
    ),
    "checkpoints deleted": (
        lambda run: shutil.rmtree(run / "checkpoints"),
        "no checkpoint can be gone on from: there is none",
    ),
    "checkpoints and log deleted": (
        lambda run: [shutil.rmtree(run / "checkpoints"), (run / "log.jsonl").unlink()],
        "the run has made 8 steps, and no checkpoint can be gone on from",
    ),
    "training.json deleted": (
        lambda run: (run / "training.json").unlink(),
        r"no training\.json that says what they are of",
    ),
    "training.json zeroed": (lambda run: zero(run / "training.json"), r"training\.json cannot be read"),
    "a launch without its ranks": (
        lambda run: damage_launch(run / "training.json"),
        r"training\.json cannot be read \(one of its launches is damaged\)",
    ),
    "history changed": (
        lambda run: (run / "history.jsonl").write_text('{"event": "plan", "position": 1, "data": {}, "head": "0"}\n'),
        "line 1 does not follow from the lines before it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_starting_over_is_asked_for(case: str, shards: Path, stopped: Path, tmp_path: Path) -> None:
    """Nothing in the folder is touched when a run cannot go on."""
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    change, message = REFUSED[case]
    change(run)
    before = files(run)
    with pytest.raises(RunError, match=message):
        go_on(shards, run)
    assert files(run) == before


def test_restart_sets_the_run_aside_and_begins_anew(
    shards: Path, stopped: Path, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    for path in run.glob("checkpoints/*/optimizer.pt"):
        path.unlink()
    zero(run / "training.json")
    before = files(run)
    with pytest.raises(RecipeError, match="objective mlm with a llama model"):
        go_on(shards, run, restart=True, objective="mlm")
    assert files(run) == before  # nothing is moved for a recipe that cannot run
    result, console = go_on(shards, run, restart=True)
    assert result.resumed_from is None
    assert f"the earlier run is set aside in {run}/set-aside/run-1" in console.said
    del before["lock"]
    assert files(run / "set-aside" / "run-1") == before
    assert curve(run) == curve(finished)


def test_a_finished_run_stays_finished_without_its_checkpoints(shards: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "checkpoints")
    before = files(run)
    result, console = go_on(shards, run)
    assert (result.steps, result.resumed_from) == (12, 12)
    assert "finished before, after 12 steps" in console.said
    assert {name: content for name, content in files(run).items() if name != "training.json"} == {
        name: content for name, content in before.items() if name != "training.json"
    }
    zero(run / "model" / "model.safetensors")
    with pytest.raises(RunError, match="no checkpoint can be gone on from"):
        go_on(shards, run)


def test_a_model_that_is_damaged_or_gone_is_written_again(shards: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    good = files(run / "model")
    zero(run / "model" / "model.safetensors")
    damaged = files(run / "model")
    _, console = go_on(shards, run)
    assert "is set aside in" in console.said
    assert files(run / "model") == good
    assert files(run / "set-aside" / "model") == damaged
    shutil.rmtree(run / "model")
    go_on(shards, run)
    assert files(run / "model") == good
    assert curve(run) == curve(finished)


BAD_STARTS: dict[str, dict[str, Any]] = {
    "an objective the model cannot learn": {"objective": "mlm"},
    "another window, packed": {"stream": {"window": 16, "packing": True}, "objective": "mlm"},
    "a mixture": {"stream": {"window": 32, "mixture": {"web": 1.0}}, "objective": "mlm"},
    "a source that there is not": {"stream": {"window": 32, "mixture": {"books": 1.0}}},
    "too few sentinels": {
        "objective": "span_corruption",
        "model": {"shape": "t5", "hidden_size": 16, "layers": 1, "heads": 2},
        "stream": {"window": 512},
    },
    "sizes that do not fit": {"model": {"shape": "llama", "hidden_size": 16, "layers": 1, "heads": 2, "kv_heads": 3}},
}


def test_a_failed_start_does_not_claim_the_folder(shards: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for changes in BAD_STARTS.values():
        with pytest.raises(RecipeError):
            go_on(shards, run, **changes)
        assert not {"training.json", "plan.json", "history.jsonl"} & {path.name for path in run.iterdir()}
    result, _ = go_on(shards, run)
    assert result.resumed_from is None
    assert curve(run) == curve(finished)
    assert not list(run.glob("**/packing-*/"))


@pytest.mark.slow
def test_a_start_that_died_before_its_first_step_does_not_claim_the_folder(
    shards: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the first batch does not fit into memory: the corrected recipe begins in the same folder."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Steps, "on_pre_optimizer_step", lambda *_, **__: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            go_on(shards, run, batch_sequences=16, stream={"window": 64})
    assert (run / "checkpoints" / "checkpoint-0").exists()
    go_on(shards, run)
    assert curve(run) == curve(finished)


@pytest.fixture
def small_files() -> Iterator[Callable[[int], contextlib.AbstractContextManager[None]]]:
    """No file may pass a size inside the block: what a full disk is like."""

    @contextlib.contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.mark.parametrize("limited", ["model.safetensors", "optimizer.pt"])
def test_a_full_disk_is_an_error_that_costs_no_checkpoint(
    limited: str, shards: Path, finished: Path, stopped: Path, tmp_path: Path, small_files: Callable
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    size = (run / "checkpoints" / "checkpoint-8" / limited).stat().st_size
    with (
        small_files(size - 100),
        pytest.raises(RunError, match=r"the disk is full .*; expected room for another checkpoint"),
    ):
        go_on(shards, run)
    assert {path.name for path in (run / "checkpoints").iterdir()} == {f"checkpoint-{step}" for step in (0, 4, 8)}
    assert go_on(shards, run)[0].resumed_from == 8
    assert curve(run) == curve(finished)


def test_a_folder_that_cannot_be_written(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(GristmillError, match="the file system failed"):
        go_on(shards, tmp_path / "file" / "run")


def test_two_processes_at_once(shards: Path, finished: Path) -> None:
    held = TrainingFolder(finished)
    with pytest.raises(RunError, match="another process trains here"):
        go_on(shards, finished, restart=True)
    held.close()


def test_what_does_not_change_a_step_may_change(shards: Path, stopped: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    changes = {
        "validation": {"every_steps": 3, "sequences": 4},
        "micro_batch_sequences": 8,
        "stability": {"min_steps": 16, "max_rollbacks": 3},
        "averaging": {"last": 2},
        "stream": {"window": 32, "verify": "none"},
    }
    go_on(shards, run, **changes)
    assert curve(run) == curve(finished)
    validated = [line["step"] for line in logs.read(run / logs.LOG) if "validation_loss" in line]
    assert validated == [5, 9, 12]
    launches = read_training(run)["launches"]
    assert [launch["validation"]["every_steps"] for launch in launches] == [5, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stream": {"window": 64}}, "stream.window is 64; expected 32"),
        ({"optimizer": {"learning_rate": 1e-3, "warmup_steps": 3}}, "optimizer.learning_rate is 0.001; expected 0.003"),
        ({"objective": {"name": "clm", "options": {"x": 1}}}, "objective.options.x is 1; expected None"),
        ({"averaging": {"ema_decay": 0.5}}, "averaging.ema_decay is 0.5; expected None"),
    ],
)
def test_another_recipe_is_refused_by_the_key_that_differs(
    changes: dict[str, Any], message: str, shards: Path, finished: Path
) -> None:
    with pytest.raises(RunError, match=rf"{message}, as the run was started with.*--restart"):
        go_on(shards, finished, **changes)


def test_zeros_in_the_log_do_not_stop_a_trace(stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    lines = (run / "log.jsonl").read_bytes().splitlines(keepends=True)
    (run / "log.jsonl").write_bytes(b"".join([*lines[:4], bytes(300), *lines[4:]]))
    traced = TrainingRun(run)
    assert traced.steps == 10
    assert len(list(traced.rows(10))) == 8
    (run / "log.jsonl").unlink()
    assert TrainingRun(run).steps == 8


def test_a_recipe_key_that_is_newer_than_the_run_has_its_default(shards: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    record = json.loads((run / "training.json").read_text())
    del record["recipe"]["stability"]["min_rise"]
    (run / "training.json").write_text(json.dumps(record))
    assert go_on(shards, run)[0].resumed_from == 12
