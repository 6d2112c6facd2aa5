"""Bodies of HTTP responses: chunks, content encodings of several members, headers that the body contradicts."""

import gzip
import zlib

import brotli
import pytest
import zstandard
from gristmill.pipelines.sources.readers.http_body import BodyTooLarge, decode_body, join_chunks
from hypothesis import given
from hypothesis import strategies as st

TEXT = b"The mill turns when the river is high. " * 20


def chunked(*parts: bytes, line_end: bytes = b"\r\n", trailer: bytes = b"") -> bytes:
    joined = b"".join(b"%x" % len(part) + line_end + part + line_end for part in parts)
    return joined + b"0" + line_end + trailer + line_end


@given(
    parts=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5),
    line_end=st.sampled_from([b"\r\n", b"\n"]),
)
def test_chunks_are_joined(parts: list[bytes], line_end: bytes) -> None:
    assert join_chunks(chunked(*parts, line_end=line_end)) == (b"".join(parts), None)


@pytest.mark.parametrize(
    "body",
    [
        b"2024\r\nA year and what came of it.\r\n",
        b"2024\n" + TEXT,
        b"cafe\n" + TEXT,
        b"Face\r\nto face",
        b"a\nb\nc\nd\n",
        b"0\nis where we start from",
        b"0\r\n\r\nis where we start from",
        b"10\r\nsixteen or ten, who knows\r\n",
        b"3;x=y\r\nnot three\r\n",
        b"beef",
        b"0",
        b"",
        b"<html>2024</html>",
        b"ffffffffffffffffffffffff\r\nnumber",
    ],
)
def test_a_body_that_is_not_chunked_stays_whole(body: bytes) -> None:
    assert join_chunks(body) == (body, None)


@pytest.mark.parametrize(
    ("body", "joined", "defect"),
    [
        (b"ff0\r\n<html><p>cut", b"<html><p>cut", "truncated_chunks"),
        (b"4\r\nabcd\r\n5\r\nab", b"abcdab", "truncated_chunks"),
        (b"4\r\nabcd\r\n", b"abcd", "truncated_chunks"),
        (b"4\r\nabcd\r\n2\r\nef\r\nrest of it", b"abcdefrest of it", "corrupt_chunks"),
        (b"4;ext=1\r\nabcd\r\n0\r\n\r\n", b"abcd", None),
        (b"0004 \r\nabcd\r\n0\r\nX-Trailer: 1\r\n\r\n", b"abcd", None),
        (b"0\r\n\r\n", b"", None),
    ],
)
def test_chunks_that_end_early_or_wrong(body: bytes, joined: bytes, defect: str | None) -> None:
    assert join_chunks(body) == (joined, defect)


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "zstd"])
def test_every_member_is_read(name: str) -> None:
    pack = zstandard.compress if name == "zstd" else gzip.compress
    body = pack(b"first ") + pack(b"") + pack(b"second ") + pack(TEXT * 100)
    assert decode_body(body, "", name, 1 << 20) == (b"first second " + TEXT * 100, None)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + b"\1\2\3\4" + len(TEXT).to_bytes(4, "little")),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-4] + b"\1\2\3\4"),
        ("deflate", zlib.compress(TEXT)[:-4] + b"\1\2\3\4"),
        ("zstd", zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)[:-4] + b"\1\2\3\4"),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"no gzip behind it"),
    ],
    ids=["gzip checksum", "gzip size", "deflate", "zstd", "gzip and more"],
)
def test_a_wrong_trailer_costs_no_content(name: str, body: bytes) -> None:
    assert decode_body(body, "", name, 1 << 20) == (TEXT, f"corrupt_{name}")


@pytest.mark.parametrize("cut", [1, 9, 30])
@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_cut_body_keeps_its_beginning(name: str, cut: int) -> None:
    content = bytes(97 + n * n * 7 % 23 for n in range(60_000))
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress}[name]
    decoded, defect = decode_body(pack(content)[:-cut], "", name, 1 << 20)
    assert content.startswith(decoded)
    assert defect == f"truncated_{name}"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_body_stored_decoded_is_taken_as_it_is(name: str) -> None:
    assert decode_body(b"<html>plain</html>", "chunked", name, 100) == (b"<html>plain</html>", None)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_bombs_are_refused(name: str) -> None:
    content = bytes(3 << 20)
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress}[name]
    with pytest.raises(BodyTooLarge):
        decode_body(pack(content), "", name, 1 << 20)
