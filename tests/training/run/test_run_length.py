"""A run made longer, or to end sooner: only from where its learning rates are those of the other length; and epochs."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gristmill.schemas.errors import RunError
from gristmill.training.data.stream.epochs import epochs_in_words
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.models.build import load_model
from gristmill.training.run import logs
from gristmill.training.run.schedule import branch_step, common_steps, learning_rate_factor
from gristmill.training.run.train import train

from tests.training.poison import corpus, stream_of
from tests.training.training_runs import curve, go_back, tiny

WSD = {"learning_rate": 3e-3, "warmup_steps": 2, "schedule": "wsd", "decay_fraction": 0.25}
COSINE = {"learning_rate": 3e-3, "warmup_steps": 4}
CHANGES: dict[str, Any] = {
    "model": {"shape": "llama", "hidden_size": 16, "layers": 1, "heads": 2, "dropout": 0.1},
    "stream": {"window": 32},
    "checkpoints": {"every_steps": 5, "stable_after_steps": 1, "keep_stable": 1},
    "optimizer": WSD,
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("length") / "shards", web=(20_000, 0.5))


@pytest.mark.parametrize(
    ("optimizer", "steps", "other", "common"),
    [
        (WSD, 16, 24, 12),  # the shorter falls from 12 on
        (WSD, 24, 16, 12),
        (WSD, 16, 17, 12),
        (COSINE, 16, 24, 4),  # the warm-up
        (COSINE | {"min_learning_rate_fraction": 1.0}, 16, 24, 16),  # it never falls
        (WSD | {"decay_fraction": 1.0}, 16, 24, 1),  # it falls before it has risen
    ],
)
def test_how_many_steps_two_lengths_have_in_common(
    optimizer: dict[str, Any], steps: int, other: int, common: int, tmp_path: Path
) -> None:
    recipe = tiny(tmp_path, steps=steps, optimizer=optimizer)
    assert common_steps(recipe, other) == common
    ours, theirs = (learning_rate_factor(tiny(tmp_path, steps=n, optimizer=optimizer)) for n in (steps, other))
    assert [ours(step) for step in range(common + 1)] == [theirs(step) for step in range(common + 1)]
    if common < min(steps, other):
        assert ours(common + 1) != theirs(common + 1)


def test_where_a_run_can_be_made_longer(tmp_path: Path) -> None:
    assert branch_step(tiny(tmp_path, steps=16, optimizer=WSD)) == 12
    assert branch_step(tiny(tmp_path, steps=16, optimizer=COSINE)) is None
    assert branch_step(tiny(tmp_path, steps=16, optimizer=WSD | {"decay_fraction": 1.0})) is None


def test_a_finished_run_is_made_longer_from_where_its_rate_began_to_fall(shards: Path, tmp_path: Path) -> None:
    """Bit for bit the run that was planned as long from the beginning; the finished model of the shorter one is kept."""
    run = tmp_path / "run"
    train(tiny(shards, **CHANGES, steps=16), run)
    shorter = curve(run)
    short_model = (run / "model" / "model.safetensors").read_bytes()
    assert {path.name for path in (run / "checkpoints").iterdir()} >= {"checkpoint-12", "checkpoint-16"}
    finished = train(tiny(shards, **CHANGES, steps=24), run)
    assert (finished.steps, finished.resumed_from, finished.rollbacks) == (24, 12, 0)
    longer = train(tiny(shards, **CHANGES, steps=24), tmp_path / "longer").folder
    assert curve(run) == curve(longer)
    assert (run / "set-aside" / "model" / "model.safetensors").read_bytes() == short_model
    assert (run / "checkpoints" / "set-aside" / "checkpoint-16").is_dir()
    given_up = {line["step"]: line["loss"] for line in logs.read(run / logs.ABANDONED)}
    assert given_up == {step: figures[0] for step, figures in shorter.items() if step > 12}
    record = ShardSet.open(shards).manifest.tokenizer
    assert load_model(run / "model", record).config.hidden_size == 16
    with pytest.raises(RunError, match="steps is 20; expected at least the 24 that the run has made"):
        train(tiny(shards, **CHANGES, steps=20), run)


@pytest.mark.slow
def test_a_run_that_has_not_begun_to_fall_just_goes_on(shards: Path, tmp_path: Path) -> None:
    """Made longer, and then to end sooner than that."""
    run = tmp_path / "run"
    options = {**CHANGES, "checkpoints": {"every_steps": 5, "stable_after_steps": 1, "keep_stable": 9}}
    train(tiny(shards, **options, steps=16), run)
    go_back(run, 10)
    finished = train(tiny(shards, **options, steps=24), run)
    assert finished.resumed_from == 10
    go_back(run, 15)
    train(tiny(shards, **options, steps=20), run)
    assert curve(run) == curve(train(tiny(shards, **options, steps=20), tmp_path / "whole").folder)
    assert not (run / logs.ABANDONED).exists()


def test_a_schedule_that_falls_to_the_last_step_refuses(shards: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = {**CHANGES, "optimizer": COSINE}
    train(tiny(shards, **options, steps=10), run)
    before = curve(run)
    with pytest.raises(
        RunError, match=r"steps is 12 and was 10: its learning rates are those of 10 steps from step 5 on"
    ):
        train(tiny(shards, **options, steps=12), run)
    assert curve(run) == before
    assert train(tiny(shards, **options, steps=10), run).resumed_from == 10


def test_epochs_are_what_is_read(tmp_path: Path) -> None:
    """Counted by reading: of two sources under a mixture that changes on the way, and skips."""
    folder = corpus(tmp_path / "shards", web=(3_000, 0.5), code=(1_000, 0.5))
    recipe = tiny(folder, stream={"window": 32, "mixture": {"web": 1.0, "code": 1.0}})
    stream = stream_of(recipe)
    history = StreamHistory.open(None, stream.plan)
    history.append("mixture", 200, {"weights": {"web": 3.0, "code": 1.0}})
    sources = {source.name: source.sequences for source in stream.plan.sources}
    for count in (1, 150, 200, 333):
        served, _, _ = stream.plan.locate(history.positions(0, count), history.phases)
        read = Counter(stream.plan.sources[number].name for number in served.tolist())
        expected = {name: read[name] / size for name, size in sources.items()}
        assert stream.plan.epochs(history.phases, history.reach(count)) == pytest.approx(expected)
    said = epochs_in_words(stream.plan, history, 333)
    total = sum(expected[source.name] * source.tokens for source in stream.plan.sources) / stream.plan.tokens
    assert said == f"{total:.3g} epochs of 4,000 tokens (code {expected['code']:.3g}, web {expected['web']:.3g})"
    alone = stream_of(tiny(corpus(tmp_path / "alone", web=(3_000, 0.5)), stream={"window": 32}))
    assert epochs_in_words(alone.plan, StreamHistory.open(None, alone.plan), 47) == "0.5 epochs of 3,000 tokens"
