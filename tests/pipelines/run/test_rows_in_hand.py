"""Rows of a run, results as tables, and strings without a recipe."""

import random
from pathlib import Path
from typing import Any

import gristmill
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill import InputError, RecipeError, RunError
from gristmill.console import Console
from gristmill.filters.dedup.shingles import Shingling, shingles_plainly

QUIET = Console(quiet=True)
TEXTS = [
    "The mill turns when the river is high, and all the grain of the valley is ground there before winter.",
    "The mill turns when the river is high, and all the grain of the valley is ground there before winter!",
    "Nobody could say what would become of the garden.",
    "",
    None,
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "in").mkdir()
    for number in range(6):
        (folder / f"in/{number}.txt").write_text(f"{TEXTS[0]} This is number {number}. " * (1 + number % 3))
    rule = {"name": "few_words", "signal": "word_count", "keep": ">= 30"}
    recipe = {
        "name": "rows",
        "sources": [{"name": "texts", "path": str(folder / "in")}],
        "signals": {"gopher_quality": {}},
        "policy": {"rules": [rule]},
    }
    return gristmill.build(recipe, folder / "run", console=QUIET, report=False)


def test_rows_of_a_run(run: Any) -> None:
    rows = list(run.corpus)
    assert len(rows) == len(run.corpus) == run.corpus.to_arrow().num_rows == len(run.corpus.to_pandas())
    assert rows == run.corpus.to_dataset().to_list() == run.corpus.to_arrow().to_pylist()
    assert run.table("decisions").to_arrow(["kept"]).column_names == ["kept"]
    assert sum(batch.num_rows for batch in run.table("documents").batches(["doc_id"])) == 6
    assert "word_count" in run.table("signals/gopher_quality").to_pandas().columns
    with pytest.raises(RunError, match="did you mean 'signals/gopher_quality'"):
        run.table("signals/gopher_qualty")


def test_results_are_tables(run: Any) -> None:
    loose = gristmill.reselect(run, {"min_text_bytes": 1}, "loose", console=QUIET)
    changes = gristmill.diff(run, loose)
    kept = sum(row["kept"] for row in loose.table("decisions"))
    assert changes.to_arrow().column_names == ["change", "by", "name", "documents", "tokens"]
    assert changes.to_pandas().query("by == 'source'").documents.sum() == kept - len(run.corpus)
    dropped = next(row["doc_id"] for row in run.table("decisions") if not row["kept"])
    rules = gristmill.explain(run, dropped).to_arrow().to_pylist()
    assert next(row for row in rules if row["rule"] == "policy/few_words")["failed"]
    estimated = gristmill.estimate(run.recipe, 1.0, console=QUIET).to_arrow().to_pylist()
    assert estimated[0]["documents"] == 6


def test_signals_of_strings(run: Any) -> None:
    measured = gristmill.measure(TEXTS, ["gopher_quality", "gopher_repetition"])
    assert measured.num_rows == len(TEXTS)
    assert measured.column("word_count").to_pylist() == [20, 20, 9, 0, None]
    stored = run.table("signals/gopher_quality").to_arrow().sort_by("doc_id")
    texts = run.table("documents").to_arrow(["doc_id", "text"]).sort_by("doc_id").column("text").to_pylist()
    again = gristmill.measure(texts, {"gopher_quality": {}})
    assert again.to_pylist() == stored.select(again.column_names).to_pylist()
    assert gristmill.measure([], ["gopher_quality"]).num_rows == 0
    with pytest.raises(RecipeError, match="did you mean 'gopher_quality'"):
        gristmill.measure(TEXTS, ["gopher_qualty"])
    with pytest.raises(RecipeError, match="reads url"):
        gristmill.measure(TEXTS, ["url_rules"])
    with pytest.raises(InputError, match="found one string"):
        gristmill.measure("one string", ["gopher_quality"])
    with pytest.raises(InputError, match="strings"):
        gristmill.measure([1, "two"], ["gopher_quality"])  # type: ignore[list-item]


def test_near_duplicates_of_strings() -> None:
    found = gristmill.near_duplicates(TEXTS, similarity=0.7, shingle={"words": 3})
    assert found.column("survivor").to_pylist() == [0, 0, 2, 3, 4]
    assert found.column("kept").to_pylist() == [True, False, True, True, True]
    one, other = (set(shingles_plainly(str(text), Shingling(words=3))) for text in TEXTS[:2])
    assert found.column("similarity")[1].as_py() >= len(one & other) / len(one | other)
    copies = [f"{TEXTS[0]} word{number}" for number in range(200)]
    assert sum(gristmill.near_duplicates(copies).column("kept").to_pylist()) == 1
    assert gristmill.near_duplicates([]).num_rows == 0
    assert isinstance(found, pa.Table)
    for option in ({"link": "component"}, {"verify": "signature"}, {"recal": 0.9}):  # what it does not do is refused
        with pytest.raises(RecipeError, match="option of near_duplicates"):
            gristmill.near_duplicates(TEXTS, **option)


def test_near_duplicates_are_those_of_a_build(tmp_path: Path) -> None:
    """The same texts as documents, of which the oldest survives: the same ones are kept."""
    dice = random.Random(3)
    words = [f"word{number}" for number in range(400)]
    texts = [" ".join(dice.choices(words, k=60)) for _ in range(60)]
    for number in range(140):
        changed = texts[dice.randrange(60)].split()
        for _ in range(number % 5):
            changed[dice.randrange(60)] = dice.choice(words)
        texts.append(" ".join(changed))
    days = [f"2020-01-01T{n // 60:02}:{n % 60:02}:00Z" for n in range(len(texts))]
    table = {"id": [f"{n:04}" for n in range(len(texts))], "text": texts, "when": days}
    pq.write_table(pa.table(table), tmp_path / "in.parquet")
    near = {"similarity": 0.7, "shingle": {"words": 3}, "survivor": ["oldest"]}
    source = {"name": "in", "path": str(tmp_path / "in.parquet"), "columns": {"id": "id", "timestamp": "when"}}
    recipe = {"name": "near", "sources": [source], "dedup": {"exact": None, "near": near}}
    run = gristmill.build(recipe, tmp_path / "run", console=QUIET, report=False)
    found = gristmill.near_duplicates(texts, similarity=0.7, shingle={"words": 3}).to_pylist()
    kept = {texts[row["row"]] for row in found if row["kept"]}
    assert kept == {row["text"] for row in run.corpus}
    assert 60 < len(kept) < 120


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no finished run here"):
        gristmill.open_run(tmp_path)
