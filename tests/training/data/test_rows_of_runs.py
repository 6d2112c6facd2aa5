"""Rows to train on from a run of gristmill: documents by their text, other kinds as the records that they are."""

import datetime
import gzip
import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill import build
from gristmill.console import Console
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.forgetting import ForgetRequest
from gristmill.training.data.row_files import forgotten_of_run, read_rows
from gristmill.training.data.row_index import IndexedRow, RowIndex, digest_of

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


def test_a_table_holds_more_than_json(tmp_path: Path) -> None:
    """Dates, decimals, bytes and maps become what JSON has, so that rows have a digest."""
    at = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    table = pa.table(
        {
            "text": ["a"],
            "at": pa.array([at], pa.timestamp("us", "UTC")),
            "fine": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
            "day": [at.date()],
            "price": [Decimal("1.50")],
            "raw": [b"\xff\x00a"],
            "marks": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "inner": [{"days": [at.date(), None], "none": None}],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = read_rows(str(tmp_path / "rows.parquet"))
    assert rows.records == [
        {
            "text": "a",
            "at": "2024-02-29 12:00:00+00:00",
            "fine": "2023-11-14 22:13:20.123456",
            "day": "2024-02-29",
            "price": "1.50",
            "raw": "\ufffd\x00a",
            "marks": [["k", 1]],
            "inner": {"days": ["2024-02-29", None]},
        }
    ]
    assert len(rows.digest) == 64


def test_names_of_rows_with_half_a_character(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"id": "a\\ud800", "source": "\\udc00b", "url": "\\ud83c\\udf3e", "text": "x"}\n'
    )
    rows = read_rows(str(tmp_path / "rows.jsonl"))
    assert (rows.ids, rows.origin(0)) == (["a\ufffd"], ("\ufffdb", "\U0001f33e"))
    digest = digest_of(rows.ids[0], rows.records[0])
    RowIndex.of([IndexedRow(0, 0, rows.ids[0], *rows.origin(0), None, None, digest)]).save(tmp_path)
    assert RowIndex.load(tmp_path).doc_ids == rows.ids


def test_files_of_rows_that_are_damaged(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"text": "a"}\n' * 50)
    (tmp_path / "rows.jsonl.gz").write_bytes(packed[:10] + b"\x07" + packed[11:])  # no kind of block
    with pytest.raises(RecipeError, match=r"rows\.jsonl\.gz: cannot be read"):
        read_rows(str(tmp_path / "rows.jsonl.gz"))
    deep = tmp_path / "deep.jsonl"
    deep.write_text('{"a": ' + "[" * 700 + "]" * 700 + "}\n")
    with suppress(RecipeError):  # whether Python can read it depends on its version
        assert len(read_rows(str(deep))) == 1
    deep.write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
    with pytest.raises(RecipeError, match=r"deep\.jsonl:1"):
        read_rows(str(deep))
    run = tmp_path / "run"
    (tmp_path / "rows.jsonl").write_text(json.dumps(TALK) + "\n")
    source = {"name": "rows", "path": str(tmp_path / "rows.jsonl")}
    build({"name": "t", "rows": "conversation", "sources": [source]}, run, console=QUIET)
    (part,) = (run / "corpus").rglob("*.parquet")
    pq.write_table(pq.read_table(part).drop_columns(["fields"]), part)
    with pytest.raises(RecipeError, match=r"no row of a corpus \(KeyError: 'fields'\); expected the columns text"):
        read_rows(str(run))
    (run / "manifest.json").write_text("[]")
    with pytest.raises(RecipeError, match=r"manifest\.json cannot be read"):
        read_rows(str(run))


def test_what_a_run_was_asked_to_forget(tmp_path: Path) -> None:
    request = ForgetRequest(
        mode="record",
        asked=["a"],
        doc_ids=["a", "b"],
        content_hashes=[],
        created="now",
        recipe={},
        sample=None,
        selections={},
        report=False,
        shards=[],
        texts="kept",
    )
    folder = tmp_path / layout.FORGET_REQUESTS
    folder.mkdir()
    (folder / "000001.json").write_text(request.model_dump_json())
    assert forgotten_of_run(str(tmp_path)) == set()  # no run
    (tmp_path / layout.OWNER).touch()
    assert forgotten_of_run(str(tmp_path)) == {"a", "b"}
    (folder / "000002.json").write_text('{"doc_ids": "cd"}')
    with pytest.raises(RecipeError, match=r"000002\.json: a request to forget cannot be read"):
        forgotten_of_run(str(tmp_path))
