"""Rows of other kinds than documents, through a whole run: views, edits in their messages, duplicates, forgetting."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from gristmill import build, explain, forget, open_run
from gristmill.console import Console
from gristmill.pipelines.scrub.keep_text import purge_raw
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.rows.registry import row_kind
from pydantic import ValidationError

from tests.builds import write_jsonl, write_parquet

QUIET = Console(quiet=True)
MAIL = "Please write to bob{n}@example.com about it, as soon as you can."


def talk(number: int, answer: str = "The mill turns when the river is high, so it is an answer.") -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "You are the miller of a small village."},
        {"role": "user", "content": f"Question number {number}: when does the mill turn?  " + MAIL.format(n=number)},
        {"role": "assistant", "content": answer, "weight": number, "thoughts": [f"ask ann{number}@example.net"]},
    ]
    return {"messages": messages, "topic": "mills", "contact": {"mail": f"eve{number}@example.org"}}


RECIPE: dict[str, Any] = {
    "name": "talks",
    "rows": "conversation",
    "pii": {"email": "mask"},
    "text": "clean",
    "signals": ["language"],
    "policy": {
        "rules": [
            {"name": "english", "signal": "language@response", "keep": "in [en]", "if_null": "drop"},
            {"name": "german_prompt", "signal": "language@prompt+clean", "keep": "not in [de]"},
        ]
    },
    "dedup": {"exact": {"view": "prompt"}, "near": {"view": "prompt", "similarity": 0.7}},
}


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talks")
    german = "Die Mühle dreht sich, wenn der Fluss hoch steht, und vom Korn bleibt nur, was schwer genug ist."
    rows = [talk(1), talk(1, "Another answer to the very same question, in English."), talk(3, german)]
    rows += [{"messages": talk(4)["messages"][:2]}, {"messages": []}, {"other": "column"}]
    rows += [
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
    ]
    write_jsonl(folder / "talks.jsonl", rows)
    build(
        {**RECIPE, "sources": [{"name": "talks", "path": str(folder / "talks.jsonl")}]}, folder / "run", console=QUIET
    )
    return folder


def reasons(run: Any) -> list[Any]:
    found = {row["doc_id"]: row for row in run.table("decisions")}
    return [found[row["doc_id"]]["failed_rules"] for row in run.table("documents")]


def test_rules_and_duplicates_look_at_views(talks: Path) -> None:
    run = open_run(talks / "run")
    failed = reasons(run)
    assert sorted(map(len, failed[:2])) == [0, 1]
    assert ["duplicate/exact"] in failed[:2]
    assert failed[2] == ["policy/english"]
    assert failed[3] == ["policy/english"]
    assert [one[0] for one in failed[4:]] == [
        "reader/messages_not_messages",
        "reader/unknown_form",
        "reader/no_text",
        "reader/content_not_text",
    ]


def test_edits_are_made_in_the_message_they_fall_into(talks: Path) -> None:
    (row,) = open_run(talks / "run").corpus
    record = row_kind("conversation").decode(row["text"], row["pieces"], json.loads(row["fields"]))
    original = talk(1)
    asked = "Question number 1: when does the mill turn? Please write to <EMAIL> about it, as soon as you can."
    assert record["messages"][1] == {"role": "user", "content": asked}
    assert record["messages"][0] == original["messages"][0]
    assert record["messages"][2]["role"] == "assistant"
    assert record["messages"][2]["weight"] == 1
    assert record["messages"][2]["thoughts"] == ["ask <EMAIL>"]
    assert record["topic"] == "mills"
    assert record["contact"] == {"mail": "<EMAIL>"}


def test_a_row_is_explained_and_forgotten(talks: Path, tmp_path: Path) -> None:
    source = {"name": "talks", "path": str(talks / "talks.jsonl")}
    run = build({**RECIPE, "sources": [source]}, tmp_path / "run", console=QUIET)
    (kept,) = (row["doc_id"] for row in run.corpus)
    assert "language@response = en" in str(explain(run, kept))
    forget(tmp_path / "run", [kept], "record", console=QUIET)
    after = open_run(tmp_path / "run")
    (gone,) = (row for row in after.table("documents") if row["doc_id"] == kept)
    assert gone["text"] is gone["pieces"] is gone["fields"] is None
    (other,) = after.corpus  # the copy of its prompt takes its place
    assert other["doc_id"] != kept
    purge_raw(tmp_path / "run", console=QUIET)
    assert all(row["text"] is row["pieces"] is row["fields"] is None for row in after.table("documents"))


def test_tables_give_the_same_rows(talks: Path, tmp_path: Path) -> None:
    """Nested columns of Parquet are the same records; only the places differ."""
    rows = [talk(n, f"An answer in plain English, the {n}th of several ones.") for n in range(3)]
    write_jsonl(tmp_path / "a/rows.jsonl", rows)
    write_parquet(tmp_path / "b/rows.parquet", rows, row_group_size=2)
    found = []
    for name in ("a", "b"):
        source = {"name": "talks", "path": str(tmp_path / name)}
        recipe = {"name": "t", "rows": "conversation", "sources": [source], "dedup": {"exact": None}}
        run = build(recipe, tmp_path / f"run-{name}", console=QUIET)
        found.append([(row["content_hash"], row["text"]) for row in run.corpus])
        fields = [json.loads(row["fields"]) for row in run.corpus]
        assert [one["contact"] for one in fields] == [row["contact"] for row in rows]
    assert found[0] == found[1]


def test_a_kind_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of one's own and a form for it, from a module: views, rules and duplicates know them."""
    (tmp_path / "translations.py").write_text(
        "from gristmill import RowKind, View\n"
        "KIND = RowKind('translation', texts=('source', 'target'), required=('source', 'target'),\n"
        "               views={'source': View(('source',)), 'target': View(('target',))})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    kind = row_kind("translations:KIND")
    row = kind.encode({"source": "Die Mühle", "target": "The mill", "score": 1})
    assert row.pieces == [("source", 0, 10), ("target", 12, 20)]
    assert row.fields == {"score": 1}
    sys.modules.pop("translations")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "conversations"}, "did you mean 'conversation'"),
        ({"text": "response"}, "text version `response` is unknown"),
        ({"dedup": {"near": {"view": "chosen"}}}, "text version `chosen` is unknown.*assistant, prompt, response"),
        ({"policy": {"rules": [{"name": "r", "signal": "language@answer", "keep": "in [en]"}]}}, "`answer` is unknown"),
    ],
)
def test_a_wrong_recipe_is_refused(talks: Path, change: dict[str, Any], message: str) -> None:
    source = {"name": "talks", "path": str(talks / "talks.jsonl")}
    with pytest.raises((RecipeError, ValidationError), match=message):
        build({**RECIPE, "sources": [source], **change}, talks / "never", console=QUIET)
    assert not (talks / "never").exists()


def test_texts_are_no_records(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A text.")
    recipe = {"name": "t", "rows": "pair", "sources": [{"name": "a", "path": str(tmp_path / "a.txt")}]}
    with pytest.raises(InputError, match="files of format text hold documents, not records of a pair"):
        build(recipe, tmp_path / "run", console=QUIET)


def test_a_form_needs_a_kind(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [talk(1)])
    source = {"name": "a", "path": str(tmp_path / "a.jsonl"), "format": "messages"}
    with pytest.raises((RecipeError, ValidationError), match="expected `rows:` of the recipe"):
        build({"name": "t", "sources": [source]}, tmp_path / "run", console=QUIET)
