"""Packing: equal to plain best fit, no token lost, documents whole, and an index on disk that cannot lie."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import RunError
from gristmill.training.data.stream.packing import pack, packed_sources
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.real_lengths import real_lengths

LENGTHS = st.lists(st.integers(0, 40), max_size=60)


def reference(lengths: list[int], window: int) -> list[list[tuple[int, int]]]:
    """Bins of (start, length): full windows, then best-fit decreasing, the newest bin among equals."""
    bins: list[list[tuple[int, int]]] = []
    rest = []
    start = 0
    for length in lengths:
        bins += [[(start + k * window, window)] for k in range(length // window)]
        if length % window:
            rest.append((start + length // window * window, length % window))
        start += length
    packed: list[list[tuple[int, int]]] = []
    opened: list[tuple[int, int]] = []  # (space left, when it came to have that space)
    for clock, piece in enumerate(sorted(rest, key=lambda piece: -piece[1])):
        fitting = [(left, -since, i) for i, (left, since) in enumerate(opened) if left >= piece[1]]
        if fitting:
            left, _, i = min(fitting)
            packed[i].append(piece)
            opened[i] = (left - piece[1], clock)
        else:
            packed.append([piece])
            opened.append((window - piece[1], clock))
    return bins + packed


@given(LENGTHS, st.integers(1, 17), st.integers(0, 100))
@settings(max_examples=examples(200))
def test_equals_plain_best_fit(lengths: list[int], window: int, first: int) -> None:
    bins = pack(np.array(lengths, np.int32), window, first)
    edges = [0, *bins.ends.tolist()]
    pieces = list(zip((bins.starts - first).tolist(), bins.lengths.tolist(), strict=True))
    assert [pieces[a:b] for a, b in pairwise(edges)] == reference(lengths, window)


@given(LENGTHS, st.integers(1, 17))
@settings(max_examples=examples(100))
def test_every_token_once_and_short_documents_whole(lengths: list[int], window: int) -> None:
    bins = pack(np.array(lengths, np.int32), window)
    tokens = [t for a, n in zip(bins.starts, bins.lengths, strict=True) for t in range(a, a + n)]
    assert sorted(tokens) == list(range(sum(lengths)))
    starts = np.cumsum(lengths) - lengths
    pieces = set(zip(bins.starts.tolist(), bins.lengths.tolist(), strict=True))
    assert all((int(a), n) in pieces for a, n in zip(starts, lengths, strict=True) if 0 < n <= window)
    filled = np.add.reduceat(bins.lengths, np.r_[0, bins.ends[:-1]]) if len(bins.ends) else np.zeros(0)
    assert (filled <= window).all()


def test_fill_on_lengths_of_real_files() -> None:
    lengths = real_lengths()
    assert len(lengths) > 5000
    for window in (1024, 2049, 4096):
        assert lengths.sum() / (len(pack(lengths, window).ends) * window) >= 0.999


def sources(lengths: list[list[int]]):  # type: ignore[no-untyped-def]
    return [(f"s{i}", iter([np.array(part, np.int32) for part in (one[:3], one[3:])])) for i, one in enumerate(lengths)]


def test_blocks_hold_at_least_their_documents_and_every_token(tmp_path: Path) -> None:
    lengths = [[5, 3, 9, 2, 2, 8, 1, 30, 4, 4, 6], [1], []]
    packed = packed_sources(tmp_path, "k", sources(lengths), 8, 4)
    assert [len(one.blocks) for one in packed.values()] == [2, 1, 0]  # 4 and 7 documents; 1; none
    for one, source in zip(lengths, packed.values(), strict=True):
        tokens = [
            t for i in range(source.bins) for a, n in zip(*source.pieces(i), strict=True) for t in range(a, a + n)
        ]
        assert sorted(tokens) == list(range(sum(one)))
        touched = {number for number, _, _ in source.touching(4, 9)}
        assert touched == {i for i in range(source.bins) if any(a < 9 and a + n > 4 for a, n in zip(*source.pieces(i)))}  # noqa: B905


def test_index_is_built_once(tmp_path: Path) -> None:
    packed_sources(tmp_path, "k", sources([[5, 3, 9, 2]]), 8, 4)
    again = packed_sources(tmp_path, "k", iter(()), 8, 4)  # nothing to read lengths from
    assert again["s0"].bins == 3


def build_at_once(folder: Path, lengths: Callable[[], None]) -> list:
    """What four builders of the same index find; each calls `lengths` when it starts to build."""

    def source() -> Iterator[np.ndarray]:
        lengths()
        yield np.array([5, 3, 9, 2], np.int32)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: packed_sources(folder, "k", [("s0", source())], 8, 4)["s0"].pieces(0), range(4)))


def test_one_builds_and_the_others_wait(tmp_path: Path) -> None:
    builders: list[int] = []
    found = build_at_once(tmp_path, lambda: builders.append(1))
    assert builders == [1]
    assert found == [found[0]] * 4


def test_machines_without_a_common_lock_build_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.training.data.stream.packing.fcntl.flock", lambda *_: None)
    together = threading.Barrier(4)
    found = build_at_once(tmp_path, lambda: together.wait(60) and None)
    assert found == [found[0]] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packing-k", "packing-k.lock"]


@pytest.mark.parametrize("harm", ["altered", "short", "gone"])
def test_damaged_index_is_named(tmp_path: Path, harm: str) -> None:
    packed_sources(tmp_path, "k", sources([[5, 3, 9, 2]]), 8, 4)
    path = tmp_path / "packing-k" / "source-000.bins"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(content if harm == "altered" else content[:-8])
    with pytest.raises(RunError, match=r"source-000\.bins.*it is built again"):
        packed_sources(tmp_path, "k", iter(()), 8, 4)["s0"].pieces(0)
