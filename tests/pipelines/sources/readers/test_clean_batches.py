"""Whole batches at once give the rows that one by one gives."""

from typing import Any

import pyarrow as pa
from gristmill.pipelines.sources.readers.clean_batches import as_documents
from gristmill.pipelines.sources.readers.records import add_record
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.tables import records
from gristmill.schemas.recipe.source import Columns, Source
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

SPLIT = Split("s", "/x/a.parquet", "a.parquet", "parquet", 0, 1, 100)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def one_by_one(batch: pa.RecordBatch, source: Source, position: int) -> list[dict[str, Any]]:
    rows = ReaderRows(source, SPLIT)
    for place, (record, size) in enumerate(records(batch, source.columns.text), position):
        rows.frame()
        add_record(rows, record, place, size, {})
    return rows.take().to_pylist()


@given(
    rows=st.lists(st.tuples(texts, texts, st.none() | texts), min_size=1, max_size=6),
    with_id=st.booleans(),
    with_url=st.booleans(),
    packed=st.booleans(),
    position=st.integers(0, 1 << 40),
)
@settings(max_examples=examples(120))
def test_equal_to_one_by_one_or_left_alone(
    rows: list[tuple[str, str, str | None]], with_id: bool, with_url: bool, packed: bool, position: int
) -> None:
    text = pa.array([row[0] for row in rows])
    columns: dict[str, Any] = {"text": text.dictionary_encode() if packed else text}
    if with_id:
        columns["id"] = [row[1] for row in rows]
    if with_url:
        columns["url"] = pa.array([row[2] for row in rows], pa.string())
    batch = pa.record_batch(columns)
    source = Source(name="s", path="/x", snapshot="now", columns=Columns(id="id" if with_id else None))
    found = as_documents(batch, source, SPLIT, position)
    plain = not any("\0" in row[0] for row in rows)
    urls = [row[2] for row in rows] if with_url else [None]
    if plain and (None not in urls or set(urls) == {None}):
        assert found is not None
    if found is not None:
        assert plain
        assert found.to_pylist() == one_by_one(batch, source, position)


def test_rows_that_need_a_look_are_left_alone() -> None:
    source = Source(name="s", path="/x", max_document_bytes=10)
    invalid = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    for column in (["x" * 11], ["a", None], [1, 2], ["a\0b"], invalid):
        assert as_documents(pa.record_batch({"text": column}), source, SPLIT, 0) is None
    dated = pa.record_batch({"text": ["a"], "timestamp": ["2024-01-01"]})
    assert as_documents(dated, source, SPLIT, 0) is None
    assert as_documents(pa.record_batch({"body": ["a"]}), source, SPLIT, 0) is None


def test_a_table_gives_the_row_that_json_gives() -> None:
    values = {"text": "One text.", "id": "a-1", "url": "https://example.org/ä", "timestamp": "2024-03-01"}
    source = Source(name="s", path="/x", columns=Columns(id="id"))
    rows = ReaderRows(source, SPLIT)
    rows.frame()
    add_record(rows, dict(values), 7, 9, {})
    from_json = rows.take().to_pylist()
    assert one_by_one(pa.record_batch({name: [value] for name, value in values.items()}), source, 7) == from_json
    assert from_json[0]["url"] == values["url"]
    assert from_json[0]["timestamp"] == "2024-03-01T00:00:00Z"
