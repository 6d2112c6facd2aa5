"""A run that is killed anywhere, a save included, and started again has the curve of one that never stopped."""

from collections.abc import Callable
from pathlib import Path

import gristmill.training.run.trainer as trainers
import pytest
from gristmill.schemas.errors import RunError
from gristmill.training.run import checkpoints
from gristmill.training.run.steps import Steps
from gristmill.training.run.train import train
from safetensors.torch import load_file

from tests.training.killed import Call, ended_at, kill_training
from tests.training.poison import corpus
from tests.training.training_runs import curve, tiny

CHANGES = {
    "steps": 24,
    "model": {"shape": "llama", "hidden_size": 32, "layers": 2, "heads": 2, "dropout": 0.1},
    "micro_batch_sequences": 4,
    "averaging": {"ema_decay": 0.9},
    "checkpoints": {"every_steps": 6, "stable_after_steps": 4},
    "validation": {"every_steps": 8, "sequences": 8},
}


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("resume") / "shards", validation=2_000, web=(20_000, 0.5))


@pytest.fixture(scope="module")
def whole(shards: Path) -> Path:
    """The run that nobody interrupted."""
    return train(tiny(shards, **CHANGES), shards.parent / "whole").folder


def last_average(run: Path) -> Path:
    return checkpoints.complete(run / "checkpoints")[-1].folder / "ema.safetensors"


def assert_same(run: Path, whole: Path) -> None:
    assert curve(run) == curve(whole)
    ours, theirs = load_file(last_average(run)), load_file(last_average(whole))
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)


def nth(times: int, call: Callable[..., object]) -> Callable[..., object]:
    """`call`, with the process gone when it is about to be called for the n-th time."""

    def end() -> None:
        raise Killed

    return ended_at(times, call, end)


PLACES = {
    "before the weights": (trainers.WatchedTrainer, "_save"),
    "after the weights, before the optimizer": (trainers.WatchedTrainer, "_save_optimizer_and_scheduler"),
    "before the random states": (trainers.WatchedTrainer, "_save_rng_state"),
    "before the marker": (checkpoints, "finish"),
    "between checkpoint and ring": (Steps, "on_save"),
}
FAST = ("before the marker",)


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=[] if place in FAST else pytest.mark.slow) for place in PLACES]
)
def test_stopped_inside_a_save(place: str, shards: Path, whole: Path, tmp_path: Path) -> None:
    recipe = tiny(shards, **CHANGES)
    owner, name = PLACES[place]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, nth(3, getattr(owner, name)))  # the saves at steps 0 and 6 go well
        with pytest.raises(Killed):
            train(recipe, tmp_path / "run")
    assert train(recipe, tmp_path / "run").steps == 24
    assert_same(tmp_path / "run", whole)


def test_stopped_at_a_step_and_torn_log(shards: Path, whole: Path, tmp_path: Path) -> None:
    recipe = tiny(shards, **CHANGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Steps, "on_step_end", nth(17, Steps.on_step_end))
        with pytest.raises(Killed):
            train(recipe, tmp_path / "run")
    log = tmp_path / "run" / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    train(recipe, tmp_path / "run")
    assert_same(tmp_path / "run", whole)


def test_finished_run_is_left_alone_and_another_recipe_refused(shards: Path, whole: Path) -> None:
    before = curve(whole)
    assert train(tiny(shards, **CHANGES), whole).steps == 24
    assert curve(whole) == before
    with pytest.raises(RunError, match=r"model.hidden_size is 64; expected 32, as the run was started with"):
        train(tiny(shards, **CHANGES | {"model": {**CHANGES["model"], "hidden_size": 64}}), whole)


def test_weights_are_no_pickle(whole: Path) -> None:
    for folder in (whole / "model", checkpoints.complete(whole / "checkpoints")[-1].folder):
        names = {path.name for path in folder.iterdir()}
        assert "model.safetensors" in names
        assert "training_args.bin" not in names


SEALED, CHECKPOINTS = "gristmill.training.run.sealed", "gristmill.training.run.checkpoints"


def kill_and_resume(call: Call, shards: Path, whole: Path, run: Path) -> None:
    """A run that is killed at a call and started again is the whole one."""
    recipe = tiny(shards, **CHANGES)
    kill_training(recipe, run, call)
    train(recipe, run)
    assert_same(run, whole)


@pytest.mark.slow
def test_kill_9_inside_a_save(shards: Path, whole: Path, tmp_path: Path) -> None:
    kill_and_resume((SEALED, "to_disk", 31), shards, whole, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        *[(SEALED, "to_disk", times) for times in (1, 7, 9, 10, 18, 19, 22, 36, 44, 45, 46)],
        *[(CHECKPOINTS, "to_disk", times) for times in (1, 2, 5)],  # renamed, and not yet told to the disk
        *[(CHECKPOINTS, "abandon_save", times) for times in (1, 2, 4)],
        *[(SEALED, "write_whole", times) for times in (1, 3, 6)],  # before a seal, the last that of model/
    ],
)
def test_kill_9_anywhere_in_the_saves(call: Call, shards: Path, whole: Path, tmp_path: Path) -> None:
    kill_and_resume(call, shards, whole, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 5, 6, 7, 12, 13, 23, 24])
def test_kill_9_at_any_step(step: int, shards: Path, whole: Path, tmp_path: Path) -> None:
    call = ("gristmill.training.run.steps:Steps", "on_step_end", step)
    kill_and_resume(call, shards, whole, tmp_path / "run")
