"""Sets of pairs in runs: cycles and label noise as rules, figures in report and command, balance with what it costs."""

import json
from pathlib import Path
from typing import Any

import pytest
from gristmill import build, forget, preference_figures, reselect
from gristmill.console import Console
from gristmill.schemas.errors import RecipeError, RunError

QUIET = Console(quiet=True)
WORDS = ["mill", "river", "grain", "stone", "wheel", "flour", "bread", "oven", "water", "field", "harvest", "barn"]


def pair(number: int, chosen: int, rejected: int, **more: Any) -> dict[str, Any]:
    """Answers of so many words, the prompt named by `number`."""
    said = [" ".join(WORDS[(number + k) % 12] for k in range(length)) + "." for length in (chosen, rejected)]
    return {"prompt": f"Tell me of matter {number}?", "chosen": said[0], "rejected": said[1], **more}


def rows() -> list[dict[str, Any]]:
    """40 pairs, three of four with the longer answer chosen; a cycle of three answers, and one of two."""
    found = [pair(number, *((9, 5) if number % 4 else (5, 9))) for number in range(40)]
    circle = [("one mill", "two mills"), ("two mills", "three mills"), ("three mills", "One  mill")]
    found += [{"prompt": "How many?", "chosen": a, "rejected": b} for a, b in [*circle, ("one mill", "no mill")]]
    found += [{"prompt": "Which?", "chosen": a, "rejected": b} for a, b in (("this", "that"), ("that", "this"))]
    return found


def recipe(folder: Path, files: int = 1, **more: Any) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        mine = [row | {"id": str(n), "score_chosen": n % 5 + 1, "score_rejected": 0} for n, row in enumerate(rows())]
        (folder / f"{file}.jsonl").write_text("\n".join(map(json.dumps, mine[file::files][::-1])))
    source = {"name": "a", "path": str(folder), "columns": {"id": "id"}}
    return {"name": "pairs", "rows": "pair", "sources": [source], "preferences": {}, **more}


def failed(run: Any, rule: str) -> int:
    return sum(rule in row["failed_rules"] for row in run.table("decisions").to_arrow().to_pylist())


def test_cycles_are_a_rule_and_figures_are_told(tmp_path: Path) -> None:
    rules = [
        {"name": "in_a_cycle", "signal": "pair_in_cycle", "keep": "!= true"},
        {"name": "unlikely", "signal": "label_probability", "keep": ">= 0.0"},
        {"name": "refuses", "signal": "opens_with_refusal@chosen", "keep": "== false"},
        {"name": "truncated", "signal": "ends_mid_sentence@chosen", "keep": "!= true"},
    ]
    run = build(recipe(tmp_path / "in", policy={"rules": rules}), tmp_path / "run", console=QUIET)
    assert failed(run, "policy/in_a_cycle") == 5
    figures = {row["figure"]: row for row in preference_figures(run).rows()}
    assert figures["pairs"] == {"figure": "pairs", "all": 46, "kept": 41}
    assert figures["pairs in cycles"]["all"] == 5
    assert figures["pairs in cycles"]["kept"] == 0
    assert figures["longer answer chosen, of those that differ"]["kept"].startswith("0.756 (")
    assert figures["score margin, 50 %"]["all"] == "3"
    told = json.loads((tmp_path / "run/report.json").read_text())["steps"]["preferences"]["the set"]
    assert told == preference_figures(run).rows()
    assert "pairs in cycles" in str(preference_figures(run))


def test_what_is_found_does_not_depend_on_files(tmp_path: Path) -> None:
    found = []
    for files in (1, 3):
        run = build(recipe(tmp_path / f"in{files}", files), tmp_path / f"run{files}", console=QUIET, report=False)
        cycles, noise = (run.table(f"signals/{name}").to_arrow().to_pylist() for name in ("pair_cycles", "label_noise"))
        by_id = {row["doc_id"]: row for row in cycles}
        found.append(
            {row["doc_id"]: (by_id[row["doc_id"]]["pair_in_cycle"], row["label_probability"]) for row in noise}
        )
    assert found[0] == found[1]
    assert len(found[0]) == 46


def test_balance_says_what_it_costs(tmp_path: Path) -> None:
    balanced = {"balance": [{"by": "length"}]}
    run = build(recipe(tmp_path / "in", policy=balanced), tmp_path / "run", console=QUIET)
    figures = json.loads((tmp_path / "run/report.json").read_text())["steps"]["balance"]
    assert figures["1. length: before"] == 46
    dropped = figures["1. length: dropped"]
    assert dropped == failed(run, "balance/length") >= 20
    kept = {row["figure"]: row["kept"] for row in preference_figures(run).rows()}
    assert kept["longer answer chosen, of those that differ"].startswith("0.500 (")
    assert f"balance, 1. length: dropped: {dropped}" in str(preference_figures(run))
    margins = {"balance": [{"by": "score_margin", "edges": [2, 4], "max_rows": 4}, {"by": "length", "max_ratio": 2}]}
    other = reselect(run, margins, "margins", console=QUIET)
    assert failed(other, "balance/score_margin") == 46 - 12
    assert failed(other, "balance/length") == sum(facts["dropped"] for facts in other.decisions.facts["balance"][1:])
    everything = reselect(run, {}, "all", console=QUIET)
    assert sum(row["kept"] for row in everything.table("decisions").to_arrow().to_pylist()) == 46


def test_balance_comes_after_a_budget(tmp_path: Path) -> None:
    more = {
        "embed": {"view": "prompt", "dimension": 16},
        "select": {"budget": 30, "max_similarity": 1.0},
        "policy": {"balance": [{"by": "length"}]},
    }
    run = build(recipe(tmp_path / "in", **more), tmp_path / "run", console=QUIET, report=False)
    assert failed(run, "select/over_budget") + failed(run, "select/near_selected") == 16
    dropped = failed(run, "balance/length")
    assert dropped > 0
    assert sum(row["kept"] for row in run.table("decisions").to_arrow().to_pylist()) == 30 - dropped


def test_a_forgotten_pair_leaves_no_cycle_behind(tmp_path: Path) -> None:
    run = build(recipe(tmp_path / "in"), tmp_path / "run", console=QUIET, report=False)
    corpus = run.corpus.to_arrow().to_pylist()
    gone = next(row["doc_id"] for row in corpus if "this" in row["text"])
    forget(run, [gone], "record", console=QUIET)
    after = build(recipe(tmp_path / "in"), tmp_path / "run", console=QUIET, report=False)
    cycles = after.table("signals/pair_cycles").to_arrow().column("pair_in_cycle").to_pylist()
    assert (cycles.count(True), cycles.count(None)) == (3, 1)


def test_what_is_asked_of_rows_of_other_kinds(tmp_path: Path) -> None:
    chats = tmp_path / "chats.jsonl"
    chats.write_text(
        json.dumps({"messages": [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "A."}]})
    )
    base = {"name": "c", "rows": "conversation", "sources": [{"name": "a", "path": str(chats)}]}
    for more, message in (
        ({"preferences": {}}, "expected `rows: pair`"),
        ({"policy": {"balance": [{"by": "length"}]}}, "answers of a pair"),
        ({"policy": {"balance": [{"by": "response_characters"}]}}, "no edges are given"),
        ({"policy": {"balance": [{"by": "language", "edges": [1]}]}}, "edges are given"),
        ({"policy": {"rules": [{"name": "x", "signal": "pair_in_cycle", "keep": "!= true"}]}}, "under `preferences"),
    ):
        with pytest.raises(RecipeError, match=message):
            build({**base, **more}, tmp_path / "run", console=QUIET)
    run = build({**base, "policy": {"balance": [{"by": "language"}]}}, tmp_path / "run", console=QUIET, report=False)
    with pytest.raises(RunError, match="no signal of preference pairs"):
        preference_figures(run)
