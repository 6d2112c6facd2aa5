"""Common Crawl as it is published: lists of files, results of the index, archives; and ARC."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gristmill
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from gristmill.console import Console
from gristmill.pipelines.sources.readers.common_crawl import ranges
from gristmill.pipelines.sources.readers.common_crawl.captures import Capture, CaptureError, captures_of_lines
from gristmill.pipelines.sources.readers.registry import list_splits
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

from tests.pipelines.sources.readers.archives import http, packed, page, record
from tests.pipelines.sources.readers.reading import Reading, read_source

NAMES = ["Amber", "Birch", "Cedar", "Dogwood", "Elder"]
RECORDS = [gzip.compress(record("response", http(page(name)), n)) for n, name in enumerate(NAMES)]
ARCHIVE = "crawl-data/CC-MAIN-2024-22/segments/1/warc/CC-MAIN-20240517233122-00000.warc.gz"


def crawl(folder: Path) -> list[dict[str, Any]]:
    """Writes the archive; what an index says of its records."""
    path = folder / ARCHIVE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(RECORDS))
    found, offset = [], 0
    for number, one in enumerate(RECORDS):
        about = {"url": f"http://x.example/{number}", "status": "200", "mime": "text/html", "filename": ARCHIVE}
        found.append({**about, "offset": str(offset), "length": str(len(one))})
        offset += len(one)
    return found


def cdxj(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(b"example,x)/ 20240301120000 " + json.dumps(row).encode() + b"\n" for row in rows)


def cdx(rows: list[dict[str, Any]], length: bool = True) -> bytes:
    letters = " CDX N b a m s k r M S V g\n" if length else " CDX N b a m s k r V g\n"
    lines = [
        f"x)/ 20240301120000 {r['url']} {r['mime']} {r['status']} SHA - {'- ' + r['length'] + ' ' if length else ''}"
        f"{r['offset']} {r['filename']}\n"
        for r in rows
    ]
    return (letters + "".join(lines)).encode()


def parquet(rows: list[dict[str, Any]], nested: bool = False) -> bytes:
    warc = [
        {"filename": r["filename"], "record_offset": int(r["offset"]), "record_length": int(r["length"])} for r in rows
    ]
    fetch = [{"status": int(r["status"])} for r in rows]
    columns: dict[str, Any] = {"url": [r["url"] for r in rows]}
    if nested:
        columns |= {"fetch": fetch, "warc": warc}
    else:
        columns |= {f"warc_{name}": [one[name] for one in warc] for name in warc[0]}
        columns["fetch_status"] = [one["status"] for one in fetch]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, row_group_size=2)
    return bytes(sink.getvalue())


def read(path: Path, **options: Any) -> Reading:
    return read_source(path, format="common_crawl", **options)


def names(reading: Reading) -> list[str]:
    return [text.split()[0] for text in reading.texts]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("result.cdxj", cdxj),
        ("cdx-00000.gz", lambda rows: gzip.compress(cdxj(rows[:2])) + gzip.compress(cdxj(rows[2:]))),
        ("result.cdx", cdx),
        ("nine-fields.cdx", lambda rows: cdx(rows, length=False)),
        ("answer.jsonl", lambda rows: b"".join(json.dumps(row).encode() + b"\n" for row in rows)),
        ("flat.parquet", parquet),
        ("nested.parquet", lambda rows: parquet(rows, nested=True)),
    ],
)
def test_an_index_gives_the_records_that_it_names(
    tmp_path: Path, name: str, write: Callable[[list[dict[str, Any]]], bytes]
) -> None:
    rows = crawl(tmp_path)
    (tmp_path / name).write_bytes(write([rows[3], rows[0], rows[4]]))
    reading = read(tmp_path / name)
    assert names(reading) == ["Dogwood", "Amber", "Elder"]
    assert {row["snapshot"] for row in reading.rows} == {"CC-MAIN-2024-22"}
    assert reading.rows[0]["url"] == "http://x.example/3"
    whole = read_source(tmp_path / ARCHIVE)
    assert {row["doc_id"] for row in reading.rows} <= {row["doc_id"] for row in whole.rows}


def test_a_large_index_is_read_in_parts_of_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.pipelines.sources.readers.common_crawl.INDEX_BYTES_A_SPLIT", 300)
    rows = crawl(tmp_path)
    (tmp_path / "result.cdx").write_bytes(cdx(rows))
    source = Source(name="cc", path=str(tmp_path / "result.cdx"), format="common_crawl")
    assert len(list_splits(source, 1 << 30)) > 2
    assert names(read(tmp_path / "result.cdx")) == NAMES


def test_what_the_index_says_is_no_page_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = crawl(tmp_path)
    rows[0]["status"], rows[1]["status"], rows[2]["mime"] = "301", "404", "warc/revisit"
    (tmp_path / "result.cdxj").write_bytes(cdxj(rows))
    asked = []
    plain = LocalFileSystem.cat_file
    monkeypatch.setattr(LocalFileSystem, "cat_file", lambda *a, **k: asked.append(k) or plain(*a, **k))
    reading = read(tmp_path / "result.cdxj")
    assert names(reading) == ["Dogwood", "Elder"]
    assert reading.skipped == {"http_redirect": 1, "http_error_status": 1, "warc_revisit": 1}
    assert len(asked) == 2


def test_a_store_that_fails_twice_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = crawl(tmp_path)
    (tmp_path / "result.cdxj").write_bytes(cdxj(rows[:1]))
    monkeypatch.setattr(ranges, "WAITS", (0, 0))
    plain, failures = LocalFileSystem.cat_file, [OSError("slow down"), TimeoutError()]

    def asked(*arguments: Any, **options: Any) -> bytes:
        if failures:
            raise failures.pop()
        return bytes(plain(*arguments, **options))

    monkeypatch.setattr(LocalFileSystem, "cat_file", asked)
    assert names(read(tmp_path / "result.cdxj")) == ["Amber"]
    failures += [OSError("slow down")] * 3
    reading = read(tmp_path / "result.cdxj")
    assert reading.reasons == ["unreachable_record"]
    assert "not fetched after 3 requests: slow down" in reading.rows[0]["detail"]
    assert "1 records could not be fetched" in reading.errors[0]


def test_records_that_are_not_there_are_rows_with_the_reason(tmp_path: Path) -> None:
    rows = crawl(tmp_path)
    rows[0]["filename"] = "crawl-data/none.warc.gz"
    rows[1]["filename"] = "../../etc/passwd"
    rows[2]["offset"] = str(int(rows[2]["offset"]) + 3)
    rows[3]["length"] = str(10**9)
    rows.append({**rows[4], "length": str(int(rows[4]["length"]) + 50)})
    (tmp_path / "result.cdxj").write_bytes(cdxj(rows) + b"x)/ 2024 {\nno line of an index\n{}\n\n")
    reading = read(tmp_path / "result.cdxj")
    assert names(reading) == ["Elder"]
    assert reading.reasons.count("invalid_index_line") == 3
    details = [row["detail"] for row in reading.rows if row["reason"] == "unreachable_record"]
    for words in ("no such file", "no name below", "above max_document_bytes", "instead of"):
        assert sum(words in detail for detail in details) == 1
    assert len(reading.reasons) == 8


def test_a_list_stands_for_the_files_that_it_names(tmp_path: Path) -> None:
    store = tmp_path / "store"
    crawl(store)
    wet = ARCHIVE.replace("/warc/", "/wet/").replace(".warc.gz", ".warc.wet.gz")
    (store / wet).parent.mkdir()
    text = record("conversion", b"Fir: plain text of a page, long enough to be one.", 9, Content_Type="text/plain")
    (store / wet).write_bytes(packed(text))
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(f"{ARCHIVE}\n{wet}\n".encode()))
    reading = read(tmp_path / "warc.paths.gz", crawl={"store": str(store)})
    assert names(reading) == [*NAMES, "Fir:"]
    assert {row["snapshot"] for row in reading.rows} == {"CC-MAIN-2024-22"}
    assert reading.rows[0]["location"] == f"{ARCHIVE}#0"
    few = read(tmp_path / "warc.paths.gz", crawl={"store": str(store), "files": 1}, snapshot="mine")
    assert names(few) == NAMES
    assert {row["snapshot"] for row in few.rows} == {"mine"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{ARCHIVE}\ncrawl-data/gone.warc.gz\n", "crawl-data/gone.warc.gz are not below"),
        ("/etc/passwd.warc.gz\n", "/etc/passwd.warc.gz are not below"),
        ("cc-index/collections/CC-MAIN-2024-22/indexes/cdx-00000.gz\n", "the list names 'cc-index/"),
        ("", "the list names no file"),
    ],
)
def test_a_list_of_what_is_not_there_is_refused(tmp_path: Path, content: str, message: str) -> None:
    crawl(tmp_path)
    (tmp_path / "warc.paths").write_text(content)
    with pytest.raises(InputError) as error:
        read(tmp_path / "warc.paths")
    assert message in str(error.value)


def test_a_table_without_the_columns_of_the_index_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"warc_filename": ["a"], "warc_record_offset": [1]}), tmp_path / "part.parquet")
    with pytest.raises(InputError, match="no column warc_record_length"):
        read(tmp_path / "part.parquet")
    (tmp_path / "part.parquet").write_bytes(b"PAR1 no more")
    assert "no Parquet file" in read(tmp_path / "part.parquet").errors[0]


def test_lines_of_an_index() -> None:
    lines = [
        b" CDX N b a m s k r V g\n",
        b"k 2024 http://u - - - - 7 f.warc\n",
        b"k 2024 http://u - - - 7 f.warc\n",
        b"!comment\n",
    ]
    header, whole, short, comment = captures_of_lines(iter(lines))
    assert (header, comment) == (None, None)
    assert whole == Capture("f.warc", 7, None, url="http://u")
    assert isinstance(short, CaptureError)
    for wrong in ({"offset": "-1"}, {"offset": "x"}, {"filename": ""}, {"offset": None}, {"length": "1.5"}):
        row = {"filename": "f.warc", "offset": "0", "length": "5", **wrong}
        (found,) = captures_of_lines(iter([json.dumps(row).encode()]))
        assert isinstance(found, CaptureError)


def arc_record(url: str, block: bytes, kind: str = "text/html") -> bytes:
    return f"{url} 192.0.2.1 20090301120000 {kind} {len(block)}\n".encode() + block + b"\n"


ARC = [
    arc_record("filedesc://a.arc", b"1 0 InternetArchive\nURL IP-address Archive-date Content-type\n", "text/plain"),
    *(arc_record(f"http://x.example/{name} page", http(page(name))) for name in NAMES),
    arc_record("dns:x.example", b"20090301120000\nx.example. 100 IN A 192.0.2.1\n", "text/dns"),
]


@pytest.mark.parametrize("is_packed", [True, False])
def test_arc_files_of_early_crawls(tmp_path: Path, is_packed: bool) -> None:
    path = tmp_path / "a.arc.gz"
    path.write_bytes(packed(*ARC) if is_packed else b"".join(ARC))
    reading = read_source(path)
    assert names(reading) == NAMES
    assert reading.skipped == {"warc_warcinfo": 1, "not_http": 1}
    assert (reading.rows[0]["url"], reading.rows[0]["timestamp"]) == (
        "http://x.example/Amber page",
        "2009-03-01T12:00:00Z",
    )
    assert [row["doc_id"] for row in reading.rows] == [row["doc_id"] for row in read(path).rows]


def test_damaged_arc_files_cost_the_records_in_them(tmp_path: Path) -> None:
    damaged = [*ARC]
    damaged[2] = damaged[2].replace(b" 192.0.2.1 ", b" ", 1)
    (tmp_path / "a.arc").write_bytes(b"".join(damaged)[:-30])
    reading = read_source(tmp_path / "a.arc")
    assert names(reading) == [NAMES[0], *NAMES[2:]]
    assert reading.reasons == ["invalid_arc_header", "truncated_record"]
    assert len(reading.errors) == 1
    small = read_source(tmp_path / "a.arc", max_document_bytes=100)
    assert set(small.reasons) == {"too_large", "invalid_arc_header", "truncated_record"}


def test_where_the_archives_lie_is_no_part_of_what_was_read(tmp_path: Path) -> None:
    """The same records from another store: nothing is read again. A recipe's relative store is that of its folder."""
    rows = crawl(tmp_path / "store")
    (tmp_path / "result.cdxj").write_bytes(cdxj(rows))
    recipe = tmp_path / "recipe.yaml"
    source = "{name: cc, path: result.cdxj, format: common_crawl, crawl: {store: STORE}}"
    recipe.write_text(f"name: crawl\nsources: [{source.replace('STORE', 'store')}]\npolicy: {{}}\n")
    quiet = Console(quiet=True)
    first = gristmill.build(recipe, tmp_path / "run", console=quiet, report=False)
    assert first.documents.rows == len(NAMES)
    (tmp_path / "store").rename(tmp_path / "moved")
    recipe.write_text(f"name: crawl\nsources: [{source.replace('STORE', 'moved')}]\npolicy: {{}}\n")
    again = gristmill.build(recipe, tmp_path / "run", console=quiet, report=False)
    assert again.documents.stage_key == first.documents.stage_key


def test_lines_of_arc_that_could_be_read_in_many_ways(tmp_path: Path) -> None:
    """Each address and date in a line might be the header's: the last counts."""
    line = b"http://x.example/" + b" 192.0.2.1 20090301120000 text" * 2000
    body = http(page("Amber"))
    named = (
        b"http://x.example/a 192.0.2.1 20090301120000 b 192.0.2.1 20090301120001 text/html %d\n" % len(body)
        + body
        + b"\n"
    )
    (tmp_path / "a.arc").write_bytes((line + b" none\n") * 40 + named)
    reading = read_source(tmp_path / "a.arc")
    assert [(row["url"], row["timestamp"]) for row in reading.rows if row["text"]] == [
        ("http://x.example/a 192.0.2.1 20090301120000 b", "2009-03-01T12:00:01Z")
    ]
