"""Exports: what trl and datasets take, the same rows back, and splits that no prompt straddles."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from gristmill import build, export_rows
from gristmill.console import Console
from gristmill.schemas.errors import InputError, RecipeError

from tests.builds import write_jsonl

QUIET = Console(quiet=True)
NO_COPIES: dict[str, Any] = {"dedup": {"exact": None}}


def talk(number: int, answer: str) -> dict[str, Any]:
    """Prompts that differ in case and marks only, by twos."""
    asked = f"What is {number // 2} plus one" + ("?" if number % 2 else " ...")
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": number // 2}}}
    return {
        "messages": [
            {"role": "user", "content": asked if number % 2 else asked.upper()},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": str(number // 2 + 1), "name": "add"},
            {"role": "assistant", "content": answer},
        ],
        "tools": [{"type": "function", "function": {"name": "add"}}],
        "lang": "en",
    }


def run_of(folder: Path, rows: list[dict[str, Any]], **recipe: Any) -> Any:
    write_jsonl(folder / "rows.jsonl", rows)
    source = {"name": "rows", "path": str(folder / "rows.jsonl")}
    chosen = {"name": "t", "rows": "conversation", **NO_COPIES, **recipe, "sources": [source]}
    return build(chosen, folder / "run", console=QUIET)


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run_of(tmp_path_factory.mktemp("talks"), [talk(n, f"It is the {n}th answer.") for n in range(60)])


def test_datasets_loads_what_is_exported(talks: Any, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    exported = export_rows(talks, tmp_path / "out", validation_fraction=0.3, fields=True, console=QUIET)
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == dict(exported.rows)
    assert sum(exported.rows.values()) == 60
    row = loaded["train"][0]
    number = int(row["messages"][2]["content"]) - 1
    assert row["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"a": number}
    assert row["messages"][1]["content"] is None
    assert json.loads(row["tools"]) == talk(0, "")["tools"]
    assert json.loads(row["fields"]) == {"lang": "en"}
    prompts = [
        {str(entry["messages"][0]["content"]).lower().rstrip("?. ") for entry in rows} for rows in loaded.values()
    ]
    assert not prompts[0] & prompts[1]
    assert all(len(split) > 3 for split in prompts)


def test_json_lines_hold_the_records(talks: Any, tmp_path: Path) -> None:
    export_rows(talks, tmp_path / "out", format="jsonl", console=QUIET)
    (file,) = (tmp_path / "out").iterdir()
    rows = [json.loads(line) for line in file.read_text().split("\n")[:-1]]
    wanted = [talk(n, f"It is the {n}th answer.")["messages"] for n in range(60)]
    wanted = [[{k: v for k, v in m.items() if v is not None or k == "content"} for m in talk] for talk in wanted]
    assert [row["messages"] for row in rows] == wanted


def test_a_split_does_not_depend_on_order(tmp_path: Path) -> None:
    rows = [{**talk(n, f"It is the {n}th answer."), "id": n} for n in range(60)]
    found = []
    for name, made in (("a", rows), ("b", rows[::-1])):
        run = run_of(tmp_path / name, made)
        export_rows(run, tmp_path / name / "out", format="jsonl", validation_fraction=0.3, seed=3, console=QUIET)
        lines = (tmp_path / name / "out/validation-00000-of-00001.jsonl").read_text().split("\n")[:-1]
        found.append(Counter(json.dumps(json.loads(line)["messages"]) for line in lines))
    assert found[0] == found[1]
    assert 4 < found[0].total() < 32


def test_documents_and_empty_corpora(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"text": "A text of one line."}, {"text": "Another one."}])
    recipe = {"name": "t", "sources": [{"name": "rows", "path": str(tmp_path / "rows.jsonl")}]}
    run = build(recipe, tmp_path / "run", console=QUIET)
    export_rows(run, tmp_path / "out", console=QUIET)
    (file,) = (tmp_path / "out").iterdir()
    assert pq.read_table(file).column("text").to_pylist() == ["A text of one line.", "Another one."]
    nothing = run_of(tmp_path / "none", [talk(1, "x")], policy={"min_text_bytes": 10_000})
    assert export_rows(nothing, tmp_path / "empty", console=QUIET).rows == {"train": 0}


def test_what_cannot_be_written_is_told(talks: Any, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/train-00000-of-00009.parquet").touch()
    with pytest.raises(InputError, match="the folder is not empty"):
        export_rows(talks, tmp_path / "old", console=QUIET)
    with pytest.raises(RecipeError, match="at least 0 and below 1"):
        export_rows(talks, tmp_path / "out", validation_fraction=1.0, console=QUIET)
    rows = [talk(1, "x"), talk(2, "y")]
    rows[0]["messages"][0]["weight"], rows[1]["messages"][0]["weight"] = "heavy", 2
    with pytest.raises(InputError, match="--format jsonl"):
        export_rows(run_of(tmp_path / "mixed", rows), tmp_path / "mixed/out", console=QUIET)
