"""Mixtures: exact quotas, spread evenly, closed form in the position; against sorting all times as fractions."""

from fractions import Fraction

import numpy as np
import pytest
from gristmill.schemas.errors import RecipeError
from gristmill.training.data.stream.mixture import QUOTA_BLOCK, Quotas, quotas_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

QUOTAS = st.lists(st.integers(0, 25), min_size=1, max_size=6).filter(any)


def reference(quotas: list[int]) -> list[tuple[int, int]]:
    """(source, rank) of every position of a block."""
    times = [(Fraction(2 * k + 1, 2 * quota), source, k) for source, quota in enumerate(quotas) for k in range(quota)]
    return [(source, k) for _, source, k in sorted(times)]


@given(QUOTAS)
@settings(max_examples=examples(150))
def test_equals_sorting_all_times(quotas: list[int]) -> None:
    mixture, block = Quotas(quotas), reference(quotas)
    expected = [(s, k + repeat * quotas[s]) for repeat in range(3) for s, k in block]
    sources, ranks = mixture.spread(np.arange(3 * mixture.total))
    assert list(zip(sources.tolist(), ranks.tolist(), strict=True)) == expected
    for position in range(2 * mixture.total):
        taken = [sum(s == source for s, _ in expected[:position]) for source in range(len(quotas))]
        assert mixture.taken(position).tolist() == taken


@given(st.lists(st.integers(1, 1 << 33), min_size=2, max_size=12), st.lists(st.integers(0, 1 << 36), max_size=6))
@settings(max_examples=examples(60))
def test_far_positions_of_large_quotas(quotas: list[int], positions: list[int]) -> None:
    """Products of the times pass 2**63 here: each position is found again from its source and rank."""
    mixture = Quotas(quotas)
    sources, ranks = mixture.spread(np.array(positions, np.int64))
    for position, source, rank in zip(positions, sources.tolist(), ranks.tolist(), strict=True):
        block, inside = divmod(position, mixture.total)
        counts = [int(n) - block * quota for n, quota in zip(mixture.taken(position), quotas, strict=True)]
        assert sum(counts) == inside
        time = (Fraction(2 * (rank - block * quotas[source]) + 1, 2 * quotas[source]), source)
        for other, (count, quota) in enumerate(zip(counts, quotas, strict=True)):
            assert count == 0 or (Fraction(2 * count - 1, 2 * quota), other) < time
            assert count == quota or (Fraction(2 * count + 1, 2 * quota), other) >= time
        assert mixture.position_of(source, rank) == position


def test_every_prefix_holds_each_share() -> None:
    quotas = [700, 200, 90, 10]
    sources, _ = Quotas(quotas).spread(np.arange(1000))
    counts = np.cumsum(sources[:, None] == np.arange(4), axis=0)
    ideal = np.arange(1, 1001)[:, None] * np.array(quotas) / 1000
    assert np.abs(counts - ideal).max() <= 2


def test_weights_are_of_tokens() -> None:
    """`short` holds half-empty sequences, so half of the tokens need two thirds of the sequences."""
    sequences, tokens = {"full": 1000, "short": 1000}, {"full": 16_000, "short": 8_000}
    quotas = quotas_of({"full": 0.5, "short": 0.5}, sequences, tokens).quotas
    assert quotas.sum() == QUOTA_BLOCK
    served = quotas * np.array([16, 8])
    assert served[0] / served.sum() == pytest.approx(0.5, abs=2e-6)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8).filter(lambda weights: sum(weights) > 1e-9))
@settings(max_examples=examples(100))
def test_quotas_follow_weights(weights: list[float]) -> None:
    names = [f"s{i}" for i in range(len(weights))]
    ones = dict.fromkeys(names, 1)
    quotas = quotas_of(dict(zip(names, weights, strict=True)), ones, ones)
    assert quotas.total == QUOTA_BLOCK
    for quota, weight in zip(quotas.quotas.tolist(), weights, strict=True):
        assert (quota > 0) == (weight > 0)
        assert abs(quota - weight / sum(weights) * QUOTA_BLOCK) <= len(weights)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"wbe": 1.0}, "mixture names wbe; expected sources of the shards: web, books"),
        ({"web": -1.0}, "expected numbers of 0 or more"),
        ({"web": 0.0}, "one of them above 0"),
        ({"web": float("nan")}, "expected numbers of 0 or more"),
        ({}, "one of them above 0"),
    ],
)
def test_wrong_weights_are_named(weights: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        quotas_of(weights, {"web": 3, "books": 4}, {"web": 30, "books": 40})
