"""How alike the two answers of a pair are: a pair of (nearly) equal answers teaches chance.

Texts are compared lower-cased with each run of white space as one space. The similarity is the Jaccard coefficient of
their sets of WINDOW successive characters, which needs no words, so it holds in every script.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.pairs.sides import ROWS, sides_of
from gristmill.schemas.signals import Family, Signal

WINDOW = 5  # characters: about a word, as in near duplicates of short texts
_BASE = np.uint64(0x100000001B3)

FAMILY = Family(
    name="pair_likeness",
    version=1,
    signals=(
        Signal(
            "chosen_equals_rejected",
            "bool",
            "",
            "both answers are the same but for case and white space",
            "an answer is missing",
        ),
        Signal(
            "chosen_rejected_similarity",
            "float",
            "fraction",
            f"Jaccard coefficient of the answers' sets of {WINDOW} successive characters",
            f"an answer is missing or has fewer than {WINDOW} characters",
        ),
    ),
    measure="gristmill.filters.pairs.likeness:measure",
    source="this file",
    reads=("text", "pieces"),
    rows=ROWS,
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Whether the answers are equal, and how similar they are; see FAMILY for the columns."""
    equal: list[bool | None] = []
    similarity: list[float | None] = []
    for sides in sides_of(batch):
        if sides.chosen is None or sides.rejected is None:
            equal.append(None)
            similarity.append(None)
            continue
        chosen, rejected = normalised(sides.chosen), normalised(sides.rejected)
        equal.append(chosen == rejected)
        similarity.append(jaccard(windows(chosen), windows(rejected)))
    return pa.RecordBatch.from_arrays(
        [pa.array(equal, pa.bool_()), pa.array(similarity, pa.float64())], schema=FAMILY.schema
    )


def normalised(text: str) -> str:
    return " ".join(text.lower().split())


def windows(text: str) -> np.ndarray:
    """Distinct keys of the windows of a text, ascending: WINDOW characters each; none of a shorter text."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    if len(characters) < WINDOW:
        return np.zeros(0, np.uint64)
    count = len(characters) - WINDOW + 1
    keys = np.zeros(count, np.uint64)
    for place in range(WINDOW):
        keys = (keys ^ characters[place : place + count]) * _BASE  # FNV-1a by characters: wraps at 64 bits
    return np.unique(keys)


def jaccard(one: np.ndarray, other: np.ndarray) -> float | None:
    """The share of common ones among all windows of two texts; None where either has none."""
    if not len(one) or not len(other):
        return None
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
