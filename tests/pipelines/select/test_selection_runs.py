"""Selection in a run: named rules, explained, decided again under another budget, the same however rows are stored."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gristmill import build, explain, forget, reselect
from gristmill.console import Console
from gristmill.schemas.errors import RecipeError

QUIET = Console(quiet=True)
TOPICS = {
    "bread": "flour oven yeast dough crust loaf knead proof",
    "boats": "wind mast rope harbour anchor tide deck sail",
    "clocks": "spring gear pendulum hand chime weight dial wind",
}


def conversations() -> list[dict[str, Any]]:
    """Three topics of twelve prompts; one prompt is asked again with an answer of its own, one has no prompt at all."""
    rows = []
    for topic, words in TOPICS.items():
        names = words.split()
        for number in range(12):
            asked = " ".join(names[(number * (k + 1) + k) % 8] for k in range(5))
            answer = f"Of {topic}: " + " ".join(names[(number + k) % 8] for k in range(3 + number)) + "."
            rows.append([("user", f"What of {topic} {number}: {asked}?"), ("assistant", answer)])
    rows.append(
        [rows[0][0], ("assistant", "Another answer, and a longer one, of bread and of the oven it is baked in.")]
    )
    rows.append([("assistant", "An answer to nothing.")])
    return [{"messages": [{"role": role, "content": content} for role, content in turns]} for turns in rows]


def recipe(folder: Path, files: int = 1, **more: Any) -> dict[str, Any]:
    """A recipe over the conversations, in files that have them in another order."""
    rows = conversations()
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        mine = [row | {"id": f"row-{place}"} for place, row in enumerate(rows) if place % files == number]
        (folder / f"{number}.jsonl").write_text("\n".join(json.dumps(row) for row in reversed(mine)))
    source = {"name": "a", "path": str(folder)}
    return {
        "name": "chosen",
        "rows": "conversation",
        "sources": [source],
        "embed": {"view": "prompt", "dimension": 64},
        **more,
    }


def failed(run: Any) -> Counter:
    return Counter(rule for row in run.table("decisions").to_arrow().to_pylist() for rule in row["failed_rules"])


SELECT = {"budget": 10, "by": "response_characters", "max_similarity": 0.9}


def test_what_is_not_chosen_fails_a_named_rule(tmp_path: Path) -> None:
    run = build(
        recipe(tmp_path / "in", select=SELECT, dedup={"semantic": {"min_similarity": 0.97}}),
        tmp_path / "run",
        console=QUIET,
    )
    rules = failed(run)
    assert rules["duplicate/semantic"] == 1
    assert rules["select/no_vector"] == 1
    assert rules["select/over_budget"] == 38 - 2 - 10 - rules["select/near_selected"]
    assert (
        sum(row["kept"] for row in run.table("decisions").to_arrow().to_pylist())
        == 10
        == run.corpus.to_arrow().num_rows
    )
    (copy,) = (
        row for row in run.table("decisions").to_arrow().to_pylist() if "duplicate/semantic" in row["failed_rules"]
    )
    assert copy["similarity"] == pytest.approx(1.0)
    told = str(explain(run, copy["doc_id"]))
    assert f"duplicate of {copy['duplicate_of']}" in told
    assert "too similar to" in told
    figures = json.loads((tmp_path / "run/report.json").read_text())["steps"]["select"]
    assert figures["selected"] == 10
    assert sum(topic["rows after"] for topic in figures["topics"]) == 10

    more = reselect(run, {"select": {"budget": 5, "method": "clusters"}}, "five", console=QUIET)
    assert failed(more)["select/over_budget"] == 31
    everything = reselect(run, {"select": {"budget": 1.0, "max_similarity": 1.0}}, "all", console=QUIET)
    assert failed(everything) == {"duplicate/semantic": 1, "select/no_vector": 1}


def test_files_and_their_order_do_not_show(tmp_path: Path) -> None:
    """As do engines, in whose tasks vectors are made: the choice itself is made in one place."""
    digests = set()
    for files in (1, 3):
        made = recipe(tmp_path / f"in{files}", files, select=SELECT, dedup={"semantic": {"min_similarity": 0.97}})
        run = build(made, tmp_path / f"run{files}", console=QUIET, report=False)
        kept = [row["text"] for row in run.corpus.to_arrow().to_pylist()]
        digests.add((tuple(sorted(kept)), run.summary["digests"]["embeddings/vectors"] if files == 0 else ""))
    assert len(digests) == 1


def test_vectors_of_forgotten_rows_go(tmp_path: Path) -> None:
    run = build(recipe(tmp_path / "in", select=SELECT), tmp_path / "run", console=QUIET, report=False)
    gone = run.corpus.to_arrow().column("doc_id")[0].as_py()
    forget(run, [gone], "record", console=QUIET)
    after = build(recipe(tmp_path / "in", select=SELECT), tmp_path / "run", console=QUIET, report=False)
    vectors = {row["doc_id"]: row["vector"] for row in after.table("embeddings/vectors").to_arrow().to_pylist()}
    assert vectors[gone] is None
    assert sum(vector is None for vector in vectors.values()) == 2
    assert after.corpus.to_arrow().num_rows == 10
    assert gone not in after.corpus.to_arrow().column("doc_id").to_pylist()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"embed": None, "select": {"budget": 3}}, "expected `embed:`"),
        ({"embed": {"view": "answer"}}, "text version `answer` is unknown"),
        ({"embed": {"model": "/nowhere/at/all"}}, "no model at"),
        ({"select": {"budget": 1.5}}, "a fraction up to 1.0"),
        ({"select": {"budget": 3, "by": "language"}}, "expected a numeric signal"),
        ({"select": {"budget": 3, "by": "respons_characters"}}, "did you mean"),
    ],
)
def test_a_recipe_that_cannot_be_is_told_before_it_starts(tmp_path: Path, more: dict, message: str) -> None:
    made = {key: value for key, value in (recipe(tmp_path / "in") | more).items() if value is not None}
    with pytest.raises(Exception, match=message) as caught:
        build(made, tmp_path / "run", console=QUIET)
    assert not isinstance(caught.value, AssertionError)
    assert not (tmp_path / "run").exists()


def test_a_policy_that_selects_needs_vectors(tmp_path: Path) -> None:
    made = recipe(tmp_path / "in")
    del made["embed"]
    run = build(made, tmp_path / "run", console=QUIET, report=False)
    with pytest.raises(RecipeError, match="this run has none"):
        reselect(run, {"select": {"budget": 3}}, "three", console=QUIET)
