"""Token shards as the last stage of a build, and from the shell."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from gristmill.pipelines.build import build
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.shards.tombstones import tombstone
from gristmill.schemas.errors import ModelError, RecipeError
from typer.testing import CliRunner

from tests.pipelines.shards.made_corpora import contents, documents_of, manifest_of, rows


@pytest.fixture
def recipe(tmp_path: Path, tokenizer: str) -> dict:
    with (tmp_path / "in.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": row["doc_id"], "text": row["text"]}) + "\n" for row in rows(120))
    return {
        "name": "with-shards",
        "sources": [{"name": "web", "path": str(tmp_path / "in.jsonl"), "columns": {"id": "id"}}],
        "shards": {"tokenizer": tokenizer, "validation_fraction": 0.1, "tokens_per_shard": 3000},
    }


def corpus_ids(run: Path) -> list[str]:
    listed = [part["path"] for part in json.loads((run / "corpus/manifest.json").read_text())["parts"]]
    return sorted(doc_id for path in listed for doc_id in pq.read_table(run / path).column("doc_id").to_pylist())


def test_a_build_writes_shards_of_what_it_keeps(
    recipe: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    build(recipe, run, report=False)
    assert sorted(row["doc_id"] for row in documents_of(run / "shards")) == corpus_ids(run)
    first = contents(run / "shards")
    build(recipe, run, report=False)
    assert "shards: up to date" in capsys.readouterr().err
    build({**recipe, "policy": {"min_text_bytes": 200}}, run, report=False)
    assert sorted(row["doc_id"] for row in documents_of(run / "shards")) == corpus_ids(run)
    assert contents(run / "shards") != first
    build(recipe, run, report=False)
    assert contents(run / "shards") == first
    out, options = tmp_path / "again", recipe["shards"]
    arguments = ["shards", "write", str(run), "--out", str(out), "--tokenizer", options["tokenizer"], "--quiet"]
    shell = CliRunner().invoke(app, [*arguments, "--validation", "0.1", "--tokens-per-shard", "3000"])
    assert shell.exit_code == 0, shell.output
    assert contents(out) == first
    assert CliRunner().invoke(app, ["shards", "verify", str(out)]).exit_code == 0


def test_shards_in_which_documents_were_forgotten_are_left_alone(recipe: dict, tmp_path: Path) -> None:
    run = tmp_path / "run"
    build(recipe, run, report=False)
    first = contents(run / "shards")
    tombstone(run / "shards", corpus_ids(run)[:1], "asked to")
    build({**recipe, "policy": {"min_text_bytes": 200}}, run, report=False)
    assert contents(run / "shards") == first


def test_a_missing_tokenizer_is_an_error_before_the_run_starts(recipe: dict, tmp_path: Path) -> None:
    recipe["shards"]["tokenizer"] = str(tmp_path / "none.json")
    with pytest.raises(ModelError, match="no tokenizer here"):
        build(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match="unknown key `tokenzier`"):
        build({**recipe, "shards": {"tokenzier": "x"}}, tmp_path / "run")


def test_a_tokenizer_trained_from_the_shell_writes_shards(tmp_path: Path, recipe: dict) -> None:
    run, folder = tmp_path / "run", tmp_path / "tokenizer"
    build({key: value for key, value in recipe.items() if key != "shards"}, run, report=False)
    arguments = [
        "tokenizer",
        "train",
        str(run),
        "--out",
        str(folder),
        "--vocab-size",
        "400",
        "--pattern",
        "qwen",
        "--quiet",
    ]
    shell = CliRunner().invoke(app, arguments)
    assert shell.exit_code == 0, shell.output
    first = (folder / "tokenizer.json").read_bytes()
    assert CliRunner().invoke(app, arguments).exit_code == 1  # nothing is overwritten unasked
    assert CliRunner().invoke(app, [*arguments, "--replace"]).exit_code == 0
    assert (folder / "tokenizer.json").read_bytes() == first
    shell = CliRunner().invoke(
        app, ["shards", "write", str(run), "--out", str(tmp_path / "s"), "--tokenizer", str(folder)]
    )
    assert shell.exit_code == 0, shell.output
    record = manifest_of(tmp_path / "s").tokenizer
    assert record.vocab_size == 400 + 103
