"""Jaccard of shingle sets against Python sets, and the estimate against counting."""

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.jaccard import estimated_jaccard, jaccard, jaccard_of_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

SETS = st.lists(st.sets(st.integers(0, 40) | st.integers(2**64 - 3, 2**64 - 1), max_size=30), min_size=1, max_size=5)


def _csr(sets: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    values = np.array([v for s in sets for v in sorted(s)], np.uint64)
    return values, np.cumsum([0, *map(len, sets)]).astype(np.int64)


def _all_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(count), count), np.tile(np.arange(count), count)


@settings(max_examples=examples(80))
@given(SETS)
def test_equals_sets(sets: list[set[int]]) -> None:
    left, right = _all_pairs(len(sets))
    expected = [
        len(sets[a] & sets[b]) / len(sets[a] | sets[b]) if sets[a] | sets[b] else 0.0
        for a, b in zip(left, right, strict=True)
    ]
    assert jaccard(*_csr(sets), left, right).tolist() == expected


def test_lopsided_pairs_gallop_to_the_same() -> None:
    large = set(range(0, 10_000, 3))
    small = {0, 1, 2999, 3000, 9999, 20_000}
    values, offsets = _csr([large, small])
    expected = len(large & small) / len(large | small)
    assert jaccard(values, offsets, np.array([0, 1]), np.array([1, 0])).tolist() == [expected, expected]


def test_rows_of_joined_pairs() -> None:
    left = [[1, 2, 3], [], [5], None, [1, 2**64 - 1]]
    right = [[2, 3, 4], [], [5], [1], [2**64 - 1]]
    for kind in (pa.list_(pa.uint64()), pa.large_list(pa.uint64())):
        a, b = pa.array([[9], *left], kind)[1:], pa.array(right, kind)
        assert jaccard_of_rows(a, b).tolist() == [0.5, 0.0, 1.0, 0.0, 0.5]


def test_estimate_counts_agreeing_permutations() -> None:
    signatures = np.array([[1, 2, 3, 4], [1, 2, 9, 4], [0, 0, 0, 0]], np.uint32)
    left, right = np.array([0, 0, 0]), np.array([0, 1, 2])
    assert estimated_jaccard(signatures, left, right).tolist() == [1.0, 0.75, 0.0]
