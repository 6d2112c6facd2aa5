"""Parquet, CSV and saved datasets folders."""

import gzip
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.pipelines.sources.readers.registry import list_splits, read_split
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

from tests.pipelines.sources.readers.reading import WHOLE, read_source

TEXTS = [f"Bericht {n}: die Fähre kam wieder zu spät" for n in range(40)]


def as_parquet(path: Path, table: pa.Table, **options: object) -> None:
    pq.write_table(table, path / "a.parquet", **options)


@pytest.mark.parametrize("split_bytes", [1, 400, 2000, WHOLE])
def test_row_groups_do_not_change_rows(tmp_path: Path, split_bytes: int) -> None:
    as_parquet(tmp_path, pa.table({"text": TEXTS, "url": TEXTS, "other": range(40)}), row_group_size=7)
    reading = read_source(tmp_path, split_bytes, columns={"metadata": ["other"]})
    assert reading.texts == TEXTS
    assert [row["location"] for row in reading.rows] == [f"a.parquet#{n}" for n in range(40)]
    assert [json.loads(row["metadata"]) for row in reading.rows] == [{"other": n} for n in range(40)]
    assert len(reading.tallies) == {1: 6, 400: 6, 2000: 5, WHOLE: 1}[split_bytes]
    as_parquet(tmp_path, pa.table({"text": TEXTS}), row_group_size=40)
    assert [row["doc_id"] for row in read_source(tmp_path).rows] == [row["doc_id"] for row in reading.rows]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.string_view(),
    ],
    ids=str,
)
def test_every_type_that_holds_text(tmp_path: Path, kind: pa.DataType) -> None:
    column = pa.array([*TEXTS, None, TEXTS[0]], pa.string())
    column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
    as_parquet(tmp_path, pa.table({"text": column}))
    reading = read_source(tmp_path)
    assert (reading.texts, reading.reasons) == ([*TEXTS, TEXTS[0]], ["null_text"])


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    raw = [b"gut", b"caf\xe9 au lait", bytes(range(128, 256)), b"", b"one \0 two three"]
    as_parquet(tmp_path, pa.table({"text": pa.array(raw, pa.binary())}))
    reading = read_source(tmp_path)
    assert reading.texts == ["gut", "caf\ufffd au lait", "", "one \0 two three"]
    assert reading.reasons == ["binary_content"]
    assert [json.loads(row["metadata"]) for row in reading.rows if row["status"] == "ok"] == [
        {}, {"replaced_bytes": 1}, {}, {"nul_characters": 1},
    ]  # fmt: skip


def test_typed_columns(tmp_path: Path) -> None:
    day = datetime(2024, 3, 1, 12, tzinfo=UTC)
    table = pa.table(
        {"text": ["a", "b"], "when": [day, None], "meta": [{"id": "x"}, {"id": "y"}], "raw": [b"\xff", b"q"]}
    )
    as_parquet(tmp_path, table)
    columns = {"timestamp": "when", "id": "meta.id", "metadata": ["meta", "raw", "when"]}
    first, second = read_source(tmp_path, columns=columns).rows
    assert (first["timestamp"], second["timestamp"]) == ("2024-03-01T12:00:00Z", None)
    assert json.loads(first["metadata"]) == {"meta": {"id": "x"}, "raw": "\ufffd", "when": "2024-03-01 12:00:00+00:00"}


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, r"no column 'text'; columns found: body, n.*columns: \{text: body\}"),
        ({"text": "body", "id": "key"}, r"no column 'key'.*expected a column for id.*\{id: body\}"),
        ({"text": "body", "metadata": ["lang"]}, r"no column 'lang'.*drop 'lang' from `metadata`"),
    ],
)
def test_a_missing_column_is_found_while_planning(tmp_path: Path, suffix: str, columns: dict, message: str) -> None:
    write(tmp_path / f"a.{suffix}", pa.table({"body": ["x"], "n": [1]}))
    with pytest.raises(InputError, match=message):
        list_splits(Source(name="s", path=str(tmp_path), columns=columns), WHOLE)


def write(path: Path, table: pa.Table, as_file: bool = False) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        rows = [",".join(map(str, row.values())) for row in table.to_pylist()]
        path.write_text("\n".join([",".join(table.column_names), *rows]) + "\n")
    else:
        with path.open("wb") as sink, (pa.ipc.new_file if as_file else pa.ipc.new_stream)(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=9)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_text_column_of_numbers_is_found_while_planning(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"a.{suffix}", pa.table({"text": [1, 2]}))
    with pytest.raises(InputError, match=r"column 'text' is int64.*expected string"):
        list_splits(Source(name="s", path=str(tmp_path)), WHOLE)


@pytest.mark.parametrize("damage", ["cut", "footer", "pages", "empty", "not parquet"])
def test_a_damaged_parquet_file_is_told(tmp_path: Path, damage: str) -> None:
    as_parquet(tmp_path, pa.table({"text": TEXTS}), row_group_size=10, use_dictionary=False, compression="zstd")
    path = tmp_path / "a.parquet"
    raw = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(2).column(0).data_page_offset
    raw[start + 20 : start + 60] = b"\x13" * 40 if damage == "pages" else raw[start + 20 : start + 60]
    raw[-20:-12] = b"\xff" * 8 if damage == "footer" else raw[-20:-12]
    content = {"cut": raw[: len(raw) // 2], "empty": b"", "not parquet": b"no parquet at all, just text"}.get(
        damage, raw
    )
    path.write_bytes(bytes(content))
    reading = read_source(tmp_path)
    if damage == "pages":
        assert reading.texts == TEXTS[:20] + TEXTS[30:]
        assert reading.reasons == ["undecodable_row"] * 10
    else:
        assert reading.rows == []
    assert reading.errors


@pytest.mark.parametrize("repeated", [False, True], ids=["different texts", "one text in a dictionary"])
def test_large_documents_in_one_row_group_are_read_in_small_batches(tmp_path: Path, repeated: bool) -> None:
    big = "x" * (4 << 20)
    texts = pa.array([big if repeated else f"{n} {big}" for n in range(60)], pa.large_string())
    pages = 1024 if repeated else 1  # rows a page; a page of different texts is unpacked whole
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", use_dictionary=repeated, write_batch_size=pages)
    del texts
    source = Source(name="s", path=str(tmp_path))
    (split,) = list_splits(source, 1)
    process = psutil.Process()
    pa.default_memory_pool().release_unused()
    before = peak = process.memory_info().rss
    rows = 0
    for item in read_split(split, source):
        rows += item.num_rows if isinstance(item, pa.RecordBatch) else 0
        peak = max(peak, process.memory_info().rss)
    assert rows == 60
    assert peak - before < 150 << 20


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_csv(tmp_path: Path, name: str) -> None:
    separator = "\t" if "tsv" in name else ","
    lines = [
        "text,n,url",
        "eins,1,u1",
        '"zwei, mit\nZeile ""q"" \u2028 ende",2,u2',
        "",
        "drei,3",
        ",4,u4",
        "fünf,5,u5,zu viel",
    ]
    content = "\r\n".join(line.replace(",", separator) for line in lines).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    reading = read_source(tmp_path, columns={"metadata": ["n"]})
    assert reading.texts == ["eins", f'zwei{separator} mit\nZeile "q" \u2028 ende', ""]
    assert reading.reasons == ["wrong_field_count", "wrong_field_count"]
    assert reading.skipped == {"blank_line": 1}
    assert [row["url"] for row in reading.rows if row["status"] == "ok"] == ["u1", "u2", "u4"]


@pytest.mark.parametrize(
    ("content", "texts", "reasons"),
    [
        (b"text\ncaf\xe9 au lait\n", ["café au lait"], []),
        (b"\xef\xbb\xbftext\nmarked\n", ["marked"], []),
        ("text\nwide ä\n".encode("utf-16"), ["wide ä"], []),
        ("text\nodd end".encode("utf-16") + b"\xd8", ["odd end\ufffd"], []),
        (b"text\n" + b"x" * 200 + b"\nlast\n", ["last"], ["too_large"]),
        (b'text\n"never closed\nand on\n', ["and on"], ["open_quote"]),
        (b"text\n\1\2\3\4\xff\xfe\x80\x81\nlast", ["last"], ["binary_content"]),
        (b"text\na\0b and more\n", ["a\0b and more"], []),
        (b"text\n", [], []),
        (b"", [], []),
    ],
)
def test_csv_of_every_kind(tmp_path: Path, content: bytes, texts: list[str], reasons: list[str]) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    reading = read_source(tmp_path, max_document_bytes=100)
    assert (reading.texts, reading.reasons) == (texts, reasons)


@pytest.mark.parametrize("as_file", [False, True])
def test_saved_datasets_folders(tmp_path: Path, as_file: bool) -> None:
    for split, texts in (("train", TEXTS[:30]), ("test", TEXTS[30:])):
        folder = tmp_path / split
        folder.mkdir()
        write(folder / "data-00000-of-00001.arrow", pa.table({"text": texts}), as_file)
        write(folder / "cache-0123456789abcdef.arrow", pa.table({"text": ["from a cache"]}))
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": split}
        (folder / "state.json").write_text(json.dumps(state))
        (folder / "dataset_info.json").write_text("{}")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert sorted(read_source(tmp_path).texts) == sorted(TEXTS)
    train = read_source(tmp_path / "train", format="datasets")
    assert train.texts == TEXTS[:30]
    assert train.rows[11]["location"] == "data-00000-of-00001.arrow#11"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_data_files": [{"filename": "gone.arrow"}]}, "gone.arrow, which is missing"),
        ({"_data_files": [{"filename": "a.arrow"}], "_indices_files": [{"filename": "i.arrow"}]}, "flatten_indices"),
    ],
)
def test_incomplete_datasets_folders(tmp_path: Path, state: dict, message: str) -> None:
    write(tmp_path / "a.arrow", pa.table({"text": TEXTS}))
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(InputError, match=message):
        list_splits(Source(name="s", path=str(tmp_path)), WHOLE)


@pytest.mark.parametrize("cut", [0, 3, 100, 0.5, 0.8])
def test_a_cut_arrow_file_keeps_what_was_read(tmp_path: Path, cut: float) -> None:
    write(tmp_path / "a.arrow", pa.table({"text": TEXTS}))
    raw = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "a.arrow").write_bytes(raw[: int(cut * len(raw)) if cut < 1 else int(cut)])
    reading = read_source(tmp_path)
    assert reading.texts == TEXTS[: len(reading.texts)]
    assert reading.errors


def test_nothing_is_traced_for_columns_not_wanted(tmp_path: Path) -> None:
    blob = [bytes(1 << 20) + bytes([n]) for n in range(20)]
    as_parquet(tmp_path, pa.table({"text": TEXTS[:20], "blob": blob}), use_dictionary=False, compression="none")
    tracemalloc.start()
    assert read_source(tmp_path).texts == TEXTS[:20]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 << 20
