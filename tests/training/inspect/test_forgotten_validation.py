"""Forgotten documents of the validation split: never read again, reported by the audit, gone from the loss for good."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gristmill.pipelines.shards.tombstones import erase_forgotten, tombstone
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.inspect.forgotten import audit_run
from gristmill.training.models.build import load_model
from gristmill.training.objectives.registry import make
from gristmill.training.run import logs
from gristmill.training.run.train import train

from tests.made_shards import SEPARATOR
from tests.training.poison import corpus
from tests.training.training_runs import go_back, tiny

CHANGES: dict[str, Any] = {
    "model": {"shape": "llama", "hidden_size": 16, "layers": 1, "heads": 2},
    "stream": {"window": 32},
    "steps": 8,
    "checkpoints": {"every_steps": 4, "stable_after_steps": 2},
    "validation": {"every_steps": 2, "sequences": 40},
}


def held_out(shards: Path) -> PlanDataset:
    """The validation split as anyone reads it who gives no history."""
    return PlanDataset(Plan.build(ShardSet.open(shards), PlanConfig(window=32, split="validation")))


def some_documents(shards: Path) -> list[str]:
    """Documents of the first validation sequences, a third of them."""
    stream = held_out(shards)
    found = {span.doc_id: None for served in range(min(40, len(stream))) for span in stream.documents(served)}
    return list(found)[::3]


def losses(run: Path) -> dict[int, float]:
    return {line["step"]: line["validation_loss"] for line in logs.read(run / logs.LOG) if "validation_loss" in line}


def loss_without(run: Path, shards: Path, forgotten: list[str]) -> float:
    """The finished model's mean loss over the tokens of documents that are not forgotten, computed token by token."""
    record = ShardSet.open(shards).manifest.tokenizer
    stream, objective = held_out(shards), make("clm", record, 32)
    model = load_model(run / "model", record)
    total, count = 0.0, 0
    for served in range(min(40, len(stream))):
        measured = objective.token_losses(model, stream.batch(served, served + 1), stream.positions(served, served + 1))
        for span in stream.documents(served):
            if span.doc_id not in forgotten:
                total += float(measured.losses[0, span.start : span.end].sum(dtype=np.float64))
                count += int(measured.scored[0, span.start : span.end].sum())
    return total / count


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("forgotten") / "shards", validation=2_000, web=(20_000, 0.5))


def test_they_are_read_no_more_and_the_audit_says_when_they_were(shards: Path, tmp_path: Path) -> None:
    recipe, run = tiny(shards, **CHANGES), tmp_path / "run"
    train(recipe, run)
    assert losses(run)[8] == pytest.approx(loss_without(run, shards, []), rel=1e-5)
    before = losses(run)
    go_back(run, 4)
    documents = some_documents(shards)
    tombstone(str(shards), documents, "asked")
    pending = audit_run(run, shards)
    assert any("validation sequences hold documents forgotten since" in problem for problem in pending.problems)
    assert pending.validated == {doc_id: [2, 4] for doc_id in documents}
    train(recipe, run)
    hidden = losses(run)
    assert (hidden[2], hidden[4]) == (before[2], before[4])
    assert hidden[8] == pytest.approx(loss_without(run, shards, documents), rel=1e-5)
    report = audit_run(run, shards)
    assert report.problems == []
    assert report.validated == {doc_id: [2, 4] for doc_id in documents}
    assert report.sequences > 0
    assert "validated on, before it was forgotten," in str(report)
    erase_forgotten(str(shards))
    go_back(run, 4)
    train(recipe, run)
    assert losses(run) == hidden  # the separators that erasing leaves carry no labels


def test_a_reader_without_a_history_serves_nothing_forgotten(shards: Path) -> None:
    """After the test above: documents of the split are forgotten, and erased."""
    stream = held_out(shards)
    documents = some_documents(shards)
    seen = 0
    for served in range(min(40, len(stream))):
        batch = stream.batch(served, served + 1)
        for span in stream.documents(served):
            if span.doc_id in documents:
                seen += 1
                assert (batch["input_ids"][0, span.start : span.end] == SEPARATOR).all()
                assert (batch["labels"][0, span.start : span.end] == -100).all()
    assert seen


def test_an_audit_sees_a_split_that_serves_them(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = corpus(tmp_path / "shards", validation=2_000, web=(20_000, 0.5))
    recipe, run = tiny(fresh, **CHANGES), tmp_path / "run"
    tombstone(str(fresh), some_documents(fresh), "asked")
    train(recipe, run)
    assert audit_run(run, fresh).problems == []
    assert audit_run(run, fresh).validated == {}  # forgotten before the run began
    monkeypatch.setattr(PlanDataset, "forgotten_in", lambda *_: iter(()))
    problems = [problem for problem in audit_run(run, fresh).problems if problem.startswith("validation sequence")]
    assert problems
    assert all("serves tokens of" in problem for problem in problems)


def test_everything_held_out_is_forgotten(tmp_path: Path) -> None:
    """There is no validation loss then, rather than one that is no number."""
    fresh = corpus(tmp_path / "shards", validation=400, web=(20_000, 0.5))
    stream = held_out(fresh)
    everything = {span.doc_id for served in range(len(stream)) for span in stream.documents(served)}
    tombstone(str(fresh), sorted(everything), "asked")
    run = train(tiny(fresh, **CHANGES), tmp_path / "run").folder
    assert losses(run) == {}


@pytest.mark.slow
def test_a_lost_history_of_the_split_claims_nothing(tmp_path: Path) -> None:
    """Without it the audit cannot know since when documents are hidden: at the latest since the next start."""
    fresh = corpus(tmp_path / "shards", validation=2_000, web=(20_000, 0.5))
    recipe, run = tiny(fresh, **CHANGES), tmp_path / "run"
    documents = some_documents(fresh)
    tombstone(str(fresh), documents, "asked")
    train(recipe, run)
    (run / "validation" / "history.jsonl").unlink()
    assert any("what the run validated on cannot be told" in problem for problem in audit_run(run, fresh).problems)
    go_back(run, 4)
    train(recipe, run)
    report = audit_run(run, fresh)
    assert report.problems == []
    assert report.validated == {doc_id: [2, 4] for doc_id in documents}


def test_a_plan_goes_on_with_the_shards_it_was_begun_with(tmp_path: Path) -> None:
    """Documents that take the place of forgotten ones are shards of a later generation: no part of a run that goes on."""
    fresh = corpus(tmp_path / "shards", validation=2_000, web=(20_000, 0.5))
    recipe, run = tiny(fresh, **CHANGES), tmp_path / "run"
    whole = train(recipe, run).folder
    expected = losses(whole)
    manifest = ShardSet.open(fresh).manifest
    added = tuple(shard.model_copy(update={"generation": 1}) for shard in manifest.shards)
    renamed = [shard.model_copy(update={"name": f"{shard.name[:-1]}1"}) for shard in added]
    for shard, new in zip(manifest.shards, renamed, strict=True):
        for extension in shard.files:
            (fresh / f"{new.name}{extension}").write_bytes((fresh / f"{shard.name}{extension}").read_bytes())
    more = manifest.model_copy(update={"shards": (*manifest.shards, *renamed)})
    (fresh / "manifest.json").write_text(more.model_dump_json())
    go_back(run, 4)
    train(recipe, run)
    assert losses(run) == expected
    assert StreamHistory.open(run / "history.jsonl", Plan.load(run)).plan.config.generation == 0
