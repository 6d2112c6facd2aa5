"""One recipe over eight published sources: the same rows on every engine and after kill -9, shares, the way back."""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.engine.session import Engine
from gristmill.training.inspect.trace import TrainingRun
from gristmill.training.run.train import train
from typer.testing import CliRunner

from tests.builds import build_process, datasets, digests, table
from tests.pipelines.run.test_resume import kill_when, start
from tests.pipelines.shards.made_tokenizers import KINDS
from tests.pipelines.sources.made_dumps import SHARES, recipe_of, write_dumps
from tests.training.training_runs import BATCH, tiny

QUIET = Console(quiet=True)
COUNT = 200
LAYOUT_ONLY = {"mix/weights"}  # what of each part is counted; the sums are what the mix is made of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dumps, their recipe as a file, and a run of it on the default engine, with token shards."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "tokenizer.json").write_text(KINDS["gpt2"](), encoding="utf-8")
    recipe = recipe_of(write_dumps(folder / "dumps", COUNT))
    recipe["shards"] = {"tokenizer": str(folder / "tokenizer.json"), "eos": "<|endoftext|>"}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    build(folder / "recipe.yaml", folder / "run", console=QUIET, report=False)
    return folder


def compared(out: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(out).items() if name not in LAYOUT_ONLY and "shards" not in name}


def shard_bytes(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "shards" / "train").iterdir())}


@pytest.mark.slow
def test_every_source_is_read_and_cleaned_and_balances(folder: Path) -> None:
    documents = datasets(folder / "run")["documents"]
    per_source = Counter(table(folder / "run", "documents").column("source").to_pylist())
    assert per_source == {name: COUNT + (name == "code") * 4 for name in SHARES}  # each of four archives has a licence
    assert documents.facts["records_framed"] == documents.rows + 2 * COUNT + 2 * COUNT  # answers, comments
    texts = {row["source"]: row["text"] for row in table(folder / "run", "corpus").to_pylist()}
    assert set(texts) == set(SHARES)
    assert all("GUTENBERG" not in text and "<p>" not in text and "\\section" not in text for text in texts.values())


@pytest.mark.slow
def test_spark_and_other_partitions_give_the_same_rows(folder: Path, tmp_path: Path) -> None:
    other = build(folder / "recipe.yaml", tmp_path, console=QUIET, report=False, engine=Engine("spark", partitions=3))
    assert compared(Path(other.storage.root)) == compared(folder / "run")
    assert shard_bytes(tmp_path) == shard_bytes(folder / "run")


@pytest.mark.slow
@pytest.mark.parametrize("units", [12, 100])
def test_resumed_after_kill(folder: Path, tmp_path: Path, units: int) -> None:
    kill_when(start(folder / "recipe.yaml", tmp_path / "run"), tmp_path / "run", units)
    assert not (tmp_path / "run" / "shards" / "manifest.json").exists()
    done = build_process(folder / "recipe.yaml", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert compared(tmp_path / "run") == compared(folder / "run")
    assert shard_bytes(tmp_path / "run") == shard_bytes(folder / "run")


@pytest.mark.slow
def test_shares_are_within_half_a_point(folder: Path) -> None:
    used: Counter[str] = Counter()
    for row in table(folder / "run", "mixed").to_pylist():
        used[row["source"]] += row["copies"] * row["tokens"]
    assert dict(used) == datasets(folder / "run")["mixed"].facts["drawn"]
    for name, share in SHARES.items():
        assert used[name] / used.total() == pytest.approx(share, abs=0.005)


@pytest.mark.slow
def test_trained_tokens_lead_back_to_their_place(folder: Path, tmp_path: Path) -> None:
    train(tiny(folder / "run" / "shards", steps=12, stream={"window": 256}), tmp_path / "training")
    rows = {row["doc_id"]: row for row in table(folder / "run", "corpus").to_pylist()}
    run = TrainingRun(tmp_path / "training")
    seen = {span.source for step in range(1, 13) for row in run.rows(step) for span in row.documents}
    assert seen == set(SHARES)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SHARES}
    for step, number in itertools.product(range(1, 13), range(BATCH)):
        arguments = ["trace", str(tmp_path / "training"), "--step", str(step), "--row", str(number)]
        shown = CliRunner().invoke(app, [*arguments, "--json"])
        assert shown.exit_code == 0, shown.output
        for line in map(json.loads, shown.stdout.splitlines()):
            assert rows[line["doc_id"]]["source"] == line["source"]
            found[line["source"]] += line["places"]
            token = CliRunner().invoke(app, [*arguments, "--token", str(line["start"]), "--json"])
            (one,) = map(json.loads, token.stdout.splitlines())
            text = rows[line["doc_id"]]["text"]
            assert one["before"] + one["text"] + one["after"] in text
            assert [place.get("section") for place in one["places"]] == [line["places"][0].get("section")]
    urls = {name: {place.get("url") for place in places} for name, places in found.items()}
    sections = {
        name: {section for place in places for section in place.get("section", ())} for name, places in found.items()
    }
    assert any("#Dressing" in url for url in urls["wikipedia"])
    assert any("/a/" in url for url in urls["stackexchange"])
    assert sections["papers"] == {"Stones", "Sails"}
    assert "Results" in sections["articles"]
    assert {name.lower() for name in sections["books"]} == {"chapter 1", "chapter 2", "chapter 3"}
    assert all(place["file"].startswith("mills/part") and place["line"] for place in found["code"])
