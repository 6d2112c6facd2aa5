"""Choosing by vectors: each method against a plain reference of its paper's formula, and in any order of rows."""

import numpy as np
import pytest
from gristmill.pipelines.select import walk as walking
from gristmill.pipelines.select.choose import OUTCOMES, ChoosableRows, choose
from gristmill.pipelines.select.cover import cover, shares
from gristmill.pipelines.select.topics import find_topics
from gristmill.pipelines.select.walk import KEPT, NEAR, OVER, walk
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.curate import Select, SemanticDedup
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


def unit(rows: int, dimension: int = 8, seed: int = 0, spread: int = 0) -> np.ndarray:
    """Vectors of length 1; spread: around so many centres, rather than everywhere."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, dimension))
    if spread:
        vectors = rng.normal(size=(spread, dimension))[rng.integers(0, spread, rows)] + 0.15 * vectors
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def deita_plainly(vectors: np.ndarray, budget: int, limit: float, reaches: bool = False) -> list[tuple[int, int]]:
    """(outcome, nearest) of each row: Liu et al. 2024, algorithm 1, line by line."""
    selected: list[int] = []
    found = []
    for row, vector in enumerate(vectors):
        if len(selected) == budget:
            found.append((OVER, -1))
            continue
        similarities = [float(np.dot(vector.astype(float), vectors[other].astype(float))) for other in selected]
        best = max(similarities, default=-2.0)
        if best > limit or (reaches and best == limit):
            found.append((NEAR, selected[similarities.index(best)]))
        else:
            selected.append(row)
            found.append((KEPT, -1))
    return found


@settings(max_examples=examples(40))
@given(
    st.integers(1, 60), st.integers(1, 40), st.sampled_from([0.5, 0.8, 0.9]), st.integers(0, 9), st.sampled_from([0, 4])
)
def test_the_walk_is_deitas(rows: int, budget: int, limit: float, seed: int, spread: int) -> None:
    vectors = unit(rows, seed=seed, spread=spread)
    walked = walk(vectors, budget, limit)
    expected = deita_plainly(vectors, budget, limit)
    assert walked.outcome.tolist() == [outcome for outcome, _ in expected]
    assert walked.nearest.tolist() == [nearest for _, nearest in expected]


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(700, spread=60)
    whole = walk(vectors, 300, 0.95)
    for block, at_once in ((7, 5), (64, 1000)):
        monkeypatch.setattr(walking, "BLOCK", block)
        monkeypatch.setattr(walking, "KEPT_AT_ONCE", at_once)
        again = walk(vectors, 300, 0.95)
        assert (again.outcome == whole.outcome).all()
        assert (again.nearest == whole.nearest).all()
    assert [(o, n) for o, n in zip(whole.outcome, whole.nearest, strict=True)] == deita_plainly(vectors, 300, 0.95)


def test_equal_vectors_and_limits_that_are_met() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert walk(vectors, 3, 1.0).outcome.tolist() == [KEPT, KEPT, KEPT]
    assert walk(vectors, 3, 1.0, reaches=True).outcome.tolist() == [KEPT, NEAR, KEPT]
    assert walk(vectors[:0], 3, 0.9).outcome.tolist() == []


def test_an_index_finds_what_comparing_all_finds() -> None:
    pytest.importorskip("faiss")
    vectors = unit(3000, 16, spread=200)
    exact, found = walk(vectors, 3000, 0.9), walk(vectors, 3000, 0.9, neighbours="approximate")
    assert (exact.outcome == found.outcome).mean() > 0.98
    again = walk(vectors, 3000, 0.9, neighbours="approximate")
    assert (again.outcome == found.outcome).all()
    assert (again.nearest == found.nearest).all()


def test_without_faiss_a_recipe_that_needs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(RecipeError, match="faiss is not installed"):
        walk(unit(4), 4, 0.9, neighbours="approximate")
    assert len(walk(unit(4), 4, 0.9).outcome) == 4


def k_center_plainly(vectors: np.ndarray, budget: int) -> list[int]:
    chosen = [0] if budget else []
    similar = np.rint(vectors @ vectors.T * (1 << 20))
    while len(chosen) < budget:
        left = [row for row in range(len(vectors)) if row not in chosen]
        chosen.append(min(left, key=lambda row: (max(similar[row, other] for other in chosen), row)))
    return chosen


def facility_location_plainly(vectors: np.ndarray, budget: int) -> list[int]:
    chosen: list[int] = []
    similar = np.rint(vectors @ vectors.T * (1 << 20)).astype(np.int64)

    def value(rows: list[int]) -> int:
        return int(np.maximum(similar[rows].max(axis=0), 0).sum())

    while len(chosen) < budget:
        left = [row for row in range(len(vectors)) if row not in chosen]
        chosen.append(max(left, key=lambda row: (value([*chosen, row]), -row)))
    return chosen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("method", "plainly"), [("k_center", k_center_plainly), ("facility_location", facility_location_plainly)]
)
def test_covers_are_those_of_the_greedy_rules(seed: int, method: str, plainly) -> None:
    vectors = unit(30, 4, seed, spread=5 * (seed % 2))
    for budget in (0, 1, 7, 30):
        assert cover(vectors, budget, method).tolist() == plainly(vectors, budget)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(0, 100))
def test_shares_are_proportional_and_whole(sizes: list[int], budget: int) -> None:
    budget = min(budget, sum(sizes))
    found = shares(np.array(sizes), budget)
    assert found.sum() == budget
    assert all(0 <= share <= size for share, size in zip(found, sizes, strict=True))
    if sum(sizes):
        assert all(abs(share - size * budget / sum(sizes)) < 1 for share, size in zip(found, sizes, strict=True))


def test_topics_find_what_was_put_in() -> None:
    vectors = unit(400, 16, spread=6)
    topic, centres = find_topics(vectors, 6, np.arange(400))
    sizes = np.bincount(topic)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert len(centres) == 6
    assert np.mean(np.sum(vectors * centres[topic], axis=1)) > 0.8


def candidates(vectors: np.ndarray, scores: np.ndarray, order: np.ndarray) -> ChoosableRows:
    """The same rows stored in another order; `order` says where each lies."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    names = order  # what ids would say
    drawn = np.argsort(names, kind="stable")
    scored = np.lexsort((names, -scores[order]))
    return ChoosableRows(vectors[order], np.ones(len(order), bool), drawn, drawn, scored)


@pytest.mark.parametrize("method", ["deita", "k_center", "facility_location", "clusters"])
def test_how_rows_are_stored_does_not_show(method: str) -> None:
    vectors, scores = unit(300, spread=20), np.random.default_rng(1).integers(0, 5, 300).astype(float)
    select = Select(budget=40, method=method, max_similarity=0.97)
    chosen = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(300)
        found = choose(candidates(vectors, scores, order), SemanticDedup(min_similarity=0.995), select)
        chosen.append({(int(row), int(outcome)) for row, outcome in zip(order, found.outcome, strict=True)})
        assert found.count("selected") == 40
    assert chosen[0] == chosen[1] == chosen[2]


def test_large_groups_are_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.pipelines.select.choose.GROUP", 50)
    found = choose(
        candidates(unit(300, spread=9), np.zeros(300), np.arange(300)), None, Select(budget=0.2, method="k_center")
    )
    assert found.count("selected") == 60


def test_rows_without_a_vector_are_no_choice() -> None:
    given = candidates(unit(4), np.zeros(4), np.arange(4))
    given.defined[1] = False
    found = choose(given, SemanticDedup(), Select(budget=4, max_similarity=1.0))
    assert [OUTCOMES[outcome] for outcome in found.outcome] == ["selected", "no_vector", "selected", "selected"]
    assert choose(given, SemanticDedup(), None).count("selected") == 4
