"""Poison in the shards: found, the documents named, rolled back; from there on as if it had never been there."""

from collections import Counter
from pathlib import Path

import gristmill.training.pretrain as pretraining
import numpy as np
import pytest
from gristmill.schemas.training_recipe import TrainingRecipe
from gristmill.training.pretrain import pretrain
from gristmill.training.stream.history import History
from poison import corpus, mark, plant, random_tokens, stomachless, stream_of
from training_runs import BATCH, curve, documents_blamed, skipped, tiny, without

AT = 40
FEWEST_TOKENS = 12  # the mean loss of fewer tells nothing


def history_of(recipe: TrainingRecipe, run: Path) -> History:
    return History.open(run / "history.jsonl", stream_of(recipe).plan)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return corpus(tmp_path / "shards", web=(60_000, 0.5))


def assert_as_if_never_held(recipe: TrainingRecipe, run: Path, reference: Path) -> None:
    """The curve of the rolled-back run is, bit for bit, that of a run whose plan lacks what was skipped."""
    without(reference, history_of(recipe, run))
    assert pretrain(recipe, reference).rollbacks == 0
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
    finished = pretrain(recipe, tmp_path / "run")
    events = history_of(recipe, tmp_path / "run").events
    assert finished.rollbacks == 0
    assert [event.data["step"] for event in events if event.event == "note"] == [AT + 1]
    assert_named(tmp_path / "run", documents)


@pytest.mark.slow
def test_one_bad_batch_rolled_back_at_once(tmp_path: Path, shards: Path) -> None:
    recipe = tiny(shards, stability={"min_steps": 16, "skip_updates": 0})
    bad = range(AT * BATCH, (AT + 1) * BATCH)
    documents = plant(recipe, bad, random_tokens(np.random.default_rng(1)))
    assert pretrain(recipe, tmp_path / "run").rollbacks == 1
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(bad)
    assert_named(tmp_path / "run", documents)
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")


def test_many_bad_batches(tmp_path: Path, shards: Path) -> None:
    recipe = tiny(shards, steps=70)
    bad = range(AT * BATCH, (AT + 20) * BATCH)
    documents = plant(recipe, bad, random_tokens(np.random.default_rng(1)))
    assert pretrain(recipe, tmp_path / "run").rollbacks == 1
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(bad)
    assert_named(tmp_path / "run", documents)
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")


def test_documents_that_give_nan(tmp_path: Path, shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny(shards)
    bad = [(AT + number) * BATCH + number for number in range(7)]
    documents = mark(recipe, bad)
    monkeypatch.setattr(pretraining, "build_model", stomachless(pretraining.build_model))
    assert pretrain(recipe, tmp_path / "run").rollbacks == 1
    assert skipped(history_of(recipe, tmp_path / "run")) >= set(bad)
    assert documents_blamed(tmp_path / "run") == documents
    assert_as_if_never_held(recipe, tmp_path / "run", tmp_path / "reference")


def test_another_source_is_no_poison(tmp_path: Path) -> None:
    """From one step on everything comes from a source that is much harder: accepted, nothing skipped for good."""
    shards = corpus(tmp_path / "shards", easy=(60_000, 0.8), hard=(60_000, 0.2))
    phases = [{"from_step": AT, "mixture": {"hard": 1.0}}, {"from_step": AT + 30, "mixture": {"easy": 1.0}}]
    recipe = tiny(shards, steps=90, stream={"window": 64, "mixture": {"easy": 1.0}, "phases": phases})
    assert pretrain(recipe, tmp_path / "run").rollbacks == 0
    events = history_of(recipe, tmp_path / "run").events
    assert [event.data["kind"] for event in events if event.event == "note"][-1] == "change_of_data"
