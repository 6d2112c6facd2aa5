"""Scores of other files: joined by id, null and counted where missing; in rules, selections, reports and stage keys."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill import build, reselect
from gristmill.console import Console
from gristmill.pipelines.measure.score_files import score_table
from gristmill.pipelines.policy.score_expression import parse_score
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.recipe.scores import ScoreColumn

QUIET = Console(quiet=True)


def rows(folder: Path, count: int = 8) -> dict[str, Any]:
    """A recipe over conversations whose records have ids of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    records = [
        {
            "id": f"row-{number}",
            "messages": [
                {"role": "user", "content": f"What is mill number {number}?"},
                {"role": "assistant", "content": f"It is the mill with {number} wheels, by the river."},
            ],
        }
        for number in range(count)
    ]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, records)))
    source = {"name": "mills", "path": str(folder / "rows.jsonl"), "columns": {"id": "id"}}
    return {"name": "scored", "rows": "conversation", "sources": [source]}


def ids(run: Any) -> list[str]:
    return [row["doc_id"] for row in run.table("decisions").to_arrow().to_pylist()]


def write(path: Path, found: list[dict[str, Any]]) -> str:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(found), path)
    else:
        data = "\n".join(map(json.dumps, found)).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


@pytest.mark.parametrize("name", ["scores.parquet", "scores.jsonl", "scores.jsonl.gz"])
def test_scores_are_signals_of_rules_and_the_report(tmp_path: Path, name: str) -> None:
    recipe = rows(tmp_path / "in")
    known = ids(build(recipe, tmp_path / "run", console=QUIET, report=False))
    found = [{"doc_id": doc_id, "ifd": number / 10} for number, doc_id in enumerate(known[:6])]
    found += [{"doc_id": "f" * 32, "ifd": 0.5}, {"doc_id": known[6], "ifd": None}]
    path = write(tmp_path / name, found)
    rules = [{"name": "easy", "signal": "scored_ifd", "keep": ">= 0.25"}]
    run = build({**recipe, "scores": {"ifd": path}, "policy": {"rules": rules}}, tmp_path / "run", console=QUIET)
    values = dict(zip(known, run.table("signals/scored_ifd").to_arrow().column("scored_ifd").to_pylist(), strict=True))
    assert [values[doc_id] for doc_id in known] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, None, None]
    failed = [row["doc_id"] for row in run.table("decisions").to_arrow().to_pylist() if not row["kept"]]
    assert failed == known[:3]
    (told,) = json.loads((tmp_path / "run/report.json").read_text())["steps"]["scores"]["scores"]
    assert told == {
        "signal": "scored_ifd",
        "column": "ifd",
        "rows with a value": 6,
        "rows without": 2,
        "scores of no row": 1,
        "no finite number": 0,
    }
    harder = reselect(run, {"rules": [{**rules[0], "keep": ">= 0.45"}]}, "harder", console=QUIET)
    assert sum(row["kept"] for row in harder.table("decisions").to_arrow().to_pylist()) == 3


def test_changed_scores_are_joined_again_and_moved_ones_are_not(tmp_path: Path) -> None:
    recipe = rows(tmp_path / "in")
    known = ids(build(recipe, tmp_path / "run", console=QUIET, report=False))
    keys = []
    for folder, value, order in (("a", 1.0, 1), ("b", 1.0, -1), ("b", 2.0, 1)):
        (tmp_path / folder).mkdir(exist_ok=True)
        found = [{"doc_id": doc_id, "judge": value} for doc_id in known][::order]
        path = write(tmp_path / folder / "x.jsonl", found)
        scores = {"judge": {"path": path}}
        run = build({**recipe, "scores": scores}, tmp_path / "run", console=QUIET, report=False)
        keys.append(run.dataset("signals/scored_judge").stage_key)
    assert keys[0] == keys[1] != keys[2]


def test_ids_of_the_source(tmp_path: Path) -> None:
    recipe = rows(tmp_path / "in")
    found = [{"my_id": f"row-{number}", "quality": str(number)} for number in range(8)]
    path = write(tmp_path / "x.jsonl", found)
    scores = {"q": {"path": path, "column": "quality", "id": "my_id", "source": "mills"}}
    run = build({**recipe, "scores": scores}, tmp_path / "run", console=QUIET, report=False)
    signal = run.table("signals/scored_q").to_arrow().column("scored_q").to_pylist()
    texts = run.table("documents").to_arrow().column("text").to_pylist()
    assert all(f"mill with {value:.0f} wheels" in text for value, text in zip(signal, texts, strict=True))


def test_a_selection_walks_by_a_product_of_scores(tmp_path: Path) -> None:
    """DEITA's order: complexity times quality, rows without one of them last."""
    recipe = rows(tmp_path / "in")
    known = ids(build(recipe, tmp_path / "run", console=QUIET, report=False))
    complexity, quality = [3, 1, 2, 5, 1, 4, 2, 9], [1, 6, 2, 2, 1, 1, None, 1]
    found = [
        {"doc_id": doc_id, "complexity": a, "quality": b}
        for doc_id, a, b in zip(known, complexity, quality, strict=True)
    ]
    path = write(tmp_path / "x.parquet", found)
    more = {
        "scores": {"complexity": path, "quality": path},
        "embed": {"view": "prompt", "dimension": 16},
        "select": {"budget": 3, "max_similarity": 1.0, "by": "scored_complexity * scored_quality"},
    }
    run = build({**recipe, **more}, tmp_path / "run", console=QUIET, report=False)
    ranks = {row["doc_id"]: row["rank"] for row in run.table("decisions/choices").to_arrow().to_pylist()}
    products = [a * b if b else -1 for a, b in zip(complexity, quality, strict=True)]
    best = sorted(range(8), key=lambda row: -products[row])
    assert {ranks[known[row]] for row in best[:3]} == {0, 1, 2}
    assert ranks[known[3]] == 0
    assert ranks[known[6]] == 7
    kept = {row["doc_id"] for row in run.table("decisions").to_arrow().to_pylist() if row["kept"]}
    assert kept == {known[row] for row in best[:3]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"doc_id": "a" * 32, "x": 1}, {"doc_id": "a" * 32, "x": 2}], "stands twice, with 1 and 2"),
        ([{"doc_id": "a" * 32, "y": 1}], "has no column 'x'"),
        ([{"id": "a" * 32, "x": 1}], "has no column 'doc_id'"),
        ([{"doc_id": "row-1", "x": 1}], "none of 1 ids"),
        ([], "none of 0 ids"),
    ],
)
def test_scores_that_cannot_be_joined(tmp_path: Path, lines: list[dict[str, Any]], message: str) -> None:
    path = write(tmp_path / "x.jsonl", lines)
    with pytest.raises(InputError, match=message):
        score_table(ScoreColumn(path=path), "x")


def test_values_that_are_no_numbers_are_null_and_counted(tmp_path: Path) -> None:
    given = [1, 2.5, True, "3", "N/A", None, float("nan"), float("inf"), [1]]
    lines = [{"doc_id": f"{number:032x}", "x": value} for number, value in enumerate(given)]
    lines += [{"doc_id": f"{0:032x}", "x": 1}, {"doc_id": None, "x": 1}, {"x": 4}]
    table = score_table(ScoreColumn(path=write(tmp_path / "x.jsonl", lines)), "x")
    assert table.values.to_pylist() == [1.0, 2.5, 1.0, 3.0, None, None, None, None, None]
    assert (table.not_numbers, table.foreign) == (4, 2)


def test_ids_that_agree_in_64_bits_are_told_apart(tmp_path: Path) -> None:
    same = "0123456789abcdef"
    names = [f"{same}{number:016x}" for number in (5, 1, 3)]
    table = score_table(
        ScoreColumn(path=write(tmp_path / "x.jsonl", [{"doc_id": n, "x": k} for k, n in enumerate(names)])), "x"
    )
    asked = pa.array([*names, f"{same}{4:016x}", "f" * 32], pa.large_string())
    places = table.find(asked)
    assert table.values.take(pa.array(places[:3])).to_pylist() == [0.0, 1.0, 2.0]
    assert places[3:].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"policy": {"rules": [{"name": "x", "signal": "scored_other", "keep": "> 1"}]}}, "expected it under `scores`"),
        ({"scores": {"x": {"path": "x.jsonl", "source": "mill"}}}, "did you mean 'mills'"),
        ({"scores": {"Bad name": "x.jsonl"}}, "Bad name"),
        ({"scores": {"x": "nowhere.jsonl"}}, "no scores at nowhere.jsonl"),
        ({"scores": {"x": "s3://a/b.parquet"}}, "a URL"),
    ],
)
def test_recipes_whose_scores_are_wrong(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises((RecipeError, InputError), match=message):
        build({**rows(tmp_path / "in"), **more}, tmp_path / "run", console=QUIET)
    assert not (tmp_path / "run").exists()


def test_score_expressions() -> None:
    columns = {"a": np.array([1.0, 2.0, np.nan]), "b@response+clean": np.array([4.0, 0.0, 1.0])}
    for text, wanted in {
        "a": [1, 2, None],
        "a * b@response+clean": [4, 0, None],
        "a / b@response+clean": [0.25, None, None],
        "a - 2 * b@response+clean": [-7, 2, None],
        "(a - 2) * b@response+clean": [-4, 0, None],
        "1 - (a / 4 / 2)": [0.875, 0.75, None],
    }.items():
        found = parse_score(text).evaluate(columns.__getitem__)
        assert [None if np.isnan(value) else value for value in found.tolist()] == wanted, text
    for text in ("", "a *", "a b", "(a", "a)", "3", "a ** b", "a*b", "__import__('os')", "* a", "-a"):
        with pytest.raises(RecipeError):
            parse_score(text)


def test_prompts_that_a_model_solves_sometimes_and_a_share_for_each_skill(tmp_path: Path) -> None:
    """Pass rates from `gristmill score`, and skills balanced: here by the kind of checker."""
    kinds = ["number"] * 12 + ["choice"] * 6 + ["yes_no"] * 6
    records = [
        {"id": f"p-{n}", "prompt": [{"role": "user", "content": f"Q {n}?"}], "answer": "1", "checker": {"kind": kind}}
        for n, kind in enumerate(kinds)
    ]
    source = {"name": "p", "path": write(tmp_path / "rows.jsonl", records), "columns": {"id": "id"}}
    rates = [{"my_id": f"p-{n}", "pass_rate": n % 4 / 3} for n in range(24)]
    path = write(tmp_path / "rates.jsonl", rates)
    rules = [{"name": "never", "signal": "scored_pass_rate", "keep": "> 0"}]
    rules += [{"name": "always", "signal": "scored_pass_rate", "keep": "< 1"}]
    recipe = {
        "name": "prompts",
        "rows": "prompt",
        "sources": [source],
        "signals": ["answer_self_test"],
        "scores": {"pass_rate": {"path": path, "id": "my_id", "source": "p"}},
        "policy": {"rules": rules, "balance": [{"by": "checker_kind"}]},
    }
    run = build(recipe, tmp_path / "run", console=QUIET, report=False)
    failed = [rule for row in run.table("decisions").to_arrow().to_pylist() for rule in row["failed_rules"]]
    assert (failed.count("policy/never"), failed.count("policy/always")) == (6, 6)
    assert failed.count("balance/checker_kind") == 3
    skills = [json.loads(row["fields"])["checker"]["kind"] for row in run.corpus.to_arrow().to_pylist()]
    assert sorted(skills) == ["choice"] * 3 + ["number"] * 3 + ["yes_no"] * 3
