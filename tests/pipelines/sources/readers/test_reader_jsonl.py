import gzip
import json
import os
import shutil
from pathlib import Path

import psutil
import pytest
from gristmill.pipelines.sources.readers.jsonl import lines
from gristmill.schemas.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.pipelines.sources.readers.reading import read_source

LINES = [
    b'{"text": "One morning the river was gone."}',
    b"",
    '{"text": "Zeilen\u2028bleiben \u0085 ganz", "url": "http://x.example/ä"}'.encode(),
    b'{"text": "carriage return"}\r',
    b"   ",
    b'{"text": "cut',
    b'{"text": ""}',
    b'{"text": null}',
    b'{"text": "the last one has no line end"}',
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(b"\n".join(LINES))
    return tmp_path / "in"


@pytest.mark.parametrize("split_bytes", [1, 2, 7, 40, 41, 64, 1000])
def test_rows_do_not_depend_on_splitting(folder: Path, split_bytes: int) -> None:
    whole, parts = read_source(folder), read_source(folder, split_bytes)
    assert parts.rows == whole.rows
    assert parts.skipped == whole.skipped == {"blank_line": 2}
    assert whole.reasons == ["invalid_json", "null_text"]
    assert whole.texts[1] == "Zeilen\u2028bleiben \u0085 ganz"


@settings(max_examples=examples(80))
@given(
    pieces=st.lists(st.binary(max_size=30), max_size=8),
    block=st.integers(1, 40),
    limit=st.integers(0, 40),
)
def test_lines_agree_with_split(pieces: list[bytes], block: int, limit: int) -> None:
    raw = b"\n".join(pieces)
    blocks = (raw[at : at + block] for at in range(0, len(raw), block))
    got = list(lines(blocks, 0, limit))
    expected = raw.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line.content for line in got] == [None if len(e) > limit else e for e in expected]
    assert sum(line.size for line in got) == len(raw)
    assert all(raw[line.offset :].startswith(e) for line, e in zip(got, expected, strict=True))


def test_ids_do_not_depend_on_where_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    before = read_source(folder).rows
    moved = tmp_path / "elsewhere" / "deep"
    shutil.copytree(folder, moved)
    assert read_source(moved).rows == before
    assert read_source(moved / "a.jsonl").rows == before
    assert read_source(moved / "*.jsonl").rows == before


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": 42}', "text_not_string"),
        (b'{"text": true}', "text_not_string"),
        (b'{"text": ["a"]}', "text_not_string"),
        (b'{"text": {"a": 1}}', "text_not_string"),
        (b'{"text": null}', "null_text"),
        (b'{"body": "x"}', "missing_text"),
        (b"{}", "missing_text"),
        (b'["text"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"7", "not_an_object"),
        (b'{"text": "no end', "invalid_json"),
        (b'{"text": "a"} trailing', "invalid_json"),
        (b"\xff\xfe\x00", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"text": "' + b"\\u0000" * 9 + b'abc"}', "binary_content"),
        (b'{"text": "' + b"\xff\x80" * 9 + b'abc"}', "binary_content"),
        (b'{"text": "' + b"x" * 2000 + b'"}', "too_large"),
    ],
)
def test_bad_records_are_quarantined_with_the_fact_found(tmp_path: Path, line: bytes, reason: str) -> None:
    limit = 1000 if reason == "too_large" else 64 << 20
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n')
    reading = read_source(tmp_path, max_document_bytes=limit)
    assert (reading.texts, reading.reasons) == (["before", "after"], [reason])
    assert reading.rows[1]["location"] == "a.jsonl#19"
    assert 0 < len(reading.rows[1]["detail"]) <= 500


@pytest.mark.parametrize(
    ("line", "text", "notes"),
    [
        (b'{"text": "a\\ud800b"}', "a\ufffdb", {"replaced_surrogates": 1}),
        (b'{"text": "\\ud83d\\ude00"}', "\U0001f600", {}),
        (b'{"text": "a\\u0000b, and on"}', "a\0b, and on", {"nul_characters": 1}),
        (b'{"text": "caf\xe9 au lait"}', "caf\ufffd au lait", {"replaced_bytes": 1}),
        (b'\xef\xbb\xbf{"text": "marked"}', "marked", {}),
        (b'{"text": "", "n": NaN}', "", {}),
        (b'{"text": "twice", "text": "the later"}', "the later", {}),
    ],
)
def test_repairs_are_noted(tmp_path: Path, line: bytes, text: str, notes: dict) -> None:
    (tmp_path / "a.jsonl").write_bytes(line)
    (row,) = read_source(tmp_path).rows
    assert (row["text"], json.loads(row["metadata"])) == (text, notes)
    assert row["text_bytes"] == len(text.encode())


def test_columns_are_mapped(tmp_path: Path) -> None:
    record = {"body": "x", "meta": {"id": 7, "day": "2024-03-01", "tags": ["b", "a"]}, "link": "http://x.example"}
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n" + json.dumps({**record, "meta": {"id": "8"}}))
    columns = {"text": "body", "id": "meta.id", "url": "link", "timestamp": "meta.day", "metadata": ["meta.tags"]}
    first, second = read_source(tmp_path, columns=columns, snapshot="2024-10").rows
    assert (first["url"], first["timestamp"], first["snapshot"]) == (
        "http://x.example",
        "2024-03-01T00:00:00Z",
        "2024-10",
    )
    assert first["metadata"] == '{"meta.tags": ["b", "a"]}'
    assert second["timestamp"] is None
    assert first["content_hash"] == second["content_hash"]


@pytest.mark.parametrize(("records", "stops"), [(999, False), (1000, True)])
def test_a_source_whose_first_records_lack_the_column_stops(tmp_path: Path, records: int, stops: bool) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": "x", "n": 1}\n' * records)
    if not stops:
        assert set(read_source(tmp_path).reasons) == {"missing_text"}
        return
    with pytest.raises(InputError, match=r"columns found: content, n.*text: content"):
        read_source(tmp_path)


@pytest.mark.parametrize(("over", "reasons"), [(-1, []), (0, []), (1, ["too_large"])])
def test_the_limit_of_a_record(tmp_path: Path, over: int, reasons: list[str]) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "' + b"x" * (100 - 12 + over) + b'"}\n')
    assert read_source(tmp_path, max_document_bytes=100).reasons == reasons


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_truncated_file_keeps_what_was_read(tmp_path: Path, cut: float) -> None:
    rows = [json.dumps({"text": f"line {n} {os.urandom(20).hex()}"}) for n in range(500)]
    packed = gzip.compress("\n".join(rows).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: int(len(packed) * cut)])
    reading = read_source(tmp_path)
    assert reading.texts == [json.loads(row)["text"] for row in rows[: len(reading.texts)]]
    assert len(reading.texts) > 500 * cut * 0.8
    assert "truncated gzip stream at byte" in reading.errors[0]


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.warc.gz", "a.parquet", "a.csv", "a.arrow", "a.txt", "a.html.zst"]
)
def test_an_empty_file_is_a_split_without_records_that_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    reading = read_source(tmp_path)
    assert (reading.rows, [t.records_framed for t in reading.tallies]) == ([], [0])
    assert reading.errors == ["a file of no bytes"]


def test_memory_follows_the_batch_not_the_file(tmp_path: Path) -> None:
    from gristmill.pipelines.sources.readers.registry import list_splits, read_split
    from gristmill.schemas.recipe.source import Source

    line = json.dumps({"text": "some words of a page " * 200}).encode() + b"\n"
    with gzip.open(tmp_path / "a.jsonl.gz", "wb", compresslevel=1) as packed:
        packed.write(b'{"text": "' + b"y" * (80 << 20) + b'"}\n')  # one line above the limit
        for _ in range(80):
            packed.write(line * 250)
    source = Source(name="big", path=str(tmp_path))
    (split,) = list_splits(source, 1 << 40)
    process = psutil.Process()
    before = peak = process.memory_info().rss
    for _ in read_split(split, source):
        peak = max(peak, process.memory_info().rss)
    assert peak - before < 150 << 20


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str, line_end: str) -> None:
    texts = ["Größe 字 😀", "zwei", "drei \u2028 vier"]
    content = line_end.join(json.dumps({"text": text}, ensure_ascii=False) for text in texts) + line_end
    (tmp_path / "a.jsonl").write_bytes(content.encode(encoding))
    assert read_source(tmp_path).texts == texts


@pytest.mark.parametrize(
    ("encoding", "split_bytes"), [("cp1252", 40), ("gb18030", 40), ("utf-16-le", 40), ("utf-8", 40)]
)
def test_the_encoding_of_the_recipe_is_taken(tmp_path: Path, encoding: str, split_bytes: int) -> None:
    texts = [f"Größe {n} für alle" if encoding == "cp1252" else f"Größe {n} 字" for n in range(9)]
    texts = [text.replace("ß", "ss").replace("ö", "o") if encoding == "gb18030" else text for text in texts]
    content = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    (tmp_path / "a.jsonl").write_bytes(content.encode(encoding))
    assert read_source(tmp_path, split_bytes, encoding=encoding).texts == texts
