"""`audit_forgotten` against reading every sequence, before and after tombstones are recorded."""

import json
from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import Tombstone
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.inspect.forgotten import audit_forgotten, audit_run

from tests.made_shards import numbered, write_shards

BATCH, STEPS = 4, 12
LENGTHS = [7, 30, 3, 55, 12, 90, 4, 21] * 6


def make(folder: Path, packing: bool) -> tuple[Plan, StreamHistory, list[np.ndarray]]:
    documents = numbered(LENGTHS)
    write_shards(folder / "shards", {"web-00000": documents[:30], "web-00001": documents[30:]})
    plan = Plan.build(
        ShardSet.open(folder / "shards"), PlanConfig(window=32, packing=packing, seed=3), folder=folder / "run"
    )
    return plan, StreamHistory.open(folder / "run" / "history.jsonl", plan), documents


def forget(folder: Path, documents: list[np.ndarray], number: int) -> None:
    first = sum(len(document) for document in documents[:number])
    stone = Tombstone(
        doc_id=f"web-00000/{number}",
        shard="train/web-00000",
        start=first,
        end=first + len(documents[number]),
        reason="",
        time="",
    )
    with (folder / "shards" / "tombstones.jsonl").open("a") as file:
        file.write(stone.model_dump_json() + "\n")


def steps_with(plan: Plan, history: StreamHistory, document: np.ndarray, steps: int) -> list[int]:
    """The steps whose batches hold a token of a document (every token of the corpus is another number)."""
    data = PlanDataset(plan, history)
    batches = [data.batch(s * BATCH, (s + 1) * BATCH)["input_ids"] for s in range(steps)]
    return [step for step, batch in enumerate(batches, 1) if np.isin(batch, document).any()]


@pytest.mark.parametrize("packing", [False, True])
def test_what_was_seen_and_what_is_hidden(tmp_path: Path, packing: bool) -> None:
    plan, history, documents = make(tmp_path, packing)
    trained = 5
    seen = {number: steps_with(plan, history, documents[number], trained) for number in (3, 5)}
    history.append("skip", 8, {"ranges": [[2, 3], [30, 31]]})  # a skip after which served and plan positions differ
    before = {number: steps_with(plan, history, documents[number], STEPS) for number in (3, 5)}
    for number in (3, 5):
        forget(tmp_path, documents, number)
    numbers = {"batch_sequences": BATCH, "trained_steps": trained, "planned_steps": STEPS}
    unrecorded = audit_forgotten(plan, history, **numbers)
    assert any("sequences to come hold documents forgotten" in problem for problem in unrecorded.problems)
    assert history.record_tombstones(trained * BATCH)
    report = audit_forgotten(plan, history, **numbers)
    assert report.problems == []
    assert report.sequences > 0
    expected = {f"web-00000/{n}": [step for step in before[n] if step <= trained] for n in (3, 5)}
    assert report.seen == {doc_id: steps for doc_id, steps in expected.items() if steps}
    assert seen[3] or seen[5]
    for number in (3, 5):  # the audit's claim, by reading everything
        assert all(step <= trained for step in steps_with(plan, history, documents[number], STEPS))


def test_steps_that_a_rollback_took_back_are_listed_apart(tmp_path: Path) -> None:
    """Rolled back from step 9 to step 4, twice; what those branches had trained on is read from their own order."""
    plan, history, documents = make(tmp_path, packing=False)
    for number in (3, 5):
        forget(tmp_path, documents, number)
    numbers = {"batch_sequences": BATCH, "trained_steps": 6, "planned_steps": STEPS}
    expected: dict[str, set[int]] = {}
    for guilty in ([[17, 19]], [[21, 30]]):
        for number in (3, 5):
            steps = [step for step in steps_with(plan, history, documents[number], 9) if step > 4]
            expected.setdefault(f"web-00000/{number}", set()).update(steps)
        history.append("skip", 4 * BATCH, {"ranges": guilty, "rolled_back_to": 4, "step": 9})
    report = audit_forgotten(plan, history, **numbers)
    assert report.undone == {doc_id: sorted(steps) for doc_id, steps in expected.items() if steps}
    assert report.undone
    seen = {f"web-00000/{n}": steps_with(plan, history, documents[n], 6) for n in (3, 5)}
    assert report.seen == {doc_id: steps for doc_id, steps in seen.items() if steps}
    assert "trained on, and rolled back, web-00000/" in str(report)
    history.record_tombstones(0)  # as if they had been forgotten before the run
    assert audit_forgotten(plan, history, **numbers).seen == {}


def test_a_stream_that_serves_forgotten_tokens_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, history, documents = make(tmp_path, packing=False)
    forget(tmp_path, documents, 5)
    history.record_tombstones(0)
    monkeypatch.setattr(PlanDataset, "forgotten_in", lambda *_: iter(()))
    report = audit_forgotten(plan, history, batch_sequences=BATCH, trained_steps=0, planned_steps=STEPS)
    assert report.problems
    assert all("serves tokens of web-00000/5" in problem for problem in report.problems)


def test_a_run_folder_is_audited_from_its_files(tmp_path: Path) -> None:
    _, history, documents = make(tmp_path, packing=True)
    run = tmp_path / "run"
    with pytest.raises(RunError, match=r"no training\.json"):
        audit_run(run)
    (run / "training.json").write_text(json.dumps({"recipe": {"batch_sequences": BATCH, "steps": STEPS}}))
    (run / "log.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"step": 3')
    forget(tmp_path, documents, 3)
    history.record_tombstones(2 * BATCH)
    report = audit_run(run)
    assert (report.trained_steps, report.problems) == (2, [])
    assert "2 steps trained" in str(report)
