"""`gristmill trace`: every token of a step is a token of the document named for it, and the way back."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import InputError, RecipeError, RunError
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.inspect.trace import TrainingRun
from typer.testing import CliRunner

from tests.made_shards import numbered, write_shards

BATCH, STEPS = 8, 30
SHARDS = {
    "a-00000": numbered([5, 0, 12, 3, 40, 1, 9] * 4),
    "a-00001": numbered([7, 7, 2] * 5, 2000),
    "b-00000": numbered([90, 4], 5000),
}
LAUNCHES = [
    {"from_step": 1, "global_batch": BATCH, "ranks": 1, "rows": 4, "accumulation": 2},
    {"from_step": 11, "global_batch": BATCH, "ranks": 2, "rows": 2, "accumulation": 2},
]


def training_run(folder: Path, packing: bool) -> PlanDataset:
    """A run of 30 steps: ten on one process, then two; rolled back from step 16 to 15, past plan positions 122-125."""
    config = PlanConfig(window=16, packing=packing, mixture={"a": 0.6, "b": 0.4})
    plan = Plan.build(ShardSet.open(write_shards(folder / "shards", SHARDS)), config, folder / "run")
    history = StreamHistory.open(folder / "run" / "history.jsonl", plan)
    history.append("skip", 120, {"ranges": [[122, 126]], "rolled_back_to": 15})
    (folder / "run" / "training.json").write_text(json.dumps({"launches": LAUNCHES}))
    log = "".join(json.dumps({"step": step}) + "\n" for step in range(1, STEPS + 1))
    (folder / "run" / "log.jsonl").write_text(log + '{"st')
    return PlanDataset(plan, history)


def as_trained(data: PlanDataset, step: int) -> dict[tuple[int, int], list[int]]:
    """(rank, row) -> ids of a step, dealt out as accelerate deals micro batches out."""
    launch = LAUNCHES[step > 10]
    ids = data.batch((step - 1) * BATCH, step * BATCH)["input_ids"]
    micro = ids.reshape(launch["accumulation"], launch["ranks"], launch["rows"], -1).transpose(1, 0, 2, 3)
    rows = micro.reshape(launch["ranks"], launch["accumulation"] * launch["rows"], -1)
    return {(rank, row): rows[rank, row].tolist() for rank in range(rows.shape[0]) for row in range(rows.shape[1])}


def token_of(doc_id: str, offset: int) -> int:
    stem, _, number = doc_id.rpartition("/")
    return int(SHARDS[stem][int(number)][offset])


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("step", [1, 10, 11, 16, 30])
def test_every_token_of_a_step_has_its_document(tmp_path: Path, packing: bool, step: int) -> None:
    data = training_run(tmp_path, packing)
    trained = as_trained(data, step)
    named: dict[tuple[int, int], list[int]] = {key: [] for key in trained}
    for row in TrainingRun(tmp_path / "run").rows(step):
        for span in row.documents:
            named[row.rank, row.row] += [token_of(span.doc_id, span.offset + i) for i in range(span.end - span.start)]
    assert named == {key: [token for token in ids if token >= 10] for key, ids in trained.items()}


@pytest.mark.parametrize("packing", [False, True])
def test_steps_that_had_a_document(tmp_path: Path, packing: bool) -> None:
    data = training_run(tmp_path, packing)
    run = TrainingRun(tmp_path / "run")
    for doc_id in ("a-00000/4", "a-00001/3", "b-00000/0"):
        (shard, start, end), *others = run.find(doc_id)
        assert not others
        expected = set()
        for step in range(1, STEPS + 1):
            for (rank, row), ids in as_trained(data, step).items():
                held = np.isin(ids, SHARDS[shard[6:]][int(doc_id.rpartition("/")[2])])
                expected |= {(step, rank, row, int(column)) for column in np.flatnonzero(held)}
        seen = run.seen(shard, start, end)
        assert {(s.step, s.rank, s.row, c) for s in seen for c in range(s.start, s.end)} == expected
        assert expected


def test_a_branch_that_was_given_up_is_traced_too(tmp_path: Path) -> None:
    training_run(tmp_path, packing=False)
    abandoned = [row.position for row in TrainingRun(tmp_path / "run", branch=0).rows(16)]
    as_it_stands = [row.position for row in TrainingRun(tmp_path / "run").rows(16)]
    assert sorted(abandoned) == list(range(120, 128))
    assert sorted(as_it_stands) == [120, 121, *range(126, 132)]
    assert [row.position for row in TrainingRun(tmp_path / "run", branch=1).rows(16)] == as_it_stands
    with pytest.raises(InputError, match="branch 2; expected 0 to 1"):
        TrainingRun(tmp_path / "run", branch=2)


def test_command(tmp_path: Path) -> None:
    training_run(tmp_path, packing=True)
    run = str(tmp_path / "run")
    done = CliRunner().invoke(app, ["trace", run, "--step", "12", "--rank", "1", "--json"], catch_exceptions=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["rank"] for line in lines} == {1}
    assert {"step", "row", "doc_id", "source", "url", "start", "end", "offset", "position"} < set(lines[0])
    shown = CliRunner().invoke(app, ["trace", run, "--document", "b-00000/1"], catch_exceptions=False).stdout
    assert shown.startswith("step ")
    assert "b-00000/1" in shown
    for arguments in ([], ["--step", "1", "--document", "x"]):
        with pytest.raises(RecipeError, match="either --step N or --document"):
            CliRunner().invoke(app, ["trace", run, *arguments], catch_exceptions=False)
    with pytest.raises(InputError, match="step 31; expected 1 to 30, the steps made"):
        CliRunner().invoke(app, ["trace", run, "--step", "31"], catch_exceptions=False)
    with pytest.raises(InputError, match="rank 2; expected 0 to 1: who made step 12"):
        CliRunner().invoke(app, ["trace", run, "--step", "12", "--rank", "2"], catch_exceptions=False)
    with pytest.raises(InputError, match="no document 'nobody'"):
        CliRunner().invoke(app, ["trace", run, "--document", "nobody"], catch_exceptions=False)
    with pytest.raises(RunError, match=r"no plan\.json"):
        CliRunner().invoke(app, ["trace", str(tmp_path), "--step", "1"], catch_exceptions=False)


def test_documents_that_no_step_had_are_said_to_be_so(tmp_path: Path) -> None:
    """Unseen so far, without a token, held out for validation."""
    training_run(tmp_path, packing=True)
    run = tmp_path / "run"
    held_out = tmp_path / "held-out"
    write_shards(held_out, {"c-00000": numbered([5], 9000)}, split="validation")
    shards, held = (ShardSet.open(folder).manifest for folder in (tmp_path / "shards", held_out))
    both = shards.model_copy(update={"shards": (*shards.shards, *held.shards)})
    (tmp_path / "shards" / "manifest.json").write_text(both.model_dump_json())
    shutil.copytree(held_out / "validation", tmp_path / "shards" / "validation")
    with pytest.raises(InputError, match=r"no document 'c-00000/0' to train on: it lies in validation/c-00000"):
        CliRunner().invoke(app, ["trace", str(run), "--document", "c-00000/0"], catch_exceptions=False)
    (run / "log.jsonl").write_text('{"step": 1}\n')
    (empty,) = [f"a-00000/{n}" for n, document in enumerate(SHARDS["a-00000"][:7]) if not len(document)]
    data = PlanDataset(Plan.load(run), StreamHistory.open(run / "history.jsonl", Plan.load(run)))
    seen = {span.doc_id for served in range(BATCH) for span in data.documents(served)}
    unseen = next(f"a-00000/{n}" for n in range(28) if f"a-00000/{n}" not in seen and f"a-00000/{n}" != empty)
    for doc_id in (empty, unseen):
        done = CliRunner().invoke(app, ["trace", str(run), "--document", doc_id], catch_exceptions=False)
        assert done.stdout == f"none of the 1 steps made had tokens of {doc_id}\n"
        done = CliRunner().invoke(app, ["trace", str(run), "--document", doc_id, "--json"], catch_exceptions=False)
        assert done.stdout == ""
        assert f"none of the 1 steps made had tokens of {doc_id}" in done.stderr


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    from gristmill.pipelines.cli.trace import described

    line = {"step": 1, "rank": 0, "row": 0, "start": 0, "end": 4, "doc_id": "a\x1b[2Jb", "source": "s", "url": None}
    assert described(line) == "step 1  rank 0  row 0  tokens 0-3  a\ufffd[2Jb  s"


def test_one_row_and_one_token(tmp_path: Path) -> None:
    """Without a corpus: the document of the token, and on stderr how its place would be known."""
    training_run(tmp_path, True)
    run = str(tmp_path / "run")
    (row,) = (row for row in TrainingRun(run).rows(16, 1) if row.row == 2)
    shell = CliRunner().invoke(app, ["trace", run, "--step", "16", "--rank", "1", "--row", "2", "--json"])
    lines = [json.loads(line) for line in shell.stdout.splitlines()]
    assert [line["doc_id"] for line in lines] == [span.doc_id for span in row.documents]
    assert "--corpus RUN" in shell.stderr
    for span in row.documents:
        token = str(span.end - 1)
        arguments = ["trace", run, "--step", "16", "--rank", "1", "--row", "2", "--token", token, "--json"]
        (line,) = map(json.loads, CliRunner().invoke(app, arguments).stdout.splitlines())
        assert (line["doc_id"], line["start"], line["end"]) == (span.doc_id, span.end - 1, span.end)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--document", "a-00000/4", "--row", "1"], RecipeError),
        (["--document", "a-00000/4", "--rank", "0"], RecipeError),
        (["--step", "1", "--token", "1"], RecipeError),
        (["--step", "1", "--corpus", "run"], RecipeError),
        (["--step", "1", "--row", "99"], InputError),
        (["--step", "1", "--row", "0", "--token", "16"], InputError),
        (["--step", "1", "--row", "0", "--corpus", "no/such"], RunError),
    ],
)
def test_rows_and_tokens_that_are_none(tmp_path: Path, arguments: list[str], error: type[Exception]) -> None:
    training_run(tmp_path, False)
    shell = CliRunner().invoke(app, ["trace", str(tmp_path / "run"), *arguments])
    assert isinstance(shell.exception, error), shell.output
