"""A prompt whose own answer its checker refuses is dropped with that reason."""

from pathlib import Path
from typing import Any

from gristmill import build, explain
from gristmill.console import Console

from tests.builds import write_jsonl

QUIET = Console(quiet=True)


def prompt(answer: Any, checker: Any, **more: Any) -> dict[str, Any]:
    asked = [{"role": "user", "content": f"What is asked for, and answered with {answer}?"}]
    return {
        "prompt": asked,
        **({"answer": answer} if answer else {}),
        **({"checker": checker} if checker else {}),
        **more,
    }


ROWS = [
    (prompt("1,042", {"kind": "number"}), []),
    (prompt("no number at all", {"kind": "number"}), ["rl/self_test_failed"]),
    (prompt("7", {"kind": "number"}, solution="First 3, then 4. The answer is 8."), ["rl/self_test_failed"]),
    (prompt("", None), ["rl/no_checker"]),
    (prompt("13", {"kind": "numbers"}), ["rl/no_checker", "rl/self_test_failed"]),
    (prompt("14", {"kind": "number"}, pass_rate=0.25), []),
    (prompt("15", {"kind": "number"}, pass_rate=1.0), ["rl/always_solved"]),
    (prompt("16", {"kind": "number"}, pass_rate=0), ["rl/never_solved"]),
    (prompt("17", {"kind": "number"}, pass_rate="often"), []),
    (prompt("", {"kind": "yes_no"}), []),  # nothing to test
]


def test_prompts_are_judged_by_their_own_answers(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [row for row, _ in ROWS])
    source = {"name": "rows", "path": str(tmp_path / "rows.jsonl")}
    recipe = {"name": "t", "rows": "prompt", "sources": [source], "policy": {"profiles": ["rl"]}}
    run = build({**recipe, "dedup": {"exact": None}}, tmp_path / "run", console=QUIET)
    found = {row["doc_id"]: row["failed_rules"] for row in run.table("decisions")}
    ids = [row["doc_id"] for row in run.table("documents")]
    assert [found[name] for name in ids] == [wanted for _, wanted in ROWS]
    signals = {row["doc_id"]: row for row in run.table("signals/answer_self_test")}
    assert signals[ids[0]]["checker_kind"] == "number"
    assert signals[ids[-1]]["self_test_passed"] is None
    assert "numbers" in str(explain(run, ids[4]))
