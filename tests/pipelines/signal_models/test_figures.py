"""Figures of classifiers against definitions in plain Python."""

import math

import numpy as np
import pytest
from gristmill.pipelines.signal_models.figures import (
    area_under_curve,
    area_with_interval,
    best_threshold,
    calibration_error,
    calibration_table,
    figures,
    fit_calibration,
    share_with_interval,
    threshold_for_share,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=2, max_size=30)


def columns(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in rows]), np.array([truth for _, truth in rows])


@settings(max_examples=examples(150))
@given(ROWS)
def test_area_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a, yes in rows if yes for b, other in rows if not other]
    area = area_under_curve(*columns(rows))
    assert math.isnan(area) if not pairs else area == pytest.approx(sum(pairs) / len(pairs))


@settings(max_examples=examples(150))
@given(ROWS)
def test_the_best_threshold_has_the_best_f1(rows: list[tuple[float, bool]]) -> None:
    scores, truths = columns(rows)

    def f1(threshold: float) -> float:
        chosen = scores >= threshold
        return 2 * int((chosen & truths).sum()) / max(1, int(chosen.sum() + truths.sum()))

    found = best_threshold(scores, truths)
    assert f1(found) == pytest.approx(max(f1(score) for score in scores))


@settings(max_examples=examples(150))
@given(ROWS, st.floats(0.01, 0.99))
def test_a_threshold_keeps_the_share_or_less_and_the_next_one_more(
    rows: list[tuple[float, bool]], share: float
) -> None:
    scores, _ = columns(rows)
    threshold, kept = threshold_for_share(scores, share)
    assert kept == pytest.approx((scores >= threshold).mean())
    assert kept <= share + 1e-9
    lower = [score for score in scores if score < threshold]
    if lower:
        assert (scores >= max(lower)).mean() > share - 1e-9


def test_calibration_finds_the_curve_it_was_made_from() -> None:
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 3, 20_000)
    truths = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * odds - 1)))
    slope, intercept = fit_calibration(odds, truths)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-1, abs=0.06)
    raw, better = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-(slope * odds + intercept)))
    assert calibration_error(better, truths) < 0.02 < calibration_error(raw, truths)
    assert sum(one.texts for one in calibration_table(raw, truths)) == 20_000


@pytest.mark.parametrize("order", [1, -1])
def test_calibration_of_perfect_or_inverted_scores_stays_finite_and_keeps_their_order(order: int) -> None:
    slope, intercept = fit_calibration(order * np.linspace(-13, 13, 40), np.linspace(-13, 13, 40) > 0)
    assert slope > 0
    assert math.isfinite(slope) and math.isfinite(intercept)  # noqa: PT018


def test_intervals_hold_the_value_and_do_not_change() -> None:
    rng = np.random.default_rng(1)
    truths = rng.random(300) < 0.4
    scores = np.clip(rng.normal(0.4 + 0.2 * truths, 0.2), 0, 1)
    value, low, high = area_with_interval(scores, truths)
    assert low < value < high
    assert (value, low, high) == area_with_interval(scores, truths)
    assert share_with_interval(0, 0)[1:] == (0.0, 1.0)
    found = figures(scores, truths, 0.5)
    assert found["texts"] == 300
    assert found["precision"][0] == round(truths[scores >= 0.5].mean(), 4)
