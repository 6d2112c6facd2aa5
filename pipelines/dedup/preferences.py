"""What decides between duplicates: a recipe's preferences as numbers, smaller is better."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.policy.compile import signal_family
from gristmill.pipelines.policy.evaluate import PartColumns
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.signals import FamilyKey

_LAST = np.inf  # an unknown value loses against every known one


def preference_signals(preferences: Sequence[str]) -> dict[FamilyKey, list[str]]:
    """Signals that survivor preferences read, by family."""
    wanted: dict[FamilyKey, list[str]] = {}
    for preference in preferences:
        if preference.startswith(("highest ", "lowest ")):
            name = preference.split()[1]
            wanted.setdefault((signal_family(name), ORIGINAL), []).append(name)
    return wanted


def with_preferences(needed: Mapping[FamilyKey, list[str]], preferences: Sequence[str]) -> dict[FamilyKey, list[str]]:
    """The signals that rules and survivor preferences read together."""
    merged = {key: list(names) for key, names in needed.items()}
    for key, names in preference_signals(preferences).items():
        merged[key] = list(dict.fromkeys([*merged.get(key, []), *names]))
    return merged


def preference_values(columns: PartColumns, preference: str, priorities: Mapping[str, int]) -> np.ndarray:
    """One preference of every document as a float64, smaller is better, +inf when unknown."""
    documents = columns.documents
    if preference == "source_priority":
        sources = documents.column("source").combine_chunks().dictionary_encode()
        values = np.array([priorities.get(name, 0) for name in sources.dictionary.to_pylist()], np.float64)
        return -values[sources.indices.to_numpy()]
    if preference == "longest":
        return -documents.column("text_bytes").to_numpy().astype(np.float64)
    if preference in ("oldest", "newest"):
        text = documents.column("timestamp")
        moments = pc.strptime(text, format="%Y-%m-%dT%H:%M:%SZ", unit="s", error_is_null=True).cast(pa.int64())
        seconds = _floats(moments)
        return seconds if preference == "oldest" else np.where(np.isinf(seconds), _LAST, -seconds)
    side, name = preference.split()
    values = _floats(columns.signals[name])
    return values if side == "lowest" else np.where(np.isinf(values), _LAST, -values)


def _floats(column: Any) -> np.ndarray:
    values: np.ndarray = column.cast(pa.float64()).fill_null(_LAST).to_numpy().copy()
    values[np.isnan(values)] = _LAST
    return values
