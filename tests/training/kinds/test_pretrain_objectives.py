"""Every objective trains in a run: stopped and resumed bit for bit, whatever the micro batch, and documents can be blamed."""

import math
from pathlib import Path
from typing import Any

import pytest
from gristmill.training.models.build import load_model
from gristmill.training.objectives.losses import StreamLosses
from gristmill.training.objectives.registry import make
from gristmill.training.run.train import train

from tests.training.poison import corpus, stream_of
from tests.training.training_runs import BATCH, curve, go_back, tiny

KINDS = [("qwen", "clm"), ("bert", "mlm"), ("t5", "span_corruption"), ("electra", "replaced_token")]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("objectives") / "shards", web=(20_000, 0.5))


@pytest.mark.parametrize(("shape", "objective"), KINDS)
def test_trains_resumes_and_blames(shape: str, objective: str, shards: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "model": {"shape": shape, "hidden_size": 32, "layers": 2, "heads": 2, "dropout": 0.1},
        "objective": objective,
        "steps": 8,
        "checkpoints": {"every_steps": 4, "stable_after_steps": 2},
    }
    recipe = tiny(shards, **changes)
    run = train(recipe, tmp_path / "run").folder
    whole = curve(run)
    assert all(math.isfinite(loss) for loss, _, _ in whole.values())
    go_back(run, 4)
    train(recipe, run)
    assert curve(run) == whole
    stream = stream_of(recipe)
    record = stream.plan.shards.manifest.tokenizer
    losses = StreamLosses(stream, make(objective, record, recipe.stream.window), load_model(run / "model", record))
    found = list(losses.documents(range(BATCH)))
    assert {one.doc_id for one in found} <= {span.doc_id for k in range(BATCH) for span in stream.documents(k)}
    assert len(found) > BATCH / 2
    assert all(math.isfinite(one.loss) for one in found)


@pytest.mark.parametrize(("shape", "objective"), KINDS[1:3])
def test_micro_batches_change_nothing(shape: str, objective: str, shards: Path, tmp_path: Path) -> None:
    """Also with activation checkpointing: memory is traded, not results."""
    model = {"shape": shape, "hidden_size": 32, "layers": 2, "heads": 2}
    changes: dict[str, Any] = {"model": model, "objective": objective, "steps": 4}
    whole = curve(train(tiny(shards, **changes), tmp_path / "whole").folder)
    parts = tiny(shards, **changes, micro_batch_sequences=2, activation_checkpointing=True)
    for step, figures in curve(train(parts, tmp_path / "parts").folder).items():
        assert figures == pytest.approx(whole[step], rel=2e-5), step
