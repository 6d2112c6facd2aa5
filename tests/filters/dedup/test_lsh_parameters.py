"""The search over bands and rows against exhaustive search, and the curve against its formula."""

import pytest
from gristmill.filters.dedup.lsh_parameters import (
    candidate_probability,
    choose_bands,
    curve_table,
    described,
    false_positive_area,
    fewest_bands,
    probability_curve,
)
from gristmill.schemas.errors import RecipeError


@pytest.mark.parametrize(("similarity", "recall", "permutations"), [(0.8, 0.9, 112), (0.5, 0.95, 64), (0.75, 0.99, 40)])
def test_no_other_choice_has_less_area(similarity: float, recall: float, permutations: int) -> None:
    chosen = choose_bands(similarity, recall, permutations)
    assert chosen.recall >= recall
    assert chosen.permutations_used <= permutations
    for rows in range(1, permutations + 1):
        for bands in range(1, permutations // rows + 1):
            if 1 - (1 - similarity**rows) ** bands >= recall:
                assert false_positive_area(bands, rows, similarity) >= chosen.false_positive_area - 1e-12


@pytest.mark.parametrize(("rows", "similarity", "recall"), [(8, 0.8, 0.9), (1, 0.5, 0.5), (20, 0.9, 0.999)])
def test_fewest_bands_is_the_edge(rows: int, similarity: float, recall: float) -> None:
    bands = fewest_bands(similarity, recall, rows)
    assert candidate_probability(similarity, bands, rows) >= recall
    assert bands == 1 or candidate_probability(similarity, bands - 1, rows) < recall


@pytest.mark.parametrize(("similarity", "probability"), [(0.7, 0.565), (0.75, 0.772), (0.8, 0.924), (0.85, 0.988)])
def test_known_points_of_fourteen_bands_of_eight(similarity: float, probability: float) -> None:
    assert float(candidate_probability(similarity, 14, 8)) == pytest.approx(probability, abs=5e-4)


def test_area_of_one_band_is_the_power_integral() -> None:
    assert false_positive_area(1, 3, 0.8) == pytest.approx(0.8**4 / 4, rel=1e-9)
    assert false_positive_area(1, 1, 1.0) == pytest.approx(0.5, rel=1e-9)


def test_curve_runs_from_zero_to_one() -> None:
    curve = probability_curve(14, 8)
    assert curve[0] == (0.0, 0.0)
    assert curve[-1] == (1.0, 1.0)
    assert [p for _, p in curve] == sorted(p for _, p in curve)
    table = curve_table(described(14, 8, 0.8), steps=4)
    assert table.startswith("14 bands of 8 rows: recall 0.9235 at Jaccard 0.8")
    assert len(table.splitlines()) == 2 + 5


def test_impossible_and_absurd_wishes_are_errors() -> None:
    with pytest.raises(RecipeError, match=r"at least 3 for recall 0\.9 at similarity 0\.6"):
        choose_bands(0.6, 0.9, 2)
    with pytest.raises(RecipeError, match="inside"):
        choose_bands(1.0, 0.9, 112)
