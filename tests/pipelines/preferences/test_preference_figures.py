"""Cycles, biases, label noise and strata against plain references."""

import itertools

import numpy as np
import pytest
from gristmill.pipelines.preferences.cycles import pairs_in_cycles
from gristmill.pipelines.preferences.figures import length_auc, preferred_share, share
from gristmill.pipelines.preferences.label_noise import cross_validated, fit, noise_figures
from gristmill.pipelines.select.balance import balance, edge_strata, length_strata, value_strata
from gristmill.schemas.recipe.preferences import Balance
from hypothesis import given
from hypothesis import strategies as st

EDGES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 5)), max_size=25)


def reaches(edges: list[tuple[int, int]], start: int, end: int) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        for a, b in edges:
            if a == node and b not in seen:
                seen.add(b)
                waiting.append(b)
    return end in seen


@given(EDGES)
def test_a_pair_is_in_a_cycle_when_its_rejected_answer_leads_back(edges: list[tuple[int, int, int]]) -> None:
    columns = np.array(edges, np.int64).reshape(-1, 3)
    found, counts = pairs_in_cycles(columns[:, 0], columns[:, 1], columns[:, 2])
    for (prompt, a, b), cyclic, count in zip(edges, found, counts, strict=True):
        of_prompt = [(c, d) for other, c, d in edges if other == prompt]
        assert cyclic == (a != b and reaches(of_prompt, b, a))
        assert count == len(of_prompt)


def test_long_chains_need_no_recursion() -> None:
    nodes = np.arange(20_000)
    found, _ = pairs_in_cycles(np.zeros(20_000, np.int64), nodes, (nodes + 1) % 20_000)
    assert found.all()
    found, _ = pairs_in_cycles(np.zeros(20_000, np.int64), nodes, nodes + 1)
    assert not found.any()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_the_auc_is_that_of_every_two_pairs(differences: list[int]) -> None:
    found = length_auc(np.array(differences, float))
    assert found is not None
    sums = [a + b for a, b in itertools.product(differences, differences)]
    plain = sum(1.0 if total > 0 else 0.5 if total == 0 else 0.0 for total in sums) / len(sums)
    assert found.value == pytest.approx(plain)
    assert found.low <= found.value <= found.high


def test_intervals_hold_what_they_promise() -> None:
    """Of 400 sets drawn from one distribution about 95 in 100 have the true value in the interval."""
    draw = np.random.default_rng(5)
    inside, shares = 0, 0
    for _ in range(400):
        differences = draw.normal(0.25, 1, 200)
        auc, preferred = length_auc(differences), preferred_share(differences)
        assert auc is not None
        assert preferred is not None
        inside += auc.low <= 0.63816 <= auc.high  # of normal differences: Phi(0.25 * sqrt 2)
        shares += preferred.low <= 0.59871 <= preferred.high  # Phi(0.25)
    assert 0.92 <= inside / 400 <= 0.98
    assert 0.92 <= shares / 400 <= 0.98
    assert share(0, 0) is None
    assert preferred_share(np.zeros(3)) is None
    assert length_auc(np.zeros(0)) is None


def test_labels_that_were_exchanged_are_unlikely() -> None:
    draw = np.random.default_rng(1)
    features = draw.normal(size=(2000, 3))
    right = 1 / (1 + np.exp(-features @ [3.0, -4.0, 0.0])) > draw.random(2000)
    features[~right] *= -1  # the chosen answer comes first
    wrong = np.arange(2000) < 300
    features[wrong] *= -1
    features[::7, 2] = np.nan
    found = cross_validated(features, np.arange(2000) % 5, np.ones(2000, bool))
    assert found[~wrong].mean() > 0.65
    assert found[wrong].mean() < 0.35
    figures = noise_figures(found)
    assert figures is not None
    assert 0.1 < figures.wrong < 0.25
    opposite = cross_validated(-features, np.arange(2000) % 5, np.ones(2000, bool))
    assert np.allclose(found, opposite)  # the model follows the labels it is given
    assert noise_figures(np.zeros(0)) is None
    assert cross_validated(np.zeros((3, 0)), np.zeros(3, np.int64), np.ones(3, bool)).tolist() == [0.5] * 3


def test_the_weights_are_the_likeliest() -> None:
    """At the optimum the gradient of the penalised likelihood is 0."""
    features = np.random.default_rng(2).normal(0.3, 1, size=(300, 4))
    weights = fit(features)
    gradient = features.T @ (1 / (1 + np.exp(features @ weights))) - weights
    assert np.abs(gradient).max() < 1e-6


def test_lengths_are_balanced_in_every_stratum() -> None:
    draw = np.random.default_rng(3)
    chosen, rejected = draw.integers(1, 2000, 3000).astype(float), draw.integers(1, 1000, 3000).astype(float)
    chosen[:5] = np.nan
    strata = length_strata(chosen, rejected)
    rows, order = draw.random(3000) < 0.9, draw.permutation(3000)
    found = balance(strata, rows, order, Balance(by="length"))
    assert found.facts["dropped"] == rows.sum() - found.kept.sum() > 500
    assert (found.kept[:5] == rows[:5]).all()
    after = {entry["stratum"]: entry["after"] for entry in found.facts["strata"]}
    for name, count in after.items():
        side, _, ratio = name.partition(",")
        other = "chosen shorter" if side == "chosen longer" else "chosen longer"
        assert after.get(f"{other},{ratio}", 0) == count, name
    auc = length_auc((np.log(chosen + 1) - np.log(rejected + 1))[found.kept & ~np.isnan(chosen)])
    assert auc is not None
    assert abs(auc.value - 0.5) < 0.01


def test_strata_of_values() -> None:
    kinds = value_strata(["a"] * 10 + ["b"] * 4 + [None] * 3)
    rows = np.ones(17, bool)
    order = np.arange(17)[::-1]
    found = balance(kinds, rows, order, Balance(by="x", max_ratio=1.5))
    assert np.flatnonzero(found.kept).tolist() == [*range(4, 17)]  # the first six as drawn, from behind
    assert found.facts["without a value"] == 3
    assert balance(kinds, rows, order, Balance(by="x", max_rows=2)).kept.sum() == 2 + 2 + 3
    numbers = edge_strata(np.array([0.0, 1.0, 1.5, 9.0, np.nan]), (1.0, 2.0))
    assert numbers.number.tolist() == [0, 1, 1, 2, -1]
    assert numbers.names == ["below 1", "1 to 2", "2 or more"]
