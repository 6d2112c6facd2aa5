"""Contradictions: pairs of near-identical prompts with answers of one kind that differ, and no other pairs."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from gristmill import build, explain
from gristmill.console import Console
from gristmill.pipelines.select.contradictions import MAX_PAIRS, contradictions


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
