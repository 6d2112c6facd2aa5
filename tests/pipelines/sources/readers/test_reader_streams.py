import bz2
import gzip
import io
import lzma
import random
from collections.abc import Generator
from unittest.mock import patch

import pytest
import zstandard
from gristmill.pipelines.sources.readers import gzip_records as gzip_module
from gristmill.pipelines.sources.readers.gzip_records import HELD_BYTES, gzip_records
from gristmill.pipelines.sources.readers.streams import CHUNK_BYTES, chunks
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

PACKERS = {"gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.compress}
PARTS = [b"first member " * 40, b"", b"second member, other words " * 30]


def unpack(stored: bytes, kind: str) -> tuple[bytes, list[str]]:
    defects: list[str] = []
    return b"".join(chunks(io.BytesIO(stored), kind, defects.append)), defects


@pytest.mark.parametrize("kind", PACKERS)
def test_concatenated_members_are_one_stream(kind: str) -> None:
    assert unpack(b"".join(map(PACKERS[kind], PARTS)), kind) == (b"".join(PARTS), [])


@pytest.mark.parametrize("kind", PACKERS)
def test_a_cut_stream_yields_its_beginning_and_says_so(kind: str) -> None:
    members = [PACKERS[kind](part) for part in PARTS]
    whole, content = b"".join(members), b"".join(PARTS)
    ends = {0, len(members[0]), len(members[0] + members[1]), len(whole)}
    for cut in range(len(whole) + 1):
        got, defects = unpack(whole[:cut], kind)
        assert content.startswith(got)
        assert bool(defects) == (cut not in ends), cut
        assert all(f"at byte {cut}" in d for d in defects if d.startswith("truncated"))


@pytest.mark.parametrize("kind", PACKERS)
def test_blocks_stay_small_whatever_the_ratio(kind: str) -> None:
    stored = PACKERS[kind](bytes(24 << 20))
    sizes = [len(block) for block in chunks(io.BytesIO(stored), kind, pytest.fail)]
    assert sum(sizes) == 24 << 20
    assert max(sizes) <= (64 << 20 if kind == "zstd" else CHUNK_BYTES)


@settings(max_examples=examples(60))
@given(kind=st.sampled_from(sorted(PACKERS)), at=st.integers(0, 10_000), byte=st.integers(1, 255))
def test_a_damaged_stream_never_raises_nor_runs_silent(kind: str, at: int, byte: int) -> None:
    stored = bytearray(PACKERS[kind](PARTS[2] * 3))
    stored[at % len(stored)] ^= byte
    got, defects = unpack(bytes(stored), kind)
    # A gzip header holds a time and a system byte, zstd frames have no checksum by default: these say nothing.
    assert got == PARTS[2] * 3 or defects or kind == "zstd"


@pytest.mark.parametrize(
    ("tail", "told"),
    [(b"", False), (bytes(512), False), (b"no gzip here, really not", True), (bytes(512) + b"x", True)],
    ids=["nothing", "zero padding", "junk", "padding then junk"],
)
def test_bytes_after_the_last_gzip_member(tail: bytes, told: bool) -> None:
    got, defects = unpack(gzip.compress(b"text") + tail, "gzip")
    assert (got, bool(defects)) == (b"text", told)


@pytest.mark.parametrize("zeros", [1, 9, CHUNK_BYTES - 40, 3 * CHUNK_BYTES + 5])
def test_members_behind_padding_are_read(zeros: int) -> None:
    stored = gzip.compress(b"WARC/1.0 one") + bytes(zeros) + gzip.compress(b"WARC/1.0 two") + bytes(zeros)
    assert unpack(stored, "gzip") == (b"WARC/1.0 oneWARC/1.0 two", [])
    assert read_records(stored, CHUNK_BYTES) == (b"WARC/1.0 oneWARC/1.0 two", 0, [])


def test_the_next_gzip_record_is_found_after_damage() -> None:
    members = [gzip.compress(b"WARC/1.0 record %d " % n + bytes(range(256)) * 9) for n in range(4)]
    damaged = bytearray(members[1])
    damaged[len(damaged) // 2] ^= 0xFF
    defects: list[str] = []
    stored = members[0] + bytes(damaged) + b"stray bytes" + members[2] + members[3]
    blocks = list(gzip_records(io.BytesIO(stored), defects.append, b"WARC/"))
    assert [block and block[:15] for block in blocks] == [
        b"WARC/1.0 record",
        None,
        b"WARC/1.0 record",
        b"WARC/1.0 record",
    ]
    assert len(defects) == 1
    assert f"at byte {len(members[0])}" in defects[0]


def read_records(stored: bytes, block_bytes: int) -> tuple[bytes, int, list[str]]:
    """(content, damaged members, defects) of a file that is read in blocks of so many bytes."""

    class Blocks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(block_bytes)

    defects: list[str] = []
    blocks = list(gzip_records(Blocks(stored), defects.append, b"WARC/"))
    return b"".join(filter(None, blocks)), blocks.count(None), defects


@settings(max_examples=examples(200))
@given(
    data=st.data(),
    block_bytes=st.sampled_from([7, 100, 5000, CHUNK_BYTES]),
    sizes=st.lists(st.integers(0, 3000), max_size=5),
)
def test_two_readers_of_members_agree_on_every_damage(data: st.DataObject, block_bytes: int, sizes: list[int]) -> None:
    """What reads sound members fast leaves the others as the careful reader alone reads them."""
    members = [gzip.compress(b"WARC/1.0" + random.Random(n).randbytes(n // 2) + b"a" * n) for n in sizes]
    stored = bytearray(b"".join(members) + data.draw(st.sampled_from([b"", bytes(9), b"no gzip", b"\x1f"])))
    for _ in range(data.draw(st.integers(0, 2))):
        if stored:
            stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
    whole = bytes(stored[: data.draw(st.integers(0, len(stored)))] if data.draw(st.booleans()) else stored)
    both = read_records(whole, block_bytes)
    with patch.object(gzip_module, "_sound_members", none_is_sound):
        assert read_records(whole, block_bytes) == both


def none_is_sound(raw: object, data: bytes) -> Generator[bytes, None, tuple[int, bytes]]:
    yield from ()
    return 0, data


@pytest.mark.parametrize("of_what", ["content", "stored bytes"])
def test_large_members_are_handed_on_in_pieces(of_what: str) -> None:
    """A member is held while its content and its stored bytes are small, whatever is in it."""
    if of_what == "content":
        stored = gzip.compress(b"WARC/1.0" + bytes(HELD_BYTES))
    else:
        empty_blocks = b"\x00\x00\x00\xff\xff" * (HELD_BYTES // 5)
        stored = gzip.compress(b"")[:10] + empty_blocks + b"\x01\x00\x00\xff\xff" + bytes(8)
    defects: list[str] = []
    blocks = list(gzip_records(io.BytesIO(gzip.compress(b"WARC/1.0 one") + stored), defects.append, b"WARC/"))
    assert blocks[0] == b"WARC/1.0 one"
    assert sum(len(block or b"") for block in blocks[1:]) == (8 + HELD_BYTES if of_what == "content" else 0)
    assert not defects


def with_wrong_checksum(kind: str, content: bytes) -> bytes:
    if kind == "zstd":
        stored = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(content))
        stored[-1] ^= 1
    elif kind == "xz":
        stored = bytearray(lzma.compress(content))
        stored[-24] ^= 1  # of the block, before index and footer
    else:
        stored = bytearray(PACKERS[kind](content))
        stored[-5 if kind == "gzip" else -3] ^= 1
    return bytes(stored)


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("size", [3, 300, 200_000])
def test_a_wrong_checksum_costs_no_content(kind: str, size: int) -> None:
    content = bytes(97 + n * n % 23 for n in range(size))
    got, defects = unpack(with_wrong_checksum(kind, content), kind)
    assert got == content
    assert len(defects) == 1
    assert "corrupt" in defects[0]


def test_members_behind_one_with_a_wrong_checksum_are_read() -> None:
    got, defects = unpack(with_wrong_checksum("gzip", b"one ") + gzip.compress(b"two"), "gzip")
    assert (got, len(defects)) == (b"one two", 1)


def test_gzip_headers_with_every_field() -> None:
    import struct
    import zlib

    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(b"content") + deflate.flush()
    head = b"\x1f\x8b\x08\x1f" + bytes(6) + b"\x05\0extra" + b"name.txt\0" + b"a comment\0" + b"\0\0"
    stored = head + packed + struct.pack("<II", zlib.crc32(b"content"), 7)
    assert unpack(stored, "gzip") == (b"content", [])
    for cut in range(1, len(stored)):
        assert unpack(stored[:cut], "gzip")[1], cut


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_text_under_the_name_of_a_packed_file_is_taken_as_it_is(kind: str, encoding: str) -> None:
    stored = "Größe und Äpfel\n".encode(encoding)
    assert unpack(stored, kind) == (stored, [])


def test_a_file_that_cannot_be_read_is_an_input_error() -> None:
    from gristmill.schemas.errors import InputError

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match=r"cannot be read.*Input/output error"):
        list(chunks(Failing(), "", pytest.fail))
