"""Contradictions: pairs of near-identical prompts with answers of one kind that differ, and no other pairs."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from gristmill import build, explain, reselect
from gristmill.console import Console
from gristmill.pipelines.select.contradictions import MAX_PAIRS, contradictions, standing


def found(answers: list[str], angles: list[float], least: float = 0.95) -> list[tuple[str, str, str]]:
    vectors = np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)
    ids = pa.array([f"{number:04}" for number in range(len(answers))], pa.large_string())
    rows = contradictions(ids, pa.array(answers, pa.large_string()), vectors, least).to_pylist()
    return [(row["doc_id"], row["other_doc_id"], row["kind"]) for row in rows]


def test_only_answers_of_one_kind_that_differ() -> None:
    assert found(["number 4", "number 5", "option A", "yes", "no", "number 4"], [0.0] * 6) == [
        ("0000", "0001", "number"),
        ("0001", "0005", "number"),
        ("0003", "0004", "yes or no"),
    ]


def test_prompts_must_be_near() -> None:
    assert found(["yes", "no"], [0.0, 1.0]) == []
    assert found(["yes", "no"], [0.0, 0.1]) == [("0000", "0001", "yes or no")]
    assert found([], []) == []


def test_a_prompt_asked_often_has_a_bounded_number_of_pairs() -> None:
    pairs = found(["yes", "no"] * 500, [0.0] * 1000)
    assert MAX_PAIRS <= len(pairs) < 2 * MAX_PAIRS


def test_in_a_run(tmp_path: Path) -> None:
    def row(prompt: str, answer: str) -> dict:
        return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}

    asked = "How many stones has the mill of the valley by the river in all?"
    rows = [row(asked, "#### 7"), row(asked.lower(), "The answer is 8."), row("Is it cold in winter?", "Yes.")]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe = {
        "name": "told",
        "rows": "conversation",
        "sources": [{"name": "a", "path": str(tmp_path / "in.jsonl")}],
        "embed": {"view": "prompt", "dimension": 64},
        "contradictions": {},
    }
    run = build(recipe, tmp_path / "run", console=Console(quiet=True))
    (pair,) = run.table("contradictions").to_arrow().to_pylist()
    assert {pair["answer"], pair["other_answer"]} == {"number 7", "number 8"}
    assert "to a prompt of similarity 1.0000" in str(explain(run, pair["doc_id"]))
    figures = json.loads((tmp_path / "run/report.json").read_text())["steps"]["contradictions"]
    assert figures["pairs that contradict"] == 1


def test_drop_both_or_keep_the_majority(tmp_path: Path) -> None:
    """Three say 7, one 8; one yes, one no; what nothing contradicts, or has no final answer, stays."""

    def row(prompt: str, answer: str) -> dict:
        return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}

    asked = "How many stones has the mill of the valley by the river in all?"
    rows = [row(asked, f"#### {number}") for number in (7, 7, 7, 8)]
    rows += [row("Is it cold in the mountains in winter?", answer) for answer in ("Yes.", "No.")]
    rows += [
        row("Name the capital of the country with the longest coast.", "It lies inland, by a lake."),
        row(asked, "Many."),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe = {
        "name": "told",
        "rows": "conversation",
        "sources": [{"name": "a", "path": str(tmp_path / "in.jsonl")}],
        "embed": {"view": "prompt", "dimension": 64},
        "contradictions": {},
        "dedup": {"exact": None},
        "policy": {"rules": [{"name": "contradicted", "signal": "contradiction_count", "keep": "<= 0"}]},
    }
    run = build(recipe, tmp_path / "run", console=Console(quiet=True), report=False)
    measured = run.table("signals/contradictions").to_arrow().to_pylist()
    assert [row["contradiction_count"] for row in measured] == [1, 1, 1, 3, 1, 1, None, None]
    assert [row["contradicts_majority"] for row in measured] == [False] * 3 + [True] * 3 + [None, None]
    assert [row["kept"] for row in run.table("decisions").to_arrow().to_pylist()] == [False] * 6 + [True] * 2
    majority = {"rules": [{"name": "minority", "signal": "contradicts_majority", "keep": "!= true"}]}
    kept = reselect(run, majority, "majority", console=Console(quiet=True)).table("decisions").to_arrow().to_pylist()
    assert [row["kept"] for row in kept] == [True] * 3 + [False] * 3 + [True] * 2


def test_every_row_of_a_prompt_asked_often_is_counted() -> None:
    said = ["yes"] * 600 + ["no"] * 400
    found = standing(said, [list(range(1000))], np.arange(1000)[::-1])
    assert found.counts.to_pylist() == [600] * 400 + [400] * 600
    assert found.minority.to_pylist() == [True] * 400 + [False] * 600
