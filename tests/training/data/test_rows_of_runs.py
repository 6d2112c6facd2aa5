"""Rows to train on from a run of gristmill: documents by their text, other kinds as the records that they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from gristmill import build
from gristmill.console import Console
from gristmill.training.data.row_files import read_rows

QUIET = Console(quiet=True)
TALK: dict[str, Any] = {
    "id": "mine",
    "messages": [
        {"role": "user", "content": "Is the mill open?"},
        {"role": "assistant", "content": "It is, from eight to noon."},
    ],
    "tools": [{"name": "clock"}],
}
DOCUMENT = {"text": "The mill is open from eight to noon."}


@pytest.mark.parametrize(("kind", "record"), [("conversation", TALK), ("document", DOCUMENT)])
def test_the_corpus_of_a_run(tmp_path: Path, kind: str, record: dict[str, Any]) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(record) + "\n")
    source = {"name": "rows", "path": str(tmp_path / "rows.jsonl")}
    run = build({"name": "t", "rows": kind, "sources": [source]}, tmp_path / "run", console=QUIET)
    rows = read_rows(str(tmp_path / "run"))
    (doc_id,) = (row["doc_id"] for row in run.corpus)
    assert rows.ids == [doc_id]
    wanted = {name: value for name, value in record.items() if name != "id"}
    assert {name: rows.records[0][name] for name in wanted} == wanted
    assert "id" not in rows.records[0]
