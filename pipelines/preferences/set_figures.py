"""What a set of pairs is biased by, before and after the policy: figures for the report and for `gristmill preferences`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.pairs.formats import MARKS
from gristmill.filters.pairs.whole_set import CYCLES, LABEL_NOISE
from gristmill.pipelines.preferences.features import FORMATS, JUDGEMENT, LENGTHS
from gristmill.pipelines.preferences.figures import Interval, length_auc, preferred_share, share
from gristmill.pipelines.preferences.label_noise import noise_figures
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.signals import FamilyKey

QUANTILES = (5, 25, 50, 75, 95)


class SetSignals:
    """Columns of the signals of a run's pairs, nan where undefined. kept: bool (rows,)."""

    def __init__(self, run: Run) -> None:
        self.run, self.signals = run, run.signals
        decisions = (read_part(run.storage, part, ["kept"]).column(0).to_numpy() for part in run.decisions.parts)
        self.kept = np.concatenate([np.zeros(0, bool), *decisions])

    def has(self, name: str) -> bool:
        """Whether a family was measured."""
        return (name, ORIGINAL) in self.signals

    def column(self, family: str, signal: str) -> np.ndarray:
        """float64 (rows,)."""
        key: FamilyKey = (family, ORIGINAL)
        found = [read_part(self.run.storage, part, [signal]).column(0) for part in self.signals[key].parts]
        plain = [column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column for column in found]
        return np.concatenate([np.zeros(0), *(column.cast(pa.float64()).to_numpy() for column in plain)])


def set_figures(run: Run) -> dict[str, Any] | None:
    """Figures of all pairs and of the kept ones; None where no signal of pairs was measured."""
    signals = SetSignals(run)
    rows = [*_lengths(signals), *_formats(signals), *_margins(signals), *_cycles(signals), *_noise(signals)]
    if not rows:
        return None
    pairs = {"figure": "pairs", "all": len(signals.kept), "kept": int(signals.kept.sum())}
    return {"the set": [{name: _shown(value) for name, value in row.items()} for row in (pairs, *rows)]}


def _shown(value: Any) -> Any:
    if isinstance(value, Interval):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else value


def _both(signals: SetSignals, figure: str, values: np.ndarray, of: Any) -> dict[str, Any]:
    known = ~np.isnan(values)
    return {"figure": figure, "all": of(values[known]), "kept": of(values[known & signals.kept])}


def _lengths(signals: SetSignals) -> Iterator[dict[str, Any]]:
    if not signals.has(LENGTHS):
        return
    chosen, rejected = (signals.column(LENGTHS, f"{side}_characters") for side in ("chosen", "rejected"))
    yield _both(signals, "AUC of length as a predictor of chosen", chosen - rejected, length_auc)
    yield _both(signals, "longer answer chosen, of those that differ", chosen - rejected, preferred_share)
    yield _both(signals, "length ratio, median", chosen / np.maximum(rejected, 1), _median)


def _formats(signals: SetSignals) -> Iterator[dict[str, Any]]:
    if not signals.has(FORMATS):
        return
    for name, (_, unit) in MARKS.items():
        values = signals.column(FORMATS, f"{name}_difference")
        yield _both(signals, f"more {unit} chosen, of those that differ", values, preferred_share)
    for side in ("chosen", "rejected"):
        values = signals.column(FORMATS, f"{side}_has_markup")
        yield _both(signals, f"{side} answers with markup", values, lambda hits: share(hits.sum(), len(hits)))


def _margins(signals: SetSignals) -> Iterator[dict[str, Any]]:
    if not signals.has(JUDGEMENT):
        return
    margins = signals.column(JUDGEMENT, "score_margin")
    yield _both(signals, "pairs with a score margin", margins, len)
    if not np.isnan(margins).all():
        for percent in QUANTILES:
            yield _both(signals, f"score margin, {percent} %", margins, lambda some, p=percent: _quantile(some, p))
    positions = signals.column(JUDGEMENT, "chosen_position")
    if not np.isnan(positions).all():
        yield _both(signals, "first answer chosen", positions, lambda some: share((some == 1).sum(), len(some)))


def _cycles(signals: SetSignals) -> Iterator[dict[str, Any]]:
    if signals.has(CYCLES.name):
        values = signals.column(CYCLES.name, "pair_in_cycle")
        yield _both(signals, "pairs in cycles", values, lambda hits: int(hits.sum()))


def _noise(signals: SetSignals) -> Iterator[dict[str, Any]]:
    if not signals.has(LABEL_NOISE.name):
        return
    values = signals.column(LABEL_NOISE.name, "label_probability")
    for figure, number in (("labels that a simple model predicts", 0), ("labels that are wrong, estimated", 1)):
        yield _both(signals, figure, values, lambda some, at=number: _noise_figure(some, at))


def _noise_figure(values: np.ndarray, number: int) -> float | None:
    found = noise_figures(values)
    return None if found is None else found[number]


def _median(values: np.ndarray) -> float | None:
    return _quantile(values, 50)


def _quantile(values: np.ndarray, percent: int) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None
