"""Many small files cost what their bytes cost: they share batches, rounds of extraction, tasks and unit markers."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import PartWriter, read_part
from gristmill.pipelines.sources import ingest
from gristmill.pipelines.sources.ingest import ingest_group, ingest_tasks
from gristmill.pipelines.sources.readers.extract import extract_batch, warm
from gristmill.pipelines.sources.readers.registry import list_splits, read_split, read_splits
from gristmill.schemas import layout
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.document import DOCUMENT
from gristmill.schemas.tally import Tally

from tests.growth.counting import assert_linear, count_calls


def _text(number: int) -> str:
    return f"The miller of house {number} ground {number % 7} sacks of rye before the river rose."


def _parquet(path: Path, number: int) -> None:
    pq.write_table(pa.table({"text": [_text(number), _text(number + 1)]}), path)


def _json_lines(path: Path, number: int) -> None:
    path.write_bytes(gzip.compress(json.dumps({"text": _text(number)}).encode() + b"\nno json\n", mtime=0))


WRITERS: dict[str, Callable[[Path, int], Any]] = {
    "txt": lambda path, number: path.write_text(_text(number)),
    "html": lambda path, number: path.write_text(f"<html><body><p>{_text(number)}</p></body></html>"),
    "csv": lambda path, number: path.write_text(f"text\n{_text(number)}\n"),
    "jsonl.gz": _json_lines,
    "parquet": _parquet,
}


def small_files(folder: Path, suffix: str, count: int) -> Path:
    """`count` files of about a hundred bytes below `folder`."""
    for number in range(count):
        path = folder / f"{number // 100:03d}" / f"{number:06d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[suffix](path, number)
    return folder


def in_this_process(function: str, config: dict[str, Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    assert function.endswith(":extract_batch")
    done = extract_batch(batch, config)
    return done.append_column("error", pa.nulls(done.num_rows, pa.large_string()))


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_reading_costs_as_much_as_there_are_files(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "run_in_pool", in_this_process)
    if suffix == "html":
        warm(pa.array(["compiled and loaded before calls are counted"]))
    made: dict[int, Path] = {}

    def work(count: int) -> int:
        if count not in made:
            made[count] = small_files(tmp_path / f"in{count}", suffix, count)
        recipe = Recipe.model_validate({"name": "small", "sources": [{"name": "s", "path": str(made[count])}]})
        storage = Storage(str(tmp_path / f"run{count}-{len(list(tmp_path.iterdir()))}"))

        def read() -> None:
            (task,) = ingest_tasks(storage, recipe)
            ingest_group(task)

        return count_calls(read)

    assert_linear(work, 60)


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_files_read_together_give_the_rows_they_give_alone(tmp_path: Path, suffix: str) -> None:
    source = Source(name="s", path=str(small_files(tmp_path, suffix, 30)))
    splits = list_splits(source, 1 << 20)
    alone = [list(read_split(split, source)) for split in splits]
    together = list(read_splits(splits, source))
    batches = [item for item in together if not isinstance(item, Tally)]
    assert len(batches) == 1
    rows = [row for items in alone for batch in items[:-1] for row in batch.to_pylist()]
    assert pa.Table.from_batches(batches, DOCUMENT).to_pylist() == rows
    assert [item for item in together if isinstance(item, Tally)] == [items[-1] for items in alone]
    assert together[-len(splits) :] == [items[-1] for items in alone]


def test_pages_of_many_files_are_extracted_in_one_round(tmp_path: Path) -> None:
    source = Source(name="s", path=str(small_files(tmp_path, "html", 50)), extract="resiliparse")
    rounds = []

    def isolate(function: str, config: dict[str, Any], batch: pa.RecordBatch) -> pa.RecordBatch:
        rounds.append(batch.num_rows)
        return in_this_process(function, config, batch)

    tallies = [item for item in read_splits(list_splits(source, 1 << 20), source, isolate) if isinstance(item, Tally)]
    assert rounds == [50]
    assert [(tally.records_framed, tally.documents) for tally in tallies] == [(1, 1)] * 50


def test_a_task_holds_a_bounded_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty files have no bytes that would end a group; the marker's size does not grow with their number."""
    monkeypatch.setattr(ingest, "MAX_GROUP_SPLITS", 16)
    for number in range(40):
        (tmp_path / f"{number:02d}.txt").write_bytes(b"")
    recipe = Recipe.model_validate({"name": "empty", "sources": [{"name": "s", "path": str(tmp_path)}]})
    storage = Storage(str(tmp_path / "run"))
    tasks = ingest_tasks(storage, recipe)
    assert [len(task.splits) for task in tasks] == [16, 16, 8]
    for task in tasks:
        ingest_group(task)
    facts = [storage.read_json(layout.DOCUMENTS.unit_path(task.key))["facts"] for task in tasks]
    assert [entry["files"] for entry in facts] == [16, 16, 8]
    sizes = [len(json.dumps(entry | {"errors": []})) for entry in facts]
    assert max(sizes) - min(sizes) <= 2
    assert [entry["files_not_whole"] for entry in facts] == [16, 16, 8]
    assert max(len(entry["errors"]) for entry in facts) <= ingest.MAX_ERRORS_LISTED


def test_the_balance_counts_each_file_once_however_it_is_split(tmp_path: Path) -> None:
    lines = b"".join(json.dumps({"text": _text(number)}).encode() + b"\n" for number in range(200))
    (tmp_path / "a.jsonl").write_bytes(lines)
    recipe = Recipe.model_validate({"name": "split", "sources": [{"name": "s", "path": str(tmp_path / "a.jsonl")}]})
    storage = Storage(str(tmp_path / "run"))
    (task,) = ingest_tasks(storage, recipe)
    (split,) = task.splits
    half = split.size // 2
    for key, start, end in (("s000-000000", 0, half), ("s000-000001", half, split.size)):
        ingest_group(replace(task, key=key, splits=(replace(split, start=start, end=end),)))
    facts = [storage.read_json(layout.DOCUMENTS.unit_path(key))["facts"] for key in ("s000-000000", "s000-000001")]
    assert [entry["files"] for entry in facts] == [1, 0]
    assert sum(entry["documents"] for entry in facts) == 200
    assert sum(entry["bytes_consumed"] for entry in facts) == split.size


def test_a_writer_counts_small_batches_as_it_counts_large_ones(tmp_path: Path) -> None:
    """Rows, bytes of text, reasons and digest of a part do not depend on how its rows came."""
    source = Source(name="s", path=str(small_files(tmp_path / "in", "jsonl.gz", 25)))
    whole = next(item for item in read_splits(list_splits(source, 1 << 20), source) if not isinstance(item, Tally))
    storage = Storage(str(tmp_path / "run"))
    written: list[Part] = []
    for key, step in (("large", whole.num_rows), ("small", 1)):
        writer = PartWriter(storage, layout.DOCUMENTS, key)
        for start in range(0, whole.num_rows, step):
            writer.write(whole.slice(start, step))
        written += writer.close()
    large, small = written
    assert large.model_copy(update={"key": "", "path": "", "bytes": 0}) == small.model_copy(
        update={"key": "", "path": "", "bytes": 0}
    )
    assert large.rows_by == {"None": 25, "invalid_json": 25}
    assert read_part(storage, small, DOCUMENT.names).to_pylist() == whole.to_pylist()


def test_writing_small_batches_costs_as_much_as_there_are_batches(tmp_path: Path) -> None:
    source = Source(name="s", path=str(small_files(tmp_path / "in", "txt", 1)))
    batch = next(iter(read_splits(list_splits(source, 1 << 20), source)))
    assert isinstance(batch, pa.RecordBatch)
    storage = Storage(str(tmp_path / "run"))

    def write(batches: int) -> None:
        writer = PartWriter(storage, layout.DOCUMENTS, "many")
        for _ in range(batches):
            writer.write(batch)
        writer.close()

    assert_linear(lambda batches: count_calls(lambda: write(batches)), 100)
