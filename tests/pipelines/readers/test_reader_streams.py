import bz2
import gzip
import io
import lzma

import pytest
import zstandard
from gristmill.pipelines.readers.streams import CHUNK_BYTES, chunks, gzip_records
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=60, deadline=None)
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
