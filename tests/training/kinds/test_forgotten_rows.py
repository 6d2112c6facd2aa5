"""Runs on rows: which rows a step had, which steps a row; a forgotten row is not served again, and the run goes on exactly."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import InputError, RunError
from gristmill.training.data.history import History
from gristmill.training.inspect.trace import RowTrainingRun, open_training_run
from gristmill.training.kinds.registry import load_kind, recipe_model
from gristmill.training.run import logs
from gristmill.training.run.folder import read_training
from gristmill.training.run.ledger import described
from gristmill.training.run.train import train
from typer.testing import CliRunner

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back

COUNT = 12
KINDS: dict[str, dict[str, Any]] = {
    "sft": {"max_tokens": 16},
    "dpo": {"adapter": {"method": "lora", "rank": 2}},
    "orpo": {},
    "grpo": {"rewards": [{"function": "rewards_for_tests:by_length"}], "generations": 2, "max_new_tokens": 2},
}
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")


def row(kind: str, number: int) -> dict[str, Any]:
    one, other = WORDS[number], WORDS[number + 20]
    columns = {
        "sft": {"prompt": f"{one} " * (1 + number % 3), "completion": f" {other}"},
        "dpo": {"prompt": one, "chosen": f" {other}", "rejected": f" {one}"},
        "orpo": {"prompt": one, "chosen": f" {other}", "rejected": f" {one}"},
        "grpo": {"prompt": one},
    }
    return {"id": f"row-{number}", **columns[kind]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_of(tokenizer_of(WORDS, tmp_path_factory.mktemp("traced") / "model"))


def recipe(kind: str, model: Path, rows: str, **changes: Any) -> Any:
    options = options_of(kind=kind, model=str(model), rows=rows, batch_sequences=2, micro_batch_sequences=2, steps=8)
    return recipe_model(kind).model_validate(options | KINDS[kind] | changes)


def served_rows(kind: str, chosen: Any, folder: Path) -> list[set[str]]:
    """What the kind itself serves, by served index: the ids of the rows whose tokens or prepared columns are there."""
    run = load_kind(kind)(chosen, folder)
    run.prepare(read_training(folder))
    history: History = type(run).reopen_history(folder)
    found = []
    for served in range(chosen.steps * chosen.batch_sequences):
        number = int(run.plan.row(history.positions(served, served + 1))[0])
        if kind != "sft":
            found.append({run.data.ids[number]})
            continue
        members = run.sequences_of_rows.members[number]
        found.append({run.usable.rows.ids[one] for one in members if run.usable.prepared[one].targets.any()})
    return found


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.slow) if k in ("dpo", "orpo") else k for k in KINDS]
)
def test_a_forgotten_row_is_not_served_again(model: Path, tmp_path: Path, kind: str) -> None:
    every = [row(kind, number) for number in range(COUNT)]
    rows = write_lines(tmp_path / "rows.jsonl", every)
    run = train(recipe(kind, model, rows), tmp_path / "run").folder
    whole, traced = steps_of(run), open_training_run(run)
    assert isinstance(traced, RowTrainingRun)
    before = [{one.doc_id for one in found.documents} for step in range(1, 9) for found in traced.rows(step)]
    assert before == served_rows(kind, recipe(kind, model, rows), run)
    for doc_id in ("row-0", "row-7"):
        steps = [seen.step for seen in traced.seen(doc_id)]
        assert steps == [1 + served // 2 for served, ids in enumerate(before) if doc_id in ids]
    gone = next(iter(sorted(before[6])))  # served in step 4, and again later or not
    go_back(run, 2)
    plan = json.loads((run / "plan.json").read_text())
    write_lines(tmp_path / "rows.jsonl", [one for one in every if one["id"] != gone])
    with pytest.raises(RunError, match="the rows and the seed give plan"):
        train(recipe(kind, model, rows), run)
    (tmp_path / "forgotten.txt").write_text(f"{gone}\n")
    chosen = recipe(kind, model, rows, forgotten_rows=str(tmp_path / "forgotten.txt"))
    assert train(chosen, run).resumed_from == 2
    assert json.loads((run / "plan.json").read_text()) == plan
    assert steps_of(run)[: len([one for one in whole if one["step"] <= 2])] == [
        one for one in whole if one["step"] <= 2
    ]
    traced = open_training_run(run)
    after = [{one.doc_id for one in found.documents} for step in range(1, 9) for found in traced.rows(step)]
    assert after[:4] == before[:4]
    assert all(gone not in ids for ids in after[4:])
    kept = served_rows(kind, chosen, run)
    assert all(gone not in ids for ids in kept[4:])
    assert kept[4:] == after[4:]
    assert all(ids for ids in after) or kind == "sft"  # no step has fewer rows
    assert traced.forgotten_from(gone) == 3
    told = CliRunner().invoke(app, ["trace", str(run), "--document", gone])
    assert told.exit_code == 0, told.output
    assert "not served from step 3 on" in told.stdout
    assert any("sequence 4: 1 rows forgotten" in line for line in described(run))
    assert "1 rows forgotten" in (run / "training.html").read_text()
    events = (run / "history.jsonl").read_text().count('"forget"')
    assert events == 1
    go_back(run, 4)  # another start, and a run that goes back before the forgetting
    train(chosen, run)
    assert (run / "history.jsonl").read_text().count('"forget"') == events
    assert [line["step"] for line in logs.read(run / logs.LOG) if "loss" in line] == list(range(1, 9))


def test_rows_that_are_gone_or_changed_without_being_forgotten(model: Path, tmp_path: Path) -> None:
    every = [row("sft", number) for number in range(COUNT)]
    rows = write_lines(tmp_path / "rows.jsonl", every)
    (tmp_path / "forgotten.txt").write_text("row-3\n")
    chosen = recipe("sft", model, rows, forgotten_rows=str(tmp_path / "forgotten.txt"), steps=2)
    run = train(recipe("sft", model, rows, steps=2), tmp_path / "run").folder
    go_back(run, 1) if (run / "checkpoints" / "checkpoint-1").exists() else go_back(run, 0)
    cases = {
        "of its beginning are not there: row-5": every[:5] + every[6:],
        "hold something else than at its beginning: row-5": [*every[:5], {**every[5], "completion": " ba"}, *every[6:]],
        "were not there at its beginning: row-12": [*every, row("sft", 12)],
    }
    record = read_training(run)
    kind = load_kind("sft")(chosen, run)
    for message, lines in cases.items():
        write_lines(tmp_path / "rows.jsonl", lines)
        with pytest.raises(RunError, match=f"1 rows {message}"):
            kind.prepare(record)
    write_lines(tmp_path / "rows.jsonl", every)  # it may still be there
    kind.prepare(record)
    assert kind.usable.left_out == {"forgotten": 1}
    windows = kind.sequences_of_rows.windows(range(len(kind.sequences_of_rows)), kind.vocabulary.pad_token_id)
    text = kind.vocabulary.decode(windows["input_ids"].ravel().tolist())
    words = set(re.findall("[a-z]+", text))
    assert WORDS[23] not in words
    assert {WORDS[22], WORDS[24]} <= words
    written = (run / "rows.parquet").read_bytes()
    (run / "rows.parquet").write_bytes(bytes(1000))
    with pytest.raises(RunError, match=r"rows\.parquet cannot be read"):
        kind.prepare(record)  # nobody can tell the place of row-3
    plain = load_kind("sft")(recipe("sft", model, rows, steps=2), run)
    plain.prepare(record)  # nothing is forgotten, so the rows are enough
    plain.claim()
    assert (run / "rows.parquet").read_bytes() == written
    kind.prepare(record)
    kind.go_on(type(kind).reopen_history(run), 2)
    plain.prepare(record)  # named by the recipe no more, and forgotten all the same
    assert plain.usable.left_out == {"forgotten": 1}
    fresh = train(chosen, tmp_path / "fresh").folder
    assert open_training_run(fresh).index.named("row-3") is None  # type: ignore[union-attr]
    with pytest.raises(InputError, match="no row 'row-3'"):
        open_training_run(fresh).seen("row-3")  # type: ignore[call-arg]
    (tmp_path / "forgotten.txt").write_text("".join(f"row-{number}\n" for number in range(COUNT)))
    with pytest.raises(Exception, match="all of 12 were forgotten"):
        kind.prepare(record)
