"""A batch in which no token has a label is no update and no spike; losses are means over the tokens of a whole batch."""

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from gristmill.pipelines.shards.tombstones import tombstone
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.inputs import ModelInputs
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.models.build import build_model
from gristmill.training.objectives.evaluation import Evaluation
from gristmill.training.objectives.losses import StreamLosses
from gristmill.training.objectives.registry import make
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.train import train
from gristmill.training.stability.rollback import Sources
from safetensors.torch import load_file

from tests.made_shards import EOS, write_shards
from tests.training.poison import VOCABULARY, corpus, markov_documents, stream_of
from tests.training.training_runs import tiny

KINDS = [("llama", "clm"), ("bert", "mlm"), ("t5", "span_corruption"), ("electra", "replaced_token")]
GONE_FROM, GONE_TO, STEPS = 17, 20, 24


def forget_source(shards: Path, source: str, documents: int) -> None:
    tombstone(str(shards), [f"{source}-00000/{number}" for number in range(documents)], "asked")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources, one of which is forgotten."""
    folder = corpus(tmp_path_factory.mktemp("labels") / "shards", kept=(20_000, 0.5), gone=(6_000, 0.5))
    forget_source(folder, "gone", len(markov_documents([0, 1], 6_000, 0.5)))
    return folder


def recipe_of(shards: Path, shape: str, objective: str, **changes: Any) -> PretrainRecipe:
    """A run that for some steps is served the forgotten source alone."""
    phases = [
        {"from_step": GONE_FROM, "mixture": {"gone": 1.0}},
        {"from_step": GONE_TO + 1, "mixture": {"kept": 1.0}},
    ]
    options: dict[str, Any] = {
        "model": {"shape": shape, "hidden_size": 16, "layers": 1, "heads": 2},
        "objective": objective,
        "stream": {"window": 32, "mixture": {"kept": 1.0}, "phases": phases},
        "steps": STEPS,
        "checkpoints": {"every_steps": 4, "stable_after_steps": 2, "keep_stable": 9},
        "stability": {"min_steps": 8, "skip_updates": 0},
        "averaging": {"ema_decay": 0.9},
    }
    return tiny(shards, **options | changes)


@pytest.mark.parametrize(
    ("shape", "objective"),
    [pytest.param(*kind, marks=[pytest.mark.slow] * (kind[0] in ("bert", "electra"))) for kind in KINDS],
)
def test_a_phase_of_a_forgotten_source_changes_nothing(
    shape: str, objective: str, shards: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(shards, shape, objective, micro_batch_sequences=1 if shape == "t5" else 4)
    finished = train(recipe, tmp_path / "run")
    assert finished.rollbacks == 0
    lines = {line["step"]: line for line in logs.read(finished.folder / logs.LOG)}
    without = [step for step, line in lines.items() if "loss" not in line]
    assert without == list(range(GONE_FROM, GONE_TO + 1))
    assert all(lines[step]["labels"] == 0 for step in without)
    assert all("no token of the batch has a label" in lines[step]["event"] for step in without)
    assert all(np.isfinite(line["loss"]) for step, line in lines.items() if step not in without)
    events = StreamHistory.open(finished.folder / "history.jsonl", stream_of(recipe).plan).events
    assert {event.event for event in events} <= {"plan", "mixture", "tombstone"}  # no spike was noted
    before, after = ({p.stem: load_file(p) for p in folder.glob("*.safetensors")} for folder in around(finished.folder))
    for name, weights in before.items():
        assert all(torch.equal(weights[key], after[name][key]) for key in weights), name
    whole = {path.name for path in (finished.folder / "checkpoints").iterdir()}
    assert f"checkpoint-{GONE_FROM - 1}" in whole


def around(run: Path) -> Sequence[Path]:
    """The checkpoints just before and just after the steps without labels."""
    return [run / "checkpoints" / f"checkpoint-{step}" for step in (GONE_FROM - 1, GONE_TO)]


def test_documents_of_one_token_teach_nothing(tmp_path: Path) -> None:
    """All of a corpus: each batch is passed over, and the run ends."""
    shards = write_shards(tmp_path / "shards", {"web-00000": [np.array([EOS])] * 2000}, vocab_size=VOCABULARY)
    recipe = tiny(shards, model={"shape": "llama", "hidden_size": 16, "layers": 1, "heads": 2}, steps=4)
    run = train(recipe, tmp_path / "run").folder
    assert [line["labels"] for line in logs.read(run / logs.LOG)] == [0] * 4
    saved = checkpoints.complete(run / "checkpoints")
    first, last = (load_file(saved[place].folder / "model.safetensors") for place in (0, -1))
    assert all(torch.equal(first[name], last[name]) for name in first)


@pytest.mark.parametrize(("shape", "objective"), KINDS)
def test_a_validation_loss_is_a_mean_over_tokens(shape: str, objective: str, shards: Path) -> None:
    """Whatever the micro batch, and however the sequences are dealt out over processes."""
    recipe = recipe_of(shards, shape, objective, stream={"window": 32})
    stream = stream_of(recipe)
    record = stream.plan.shards.manifest.tokenizer
    chosen, model = make(objective, record, 32), build_model(recipe.model, record, 32)
    served = ModelInputs(stream, chosen, 13)

    def loss(rows: int, ranks: int = 1) -> float:
        """As so many processes compute it together, each a thread here."""
        meeting, given = Barrier(ranks), [torch.zeros(())] * ranks

        def of(rank: int) -> float | None:
            def total(value: torch.Tensor) -> torch.Tensor:
                given[rank] = value
                meeting.wait()
                found = torch.stack(given).sum(dim=0)
                meeting.wait()
                return found

            evaluation = Evaluation(served, chosen, rows, rank=rank, ranks=ranks, sum_over_processes=total)
            return evaluation.loss(copy.deepcopy(model))

        with ThreadPoolExecutor(ranks) as threads:
            (found,) = set(threads.map(of, range(ranks)))
        assert found is not None
        return found

    expected = loss(13)
    for rows, ranks in ((1, 1), (4, 1), (2, 2), (4, 4)):
        assert loss(rows, ranks) == pytest.approx(expected, rel=1e-6), (rows, ranks)
    if objective in ("clm", "mlm"):
        batch = stream.batch(0, 13)
        measured = chosen.token_losses(model, batch, stream.positions(0, 13))
        assert expected == pytest.approx(float(measured.losses[measured.scored].mean(dtype=np.float64)), rel=1e-5)


@pytest.mark.parametrize(("shape", "objective"), KINDS)
def test_a_sequence_without_labels_is_never_guilty(shape: str, objective: str, shards: Path) -> None:
    recipe = recipe_of(shards, shape, objective, stream={"window": 32, "mixture": {"kept": 0.5, "gone": 0.5}})
    stream = stream_of(recipe)
    record = stream.plan.shards.manifest.tokenizer
    losses = StreamLosses(stream, make(objective, record, 32), build_model(recipe.model, record, 32))
    found = losses.sequences(range(64))
    gone = [index for index in range(64) if {span.source for span in stream.documents(index)} == {"gone"}]
    assert [index for index, loss in enumerate(found) if loss is None] == gone
    assert gone
    assert losses.batch(gone) is None
    kept = [index for index in range(64) if index not in gone]
    assert losses.batch(range(64)) == pytest.approx(losses.batch(kept), rel=1e-6)
    sources = Sources(losses, 64)
    assert not any(sources.is_guilty(index, found[index]) for index in gone)
    assert sources.limit("kept") < float("inf")
    assert list(losses.documents(gone)) == []
