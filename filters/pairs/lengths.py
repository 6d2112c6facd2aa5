"""How long the two answers of a pair are: judges prefer the longer one, and a model learns it from them.

Source: Singhal et al. 2023 (arXiv:2310.03716), on length as what reward models learn first.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.filters.pairs.sides import ROWS, sides_of
from gristmill.schemas.signals import Family, Signal

FAMILY = Family(
    name="pair_lengths",
    version=1,
    signals=(
        Signal("chosen_characters", "int", "characters", "characters of the chosen answer", "there is none"),
        Signal("rejected_characters", "int", "characters", "characters of the rejected answer", "there is none"),
        Signal(
            "chosen_to_rejected_length_ratio",
            "float",
            "",
            "characters of the chosen answer, divided by those of the rejected one",
            "an answer is missing, or the rejected one is empty",
        ),
    ),
    measure="gristmill.filters.pairs.lengths:measure",
    source="this file",
    reads=("text", "pieces"),
    rows=ROWS,
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The lengths of both answers and their ratio; see FAMILY for the columns."""
    lengths = [(_length(sides.chosen), _length(sides.rejected)) for sides in sides_of(batch)]
    ratios = [chosen / rejected if chosen is not None and rejected else None for chosen, rejected in lengths]
    columns = [
        pa.array([chosen for chosen, _ in lengths], pa.int64()),
        pa.array([rejected for _, rejected in lengths], pa.int64()),
        pa.array(ratios, pa.float64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def _length(text: str | None) -> int | None:
    return None if text is None else len(text)
