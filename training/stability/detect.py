"""Is this step a spike? Judged before the update, from the step's loss and gradient norm.

The loss is compared with where its own trend would have put it: a line through the last clean losses, one step ahead.
The errors such forecasts made lately (median and median absolute deviation) say what is usual. In the steep early
descent a window's mean and deviation are useless (a jump from 5.4 to 6.25 hides inside them when the window started at
8); the forecast errors are not. Where a descent levels off the line points too low, and a skipped update keeps the
loss from falling, so a spike is also above the level of the last few clean losses. Only clean steps enter the trend, so
a long spike does not become usual.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from gristmill.schemas.training.recipe import Stability

TREND_STEPS = 24
LEVEL_STEPS = 5
MAD_TO_SIGMA = 1.4826
FEWEST_FOR_A_LINE = 4


class Figures(NamedTuple):
    """Of one step, before its update: loss, gradient norm before clipping, and how many tokens had a label."""

    loss: float
    grad_norm: float
    labels: int


@dataclass(frozen=True)
class Spike:
    """Why a step is a spike. kind: `not_finite`, `loss` or `grad_norm`; expected and limit are None when not finite."""

    kind: str
    value: float
    expected: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        if self.kind == "not_finite":
            return f"loss or gradient norm is {self.value}"
        what = "loss" if self.kind == "loss" else "gradient norm"
        return f"{what} {self.value:.4g} where {self.expected:.4g} was expected and {self.limit:.4g} is the limit"


class Detector:
    """Robust judge of one step after another; its whole state is three short lists of numbers."""

    def __init__(self, options: Stability) -> None:
        self.options = options
        self.losses: deque[float] = deque(maxlen=TREND_STEPS)
        self.errors: deque[float] = deque(maxlen=options.window)
        self.log_norms: deque[float] = deque(maxlen=options.window)

    def judge(self, loss: float, grad_norm: float) -> Spike | None:
        """The finding that makes this step a spike, None when it is clean; changes nothing."""
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            return Spike("not_finite", loss if not math.isfinite(loss) else grad_norm)
        if len(self.errors) < self.options.min_steps:
            return None
        expected, limit = self.allowed()
        if loss > limit:
            return Spike("loss", loss, expected, limit)
        centre, sigma = robust_centre(self.log_norms)
        rise = max(self.options.grad_norm_sigma * sigma, math.log(self.options.min_grad_norm_ratio))
        if math.log(max(grad_norm, 1e-30)) > centre + rise:
            return Spike("grad_norm", grad_norm, math.exp(centre), math.exp(centre + rise))
        return None

    def allowed(self) -> tuple[float, float]:
        """The loss expected of the next step, and the highest that is no spike; infinite before anything is known."""
        if len(self.errors) < self.options.min_steps:
            return float("nan"), float("inf")
        centre, sigma = robust_centre(self.errors)
        level = float(np.median(list(self.losses)[-LEVEL_STEPS:]))
        expected = max(self._forecast() + centre, level)
        return expected, expected + max(self.options.loss_sigma * sigma, self.options.min_rise * abs(expected))

    def accept(self, loss: float, grad_norm: float) -> None:
        """A clean step becomes part of the trend."""
        if len(self.losses) >= FEWEST_FOR_A_LINE:
            self.errors.append(loss - self._forecast())
        self.losses.append(loss)
        self.log_norms.append(math.log(max(grad_norm, 1e-30)))

    def restart(self) -> None:
        """Forget the trend: what comes from here on is another level."""
        for values in (self.losses, self.errors, self.log_norms):
            values.clear()

    def _forecast(self) -> float:
        """The least-squares line through the last clean losses, one step ahead."""
        count = len(self.losses)
        values = np.fromiter(self.losses, np.float64, count)
        steps = np.arange(count) - (count - 1) / 2
        slope = float(steps @ values) / float(steps @ steps)
        return float(values.mean()) + slope * (count + 1) / 2

    def state(self) -> dict[str, Any]:
        """What a checkpoint stores; JSON keeps every bit of a float."""
        return {"losses": list(self.losses), "errors": list(self.errors), "log_norms": list(self.log_norms)}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`, as if the steps since had not been."""
        self.restart()
        self.losses.extend(state["losses"])
        self.errors.extend(state["errors"])
        self.log_norms.extend(state["log_norms"])


def robust_centre(values: Iterable[float]) -> tuple[float, float]:
    """Median, and the standard deviation that the median absolute deviation stands for.

    >>> robust_centre([1.0, 2.0, 3.0, 1000.0])
    (2.5, 1.4826)
    """
    array = np.fromiter(values, np.float64)
    median = float(np.median(array))
    return median, MAD_TO_SIGMA * float(np.median(np.abs(array - median)))
