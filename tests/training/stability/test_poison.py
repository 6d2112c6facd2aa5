"""Poison in the shards: found, the documents named, rolled back; from there on as if it had never been there."""

from collections import Counter
from pathlib import Path
from typing import Any

import gristmill.training.kinds.pretrain as pretraining
import numpy as np
import pytest
import torch
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.run.steps import Steps
from gristmill.training.run.train import train

from tests.training.poison import corpus, mark, plant, random_tokens, stomachless, stream_of
from tests.training.poisoned_runs import KINDS, calm_run, one_run
from tests.training.training_runs import BATCH, curve, documents_blamed, skipped, tiny, without

AT = 40
FEWEST_TOKENS = 12  # the mean loss of fewer tells nothing


def history_of(recipe: PretrainRecipe, run: Path) -> StreamHistory:
    return StreamHistory.open(run / "history.jsonl", stream_of(recipe).plan)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return corpus(tmp_path / "shards", web=(60_000, 0.5))


def assert_as_if_never_held(recipe: PretrainRecipe, run: Path, reference: Path) -> None:
    """The curve of the rolled-back run is, bit for bit, that of a run whose plan lacks what was skipped."""
    without(reference, history_of(recipe, run))
    assert train(recipe, reference).rollbacks == 0
    assert curve(run) == curve(reference)


def assert_named(run: Path, poisoned: Counter[str]) -> None:
    """Nearly every document blamed is poisoned, and nearly every one poisoned is blamed."""
    named = documents_blamed(run)
    plain = {doc_id for doc_id, tokens in poisoned.items() if tokens >= FEWEST_TOKENS}
    assert len(named & set(poisoned)) >= 0.9 * len(named)
    assert len(named & plain) >= 0.9 * len(plain)


def test_one_bad_batch_costs_one_update(tmp_path: Path, shards: Path) -> None:
    recipe = tiny(shards)
    documents = plant(recipe, range(AT * BATCH, (AT + 1) * BATCH), random_tokens(np.random.default_rng(1)))
    finished = train(recipe, tmp_path / "run")
    events = history_of(recipe, tmp_path / "run").events
    assert finished.rollbacks == 0
    assert [event.data["step"] for event in events if event.event == "note"] == [AT + 1]
    assert_named(tmp_path / "run", documents)


@pytest.mark.slow
def test_one_bad_batch_rolled_back_at_once(tmp_path: Path, shards: Path) -> None:
    recipe = tiny(shards, stability={"min_steps": 16, "skip_updates": 0})
    bad = range(AT * BATCH, (AT + 1) * BATCH)
    documents = plant(recipe, bad, random_tokens(np.random.default_rng(1)))
    assert train(recipe, tmp_path / "run").rollbacks == 1
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(bad)
    assert_named(tmp_path / "run", documents)
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")


@pytest.mark.slow
def test_many_bad_batches(tmp_path: Path, shards: Path) -> None:
    recipe = tiny(shards, steps=70)
    bad = range(AT * BATCH, (AT + 20) * BATCH)
    documents = plant(recipe, bad, random_tokens(np.random.default_rng(1)))
    assert train(recipe, tmp_path / "run").rollbacks == 1
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(bad)
    assert_named(tmp_path / "run", documents)
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")


def test_documents_that_give_nan(tmp_path: Path, shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny(shards)
    bad = [(AT + number) * BATCH + number for number in range(7)]
    documents = mark(recipe, bad)
    monkeypatch.setattr(pretraining, "build_model", stomachless(pretraining.build_model))
    assert train(recipe, tmp_path / "run").rollbacks == 1
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(bad)
    assert documents_blamed(tmp_path / "run") == documents
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")


def test_another_source_is_no_poison(tmp_path: Path) -> None:
    """From one step on everything comes from a source that is much harder: accepted, nothing skipped for good."""
    shards = corpus(tmp_path / "shards", easy=(60_000, 0.8), hard=(60_000, 0.2))
    phases = [{"from_step": AT, "mixture": {"hard": 1.0}}, {"from_step": AT + 30, "mixture": {"easy": 1.0}}]
    recipe = tiny(shards, steps=90, stream={"window": 64, "mixture": {"easy": 1.0}, "phases": phases})
    assert train(recipe, tmp_path / "run").rollbacks == 0
    events = history_of(recipe, tmp_path / "run").events
    assert [event.data["kind"] for event in events if event.event == "note"][-1] == "change_of_data"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seed", "rate"), [(10, 1e-3), (11, 3e-3), (12, 1e-2)])
def test_acceptance(kind: str, seed: int, rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reduced form of benchmarks/stability.py, on seeds of its own."""
    monkeypatch.setattr(pretraining, "build_model", pretraining.build_model)  # what the kind puts there is taken away
    result = one_run(tmp_path, kind, seed, rate)
    assert result["finished"]
    assert min(result["found"], result["precision"], result["recall"]) >= 0.9
    assert result["rollbacks"] == (0 if kind == "one" else 1)
    assert result["same"] is (None if kind == "one" else True)


@pytest.mark.slow
def test_no_rollback_without_poison(tmp_path: Path) -> None:
    result = calm_run(tmp_path, seed=20, steps=1200)
    assert result["rollbacks"] == 0
    assert result["documents_blamed"] < 10
    assert result["steps"] == 1200


def test_damaged_weights_are_rolled_back(tmp_path: Path, shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with the data, but the weights went astray: what was served around then is not served again."""
    recipe = tiny(shards)
    on_step_end, damaged = Steps.on_step_end, []

    def damage(self: Steps, args: object, state: Any, control: object, **kwargs: Any) -> None:
        on_step_end(self, args, state, control, **kwargs)
        if state.global_step == AT and not damaged:
            damaged.append(AT)
            with torch.no_grad():
                for weight in kwargs["model"].parameters():
                    weight += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))

    monkeypatch.setattr(Steps, "on_step_end", damage)
    assert train(recipe, tmp_path / "run").rollbacks == 1
    (skip,) = [event for event in history_of(recipe, tmp_path / "run").events if event.event == "skip"]
    assert skip.data["kind"] == "damaged_weights"
    assert skip.data["rolled_back_to"] <= AT - 5
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(range((AT - 4) * BATCH, AT * BATCH))
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")
