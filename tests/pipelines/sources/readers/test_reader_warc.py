import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import brotli
import pytest
import zstandard
from gristmill.pipelines.sources.readers.identity import id_from_warc_record
from gristmill.pipelines.sources.readers.warc_frames import MAX_HEADER_BYTES, frames
from gristmill.schemas.tally import Tally
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.pipelines.sources.readers.archives import http, packed, page, record
from tests.pipelines.sources.readers.reading import Reading, read_source

NAMES = ["Amber", "Birch", "Cedar", "Dogwood", "Elder"]
PAGES = [record("response", http(page(name)), n) for n, name in enumerate(NAMES)]


def read(folder: Path, content: bytes, name: str = "a.warc", **options: object) -> Reading:
    (folder / name).write_bytes(content)
    return read_source(folder / name, **options)


def names(reading: Reading) -> list[str]:
    return [text.split()[0] for text in reading.texts]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.warc", b"".join(PAGES)),
        ("a.warc.gz", packed(*PAGES)),
        ("whole.warc.gz", gzip.compress(b"".join(PAGES))),
        ("a.warc.zst", zstandard.compress(b"".join(PAGES))),
        ("lf.warc", b"".join(PAGES).replace(b"\r\n", b"\n").replace(b"Content-Length", b"X-Old\nContent-Length")),
    ],
)
def test_every_packing_holds_the_same_documents(tmp_path: Path, name: str, content: bytes) -> None:
    if name == "lf.warc":
        content = b"".join(
            record("response", http(page(n)).replace(b"\r\n", b"\n"), i).replace(b"\r\n", b"\n")
            for i, n in enumerate(NAMES)
        )
    reading = read(tmp_path, content, name)
    assert names(reading) == NAMES
    assert reading.errors == []
    expected = [id_from_warc_record(f"urn:uuid:00000000-0000-0000-0000-{n:012d}") for n in range(5)]
    assert [row["doc_id"] for row in reading.rows] == expected


def test_a_page_becomes_a_row(tmp_path: Path) -> None:
    head = '<meta name="ROBOTS" content="noai, noimageai">'
    headers = {"X_Robots_Tag": "noindex", "tdm_reservation": "1"}
    body = http(page("Amber", head), "text/html; charset=utf-8", **headers)
    (row,) = read(tmp_path, record("response", body, 3, WARC_Truncated="length")).rows
    assert (row["url"], row["timestamp"], row["location"]) == ("http://x.example/3", "2024-03-01T12:00:00Z", "a.warc#0")
    metadata = json.loads(row["metadata"])
    assert metadata.pop("page").keys() == {"type", "shown_bytes"}
    assert metadata == {
        "charset": "utf-8",
        "http_status": 200,
        "mime": "text/html",
        "opt_out": {"meta_robots": "robots: noai, noimageai", "tdm-reservation": "1", "x-robots-tag": "noindex"},
        "title": "On Amber",
        "truncated": "length",
        "warc_record_id": "<urn:uuid:00000000-0000-0000-0000-000000000003>",
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (record("warcinfo", b"software: x"), "warc_warcinfo"),
        (record("request", b"GET / HTTP/1.1\r\n\r\n"), "warc_request"),
        (record("revisit", http(b"")), "warc_revisit"),
        (record("metadata", b"x: y"), "warc_metadata"),
        (record("continuation", b"x"), "warc_continuation"),
        (record("somethingelse", b"x"), "warc_other"),
        (record("resource", b"log", uri="metadata://x/log", Content_Type="text/plain"), "warc_resource"),
        (record("response", b"x.example. 1 IN A 127.0.0.1", uri="dns:x.example"), "not_http"),
        (record("response", http(b"\x89PNG", "image/png")), "mime_image"),
        (record("response", http(b"{}", "application/json")), "mime_application"),
        (record("response", http(b"a{}", "text/css")), "mime_text"),
        (record("response", http(b"a{}", "madeup/x")), "mime_other"),
        (record("response", http(page("Gone"), status="404 Not Found")), "http_error_status"),
        (record("response", http(page("Moved"), status="301 Moved")), "http_redirect"),
    ],
)
def test_records_without_a_document_are_counted(tmp_path: Path, content: bytes, reason: str) -> None:
    reading = read(tmp_path, PAGES[0] + content + PAGES[1])
    assert (names(reading), reading.reasons, reading.skipped) == (NAMES[:2], [], {reason: 1})


@pytest.mark.parametrize("size", [*range(16_200, 16_420, 7), 30_000])
def test_headers_of_any_size_are_no_part_of_the_page(tmp_path: Path, size: int) -> None:
    """Headers end before, at and behind what is parsed at first of a block."""
    pages = []
    for n, name in enumerate(NAMES[:2]):
        cookies = {f"Cookie_{at}": "c" * min(8000, size - at) for at in range(0, size, 8000)}
        page_of_headers = http(page(name), **cookies, X_Robots_Tag="noindex")
        pages.append(record("response", page_of_headers + b"<!--" + b"-" * 40_000 + b"-->", n))
    reading = read(tmp_path, packed(*pages), "a.warc.gz")
    assert names(reading) == NAMES[:2]
    assert not any("Cookie" in text or "cccc" in text for text in reading.texts)
    assert [json.loads(row["metadata"])["opt_out"] for row in reading.rows] == [{"x-robots-tag": "noindex"}] * 2


@pytest.mark.parametrize("count", [0, 1, 17, 100_000])
def test_any_number_of_line_ends_between_records(tmp_path: Path, count: int) -> None:
    reading = read(tmp_path, PAGES[0] + b"\r\n" * count + PAGES[1])
    assert (names(reading), reading.errors) == (NAMES[:2], [])


def test_endless_line_ends_are_not_held() -> None:
    def blocks() -> Iterator[bytes]:
        nonlocal given
        yield PAGES[0]
        while given < 100:
            given += 1
            yield b"\n" * MAX_HEADER_BYTES

    given = 0
    found = frames(blocks(), 1 << 20)
    assert next(found).content == PAGES[0][:-4]
    assert given < 4
    assert list(found) == []


@given(
    cuts=st.lists(st.integers(0, 6000), max_size=12),
    gaps=st.sets(st.integers(0, 12), max_size=2),
    separators=st.lists(st.sampled_from([b"", b"\r\n", b"\n" * 40, b"stray"]), min_size=4, max_size=4),
    length=st.sampled_from([None, 10, 700]),
)
@settings(max_examples=examples(200))
def test_frames_are_the_same_wherever_blocks_end(
    cuts: list[int], gaps: set[int], separators: list[bytes], length: int | None
) -> None:
    """However a stream is cut into blocks: one byte at a time or whole records at once."""
    parts = [PAGES[0], record("response", http(page("Odd")), length=length), PAGES[2], PAGES[3]]
    content = b"".join(part + separator for part, separator in zip(parts, separators, strict=True))
    borders = [0, *sorted(cut % len(content) for cut in cuts), len(content)]
    pieces = [content[start:end] for start, end in pairwise(borders)]
    whole: list[bytes | None] = []
    for number, piece in enumerate(pieces):
        whole += [piece, None] if number in gaps else [piece]
    single = [one if one is None else bytes([one]) for part in whole for one in ([None] if part is None else part)]
    assert list(frames(iter(whole), 1 << 20)) == list(frames(iter(single), 1 << 20))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (record("response", b"no http at all"), "invalid_http"),
        (record("response", b""), "invalid_http"),
        (record("response", http(bytes(range(256)) * 10)), "binary_content"),
        (record("response", http(b"x" * 5000)), "too_large"),
        (record("response", http(gzip.compress(bytes(100_000)), Content_Encoding="gzip")), "too_large"),
        (record("response", http(brotli.compress(bytes(100_000)), Content_Encoding="br")), "too_large"),
        (record("response", http(page("Long")), length=40), "wrong_content_length"),
        (record("response", http(page("Short")), length=1500), "wrong_content_length"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\nno length\r\n\r\n", "invalid_warc_header"),
        (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: many\r\n\r\n\r\n\r\n", "invalid_warc_header"),
        (b"stray bytes between records\r\n\r\n", "wrong_content_length"),
    ],
)
def test_bad_records_are_quarantined_and_the_next_is_found(tmp_path: Path, content: bytes, reason: str) -> None:
    reading = read(tmp_path, PAGES[0] + PAGES[2] + content + PAGES[3] + PAGES[4], max_document_bytes=4000)
    assert reasons_of(reading) == [reason]
    # A record that lies about its length may take the one before or after it along, never more.
    assert set(NAMES) - {"Birch", "Cedar", "Dogwood"} <= set(names(reading))
    assert len(names(reading)) >= 3


def reasons_of(reading: Reading) -> list[str]:
    return sorted(set(reading.reasons))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda b: zlib.compress(b)[2:-4]),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
        ("gzip", bytes),
        ("deflate", bytes),
        ("br", bytes),
        ("identity", bytes),
        ("gzip, br", lambda b: brotli.compress(gzip.compress(b))),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_are_decoded(tmp_path: Path, encoding: str, body, chunked: bool) -> None:
    stored = body(page("Amber"))
    headers = {"Content_Encoding": encoding}
    if chunked:
        parts = (stored[at : at + 50] for at in range(0, len(stored), 50))
        stored = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        headers["Transfer_Encoding"] = "chunked"
    reading = read(tmp_path, record("response", http(stored, **headers)))
    assert names(reading) == ["Amber"]
    assert "transfer" not in json.loads(reading.rows[0]["metadata"])


@pytest.mark.parametrize(
    ("headers", "body", "note"),
    [
        ({"Content_Encoding": "gzip"}, gzip.compress(page("Amber") + b" " * 999)[:-12], "truncated_gzip"),
        ({"Transfer_Encoding": "chunked"}, b"ff0\r\n" + page("Amber"), "truncated_chunks"),
        ({"Transfer_Encoding": "chunked"}, page("Amber"), None),
        ({"Content_Length": "7"}, page("Amber"), None),
        ({"Content_Length": "70000"}, page("Amber"), None),
    ],
)
def test_bodies_that_are_not_what_http_says(tmp_path: Path, headers: dict, body: bytes, note: str | None) -> None:
    reading = read(tmp_path, record("response", http(body, **headers)))
    assert names(reading) == ["Amber"]
    assert json.loads(reading.rows[0]["metadata"]).get("transfer") == note


def test_plain_text_conversions_and_resources_are_documents(tmp_path: Path) -> None:
    content = (
        record("conversion", "Zażółć".encode(), 1, Content_Type="text/plain")
        + record("resource", page("Amber"), 2, Content_Type="text/html")
        + record("response", http("Größe".encode("latin-1"), "text/plain; charset=iso-8859-1"), 3)
        + record("response", http(page("Birch"), None), 4)
    )
    reading = read(tmp_path, content, "a.warc.wet")
    assert sorted(text.split()[0] for text in reading.texts) == ["Amber", "Birch", "Größe", "Zażółć"]


@pytest.mark.parametrize("victim", range(5))
def test_a_damaged_member_costs_one_record(tmp_path: Path, victim: int) -> None:
    members = [bytearray(gzip.compress(one)) for one in PAGES]
    members[victim][len(members[victim]) // 2] ^= 0x55
    reading = read(tmp_path, b"".join(members), "a.warc.gz")
    assert names(reading) == [name for n, name in enumerate(NAMES) if n != victim]
    assert reading.reasons == ["corrupt_record"]
    assert reading.tallies[0].records_framed == 5
    assert f"corrupt gzip member at byte {sum(map(len, members[:victim]))}" in reading.errors[0]


@pytest.mark.parametrize("compressed", [False, True])
def test_no_truncation_is_silent(tmp_path: Path, compressed: bool) -> None:
    content = packed(*PAGES[:2]) if compressed else b"".join(PAGES[:2])
    first = len(gzip.compress(PAGES[0])) if compressed else len(PAGES[0])
    line_ends = 0 if compressed else 4  # a record without its closing line ends has lost nothing
    for cut in range(1, len(content), 7 if compressed else 13):
        reading = read(tmp_path, content[:cut], "a.warc.gz" if compressed else "a.warc")
        whole = first - line_ends <= cut <= first or cut >= len(content) - line_ends
        assert bool(reading.errors) != whole, cut
        assert names(reading) == NAMES[: len(reading.texts)]
        assert len(reading.texts) >= (cut >= first)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    compressed=st.booleans(),
    edits=st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from(["flip", "cut out", "insert"])), min_size=1, max_size=3
    ),
    noise=st.binary(min_size=1, max_size=40),
)
def test_whatever_is_damaged_the_balance_holds(tmp_path: Path, compressed: bool, edits: list, noise: bytes) -> None:
    content = packed(*PAGES) if compressed else b"".join(PAGES)
    for at, how in edits:
        at %= len(content)
        middle = {
            "flip": bytes(b ^ 0x5A for b in content[at : at + len(noise)]),
            "cut out": b"",
            "insert": noise + content[at : at + 1],
        }
        content = content[:at] + middle[how] + content[at + (1 if how == "insert" else len(noise)) :]
    (tmp_path / "a.warc.gz").write_bytes(content)
    reading = read_source(tmp_path / "a.warc.gz", format="warc")
    assert isinstance(reading.tallies[0], Tally)
    assert reading.tallies[0].records_framed >= len(reading.texts)
    if compressed and len(edits) == 1:
        assert len(reading.texts) >= 2
    # A flip in a header may make a record one that is skipped by design: of no WARC type, of another media type.
    assert reading.errors or reading.reasons or len(reading.texts) >= 5 - len(edits)


def test_a_worker_that_dies_costs_its_page(tmp_path: Path) -> None:
    import pyarrow as pa
    from gristmill.pipelines.sources.readers.extract import EXTRACTED, extract_batch

    def isolate(function: str, config: dict, batch: pa.RecordBatch) -> pa.RecordBatch:
        assert function == "gristmill.pipelines.sources.readers.extract:extract_batch"
        errors = ["crashed", None, "timeout", "MemoryError: x", "ValueError: y"]
        rows = extract_batch(batch, config).to_pylist()
        rows = [
            {**(row if error is None else dict.fromkeys(EXTRACTED.names)), "error": error}
            for row, error in zip(rows, errors, strict=True)
        ]
        return pa.RecordBatch.from_pylist(rows, EXTRACTED.append(pa.field("error", pa.large_string())))

    reading = read(tmp_path, b"".join(PAGES), isolate=isolate, extract="resiliparse")
    assert names(reading) == ["Birch"]
    assert reading.reasons == ["extraction_crashed", "extraction_timeout", "extraction_memory", "extraction_failed"]
    assert {row["location"].partition("#")[0] for row in reading.rows} == {"a.warc"}
