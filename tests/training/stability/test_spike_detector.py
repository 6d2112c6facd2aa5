"""The judge of spikes on curves made for it: what must be found, what must not."""

import math

import numpy as np
import pytest
from gristmill.schemas.training.recipe import Stability
from gristmill.training.stability.detect import Detector


def descent(step: int, constant: float) -> float:
    return 2.5 + 5 * math.exp(-step / constant)


def run(detector: Detector, losses: list[float], norms: list[float] | None = None) -> list[int]:
    """Steps that were flagged; clean ones enter the trend."""
    flagged = []
    for step, loss in enumerate(losses):
        norm = norms[step] if norms else 1.0
        if detector.judge(loss, norm):
            flagged.append(step)
        else:
            detector.accept(loss, norm)
    return flagged


@pytest.mark.parametrize("constant", [20, 60, 200])
@pytest.mark.parametrize("at", [45, 70, 400])
def test_spike_in_a_descent(constant: int, at: int) -> None:
    """Early on, the mean and deviation of a window would hide it: the window began far above."""
    random = np.random.default_rng(at)
    losses = [descent(step, constant) + 0.03 * random.standard_normal() for step in range(500)]
    losses[at] += 0.85
    assert run(Detector(Stability()), losses) == [at]


def test_descent_that_levels_off_is_no_spike() -> None:
    losses = [max(2.0, 6 - step * 0.08) for step in range(300)]
    assert run(Detector(Stability()), losses) == []


def test_heavy_tailed_noise_gives_no_spikes_in_a_row() -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        losses = [descent(step, 100) + 0.05 * random.standard_t(3) for step in range(2000)]
        flagged = run(Detector(Stability()), losses)
        assert len(flagged) < 20
        assert not {step + 1 for step in flagged} & {step + 2 for step in flagged} & set(flagged)


def test_gradient_norm_alone() -> None:
    random = np.random.default_rng(0)
    norms = np.exp(0.2 * random.standard_normal(200)).tolist()
    norms[150] = 40.0
    losses = (3 + 0.02 * random.standard_normal(200)).tolist()
    assert run(Detector(Stability()), losses, norms) == [150]


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan), (2.0, math.inf)])
def test_not_finite_from_the_first_step(loss: float, norm: float) -> None:
    finding = Detector(Stability()).judge(loss, norm)
    assert finding is not None
    assert finding.kind == "not_finite"


def test_nothing_is_judged_before_there_is_a_trend() -> None:
    detector = Detector(Stability(min_steps=24))
    assert run(detector, [5.0] * 10 + [50.0]) == []


def test_state_goes_on_bit_for_bit() -> None:
    random = np.random.default_rng(3)
    losses = (3 + 0.1 * random.standard_normal(120)).tolist()
    whole, first, second = Detector(Stability()), Detector(Stability()), Detector(Stability())
    run(whole, losses)
    run(first, losses[:60])
    second.load(first.state())
    run(second, losses[60:])
    assert second.state() == whole.state()
    assert second.allowed() == whole.allowed()


def test_long_spike_does_not_become_usual() -> None:
    losses = [3.0 + 0.01 * (step % 3) for step in range(100)] + [6.0] * 50
    assert run(Detector(Stability()), losses) == list(range(100, 150))
