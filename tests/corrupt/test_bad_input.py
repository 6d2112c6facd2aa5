"""Every kind of bad input through `gristmill build`: quarantined rows or a clear error, and the balance holds."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.schemas.errors import InputError

from tests.builds import build_process, table, write_recipe
from tests.corrupt.inputs import (
    GOOD,
    TEXT,
    Source,
    flipped,
    good_table,
    gzip_of,
    gzip_with_bad_checksum,
    jsonl,
    many_lines,
    overwritten,
    page,
    parquet,
    warc_record,
    zstd_of,
)

QUIET = Console(quiet=True)
PLAIN = {"policy": {}, "dedup": {"exact": None}, "text": None}


@dataclass(frozen=True)
class Outcome:
    """documents: at least so many; quarantined: reason -> exactly so many; error: a part of the tally's message."""

    documents: int
    quarantined: dict[str, int]
    error: str | None = None


def warc(*records: bytes, pack: Callable[[bytes], bytes] | None = None, tail: int = 0) -> Callable[[Path], Source]:
    def write(folder: Path) -> Source:
        name = "in.warc.gz" if pack else "in.warc"
        content = b"".join(pack(record) if pack else record for record in records)
        (folder / name).write_bytes(content[: len(content) - tail])
        return {"path": name, "extract": "resiliparse"}

    return write


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


TABLE: dict[str, tuple[Callable[[Path], Source], Outcome]] = {
    "truncated gzip": (jsonl(gzip_of(many_lines())[:-2000], "in.jsonl.gz"), Outcome(1, {}, "truncated gzip")),
    "corrupted gzip": (jsonl(flipped(gzip_of(many_lines()), 0.6), "in.jsonl.gz"), Outcome(1, {}, "corrupt gzip")),
    "gzip checksum": (jsonl(gzip_with_bad_checksum(many_lines()), "in.jsonl.gz"), Outcome(1, {}, "gzip")),
    "truncated zstd": (jsonl(zstd_of(many_lines())[:-500], "in.jsonl.zst"), Outcome(0, {}, "truncated zstd")),
    "corrupted zstd": (jsonl(flipped(zstd_of(many_lines()), 0.5), "in.jsonl.zst"), Outcome(0, {}, "zstd")),
    "broken JSON": (jsonl(GOOD + b'{"text": "a\n' + GOOD), Outcome(2, {"invalid_json": 1})),
    "truncated JSON lines": (jsonl(GOOD * 3 + GOOD[:-20]), Outcome(3, {"invalid_json": 1})),
    "no object": (jsonl(GOOD + b"[1]\n7\n"), Outcome(1, {"not_an_object": 2})),
    "invalid UTF-8": (jsonl(GOOD + b'{"text": "caf\xe9 and \xff more words here"}\n'), Outcome(2, {})),
    "lone surrogates": (jsonl(GOOD + b'{"text": "a \\ud800 b \\udfff c"}\n'), Outcome(2, {})),
    "NUL": (jsonl(GOOD + line({"text": "a\0b and some words after it"})), Outcome(2, {})),
    "null text": (jsonl(GOOD + line({"text": None})), Outcome(1, {"null_text": 1})),
    "number text": (jsonl(GOOD + line({"text": 5}) + line({"text": 1.5})), Outcome(1, {"text_not_string": 2})),
    "text missing in a line": (jsonl(GOOD + line({"body": "x"})), Outcome(1, {"missing_text": 1})),
    "empty file": (jsonl(b""), Outcome(0, {}, "no bytes")),
    "empty gzip": (jsonl(b"", "in.jsonl.gz"), Outcome(0, {}, "no bytes")),
    "only blank lines": (jsonl(b"\n  \n\n"), Outcome(0, {})),
    "deep nesting": (
        jsonl(GOOD + b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"),
        Outcome(1, {"invalid_json": 1}),
    ),
    "Content-Length too long": (warc(warc_record(page()), warc_record(page(), 99_999)), Outcome(1, {}, "")),
    "Content-Length too short": (warc(warc_record(page(), 60), warc_record(page())), Outcome(1, {}, "")),
    "truncated WARC": (warc(*[warc_record(page())] * 3, tail=120), Outcome(2, {}, "")),
    "truncated WARC.gz": (warc(*[warc_record(page())] * 3, pack=gzip_of, tail=60), Outcome(2, {}, "truncated gzip")),
    "corrupted WARC.gz member": (
        warc(warc_record(page()), warc_record(page()), pack=lambda r: flipped(gzip_of(r), 0.5)),
        Outcome(0, {}, "corrupt gzip"),
    ),
    "wrong charset": (warc(warc_record(page("Müller und Söhne " * 9, "latin-1"), charset="utf-8")), Outcome(1, {})),
    "unknown charset": (warc(warc_record(page(), charset="no-such-charset")), Outcome(1, {})),
    "truncated Parquet": (lambda f: parquet(f, good_table(), lambda d: d[: len(d) // 2]), Outcome(0, {}, "no Parquet")),
    "not Parquet": (
        lambda f: parquet(f, good_table(), lambda d: b"PAR1 nothing of the kind"),
        Outcome(0, {}, "no Parquet"),
    ),
    "null in Parquet": (lambda f: parquet(f, pa.table({"text": [TEXT, None]})), Outcome(1, {"null_text": 1})),
}


def run_one(folder: Path, source: Source) -> tuple[Path, dict]:
    recipe = write_recipe(folder / "recipe.yaml", [{"name": "bad", **source}], **PLAIN)
    build(str(recipe), folder / "run", console=QUIET, report=False)
    return folder / "run", json.loads((folder / "run" / "manifest.json").read_text())


@pytest.mark.parametrize("name", TABLE)
def test_bad_input_is_quarantined_or_reported(tmp_path: Path, name: str) -> None:
    write, expected = TABLE[name]
    out, summary = run_one(tmp_path, write(tmp_path))
    balance = summary["balance"]
    rows = table(out, "documents").to_pylist()
    reasons: dict[str, int] = {}
    for row in rows:
        if row["status"] != "ok":
            assert row["text"] is None
            assert row["detail"]
            reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    assert sum(row["status"] == "ok" for row in rows) >= expected.documents
    errors = [entry["error"] for entry in balance["errors"]]
    if expected.error is None:
        assert errors == []
        assert reasons == expected.quarantined
    else:
        assert errors or reasons
        if expected.error:
            assert any(expected.error in error for error in errors)
    assert balance["records_framed"] == len(rows) + sum(balance["skipped"].values())
    decisions = table(out, "decisions")
    assert decisions.num_rows == len(rows)
    for row in decisions.to_pylist() if rows else ():
        assert not row["kept"] or row["failed_rules"] == []


def test_damaged_parquet_pages_lose_their_rows_only(tmp_path: Path) -> None:
    out, summary = run_one(tmp_path, parquet(tmp_path, good_table(400), lambda d: overwritten(d, 0.3)))
    rows = table(out, "documents").to_pylist()
    assert len(rows) == 400 == summary["balance"]["records_framed"]
    damaged = [row for row in rows if row["status"] != "ok"]
    assert {row["reason"] for row in damaged} == {"undecodable_row"}
    assert 0 < len(damaged) <= 100
    assert "cannot be decoded" in summary["balance"]["errors"][0]["error"]


def test_replaced_characters_are_noted(tmp_path: Path) -> None:
    content = GOOD + b'{"text": "caf\xe9 and more words here"}\n' + b'{"text": "a \\ud800 b and more words"}\n'
    out, _ = run_one(tmp_path, jsonl(content)(tmp_path))
    notes = {row["text"]: json.loads(row["metadata"]) for row in table(out, "documents").to_pylist()}
    assert notes["caf\ufffd and more words here"] == {"replaced_bytes": 1}
    assert notes["a \ufffd b and more words"] == {"replaced_surrogates": 1}


def test_the_wrong_charset_is_read_right(tmp_path: Path) -> None:
    out, _ = run_one(tmp_path, TABLE["wrong charset"][0](tmp_path))
    assert "Müller und Söhne" in table(out, "documents").column("text")[0].as_py()


def test_a_document_above_the_limit_is_quarantined(tmp_path: Path) -> None:
    source = jsonl(GOOD + line({"text": "x" * 2001}) + line({"text": "y" * 1900}))(tmp_path)
    out, _ = run_one(tmp_path, source | {"max_document_bytes": 2000})
    rows = table(out, "documents").to_pylist()
    assert [row["reason"] for row in rows] == [None, "too_large", None]
    failed = {tuple(row["failed_rules"]) for row in table(out, "decisions").to_pylist() if not row["kept"]}
    assert failed == {("reader/too_large",)}


def big_documents(folder: Path, count: int, size: int) -> Source:
    """All in one row group, each different."""
    texts = pa.array([f"{number} {'word ' * (size // 5)}" for number in range(count)], pa.large_string())
    table = pa.table({"text": texts})
    pq.write_table(table, folder / "in.parquet", row_group_size=count, use_dictionary=False, write_batch_size=8)
    return {"path": "in.parquet"}


@pytest.mark.slow
@pytest.mark.parametrize(("count", "size"), [(300, 100_000), (300, 10 << 20)])
def test_many_big_documents_in_one_row_group(tmp_path: Path, count: int, size: int) -> None:
    source = big_documents(tmp_path, count, size)
    recipe = write_recipe(tmp_path / "recipe.yaml", [{"name": "big", **source}], policy={"profiles": ["gopher@dolma"]})
    done = build_process(recipe, tmp_path / "run", "--allow-incomplete", seconds=1800)  # all are one word repeated
    assert done.returncode == 0, done.stderr
    documents = [pq.ParquetFile(path) for path in (tmp_path / "run" / "documents" / "data").glob("*.parquet")]
    groups = [file.metadata.row_group(g).total_byte_size for file in documents for g in range(file.num_row_groups)]
    assert max(groups) <= 33 << 20
    assert sum(file.metadata.num_rows for file in documents) == count


@pytest.mark.slow
def test_a_line_of_ten_million_characters_and_a_word_a_million_times(tmp_path: Path) -> None:
    content = GOOD + line({"text": "x" * 10_000_000}) + line({"text": "mill " * 1_000_000})
    source = jsonl(content)(tmp_path)
    recipe = write_recipe(tmp_path / "recipe.yaml", [{"name": "long", **source}])
    done = build_process(recipe, tmp_path / "run", "--allow-incomplete")
    assert done.returncode == 0, done.stderr
    rows = {row["text_bytes"]: row for row in table(tmp_path / "run", "decisions").to_pylist()}
    assert rows[10_000_000]["failed_rules"]
    assert (
        "gopher@dolma/many_top_2gram_characters" in rows[5_000_000]["failed_rules"] or rows[5_000_000]["failed_rules"]
    )


def test_duplicate_ids_get_ids_of_their_own(tmp_path: Path) -> None:
    content = b"".join(line({"id": "same", "text": f"{TEXT} {n % 3}"}) for n in range(9)) + line(
        {"id": "own", "text": TEXT}
    )
    out, summary = run_one(tmp_path, jsonl(content)(tmp_path) | {"columns": {"id": "id"}})
    assert summary["balance"]["colliding_ids"] == 9
    ids = table(out, "documents").column("doc_id").to_pylist()
    assert len(set(ids)) == 10


PLANNING: dict[str, tuple[Callable[[Path], Source], tuple[str, ...]]] = {
    "glob": (lambda f: {"path": "*.jsonl"}, ("matches no file", "at least one file", "source bad", "correct `path`")),
    "no such file": (lambda f: {"path": "gone.jsonl"}, ("gone.jsonl does not exist", "source bad", "correct `path`")),
    "empty directory": (lambda f: (f / "empty").mkdir() or {"path": "empty"}, ("folder without files", "source bad")),
    "missing column": (
        lambda f: parquet(f, pa.table({"body": ["x"]})),
        ("no column", "text", "body", "columns: {text: body}"),
    ),
    "number column": (lambda f: parquet(f, pa.table({"text": [1, 2]})), ("int64", "text", "string")),
    "unknown format": (jsonl(b"", "in.xyz"), ("in.xyz is of no known format", "set `format`")),
}


@pytest.mark.parametrize("name", PLANNING)
def test_an_input_that_cannot_be_read_at_all_never_starts_a_run(tmp_path: Path, name: str) -> None:
    write, parts = PLANNING[name]
    with pytest.raises(InputError) as caught:
        run_one(tmp_path, write(tmp_path))
    for part in parts:
        assert part in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_input_error_on_the_command_line(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yaml", [{"name": "bad", "path": "nothing-*.jsonl"}])
    done = build_process(recipe, tmp_path / "run")
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_file_that_shrinks_after_planning(tmp_path: Path) -> None:
    """Between two runs: the truncated file is another input, and the new tally says what is missing."""
    source = jsonl(gzip_of(many_lines()), "in.jsonl.gz")(tmp_path)
    _, whole = run_one(tmp_path, source)
    (tmp_path / "in.jsonl.gz").write_bytes(gzip_of(many_lines())[:-3000])
    _, cut = run_one(tmp_path, source)
    assert whole["balance"]["errors"] == []
    assert "truncated" in cut["balance"]["errors"][0]["error"]
    assert cut["totals"]["documents"] < whole["totals"]["documents"]
