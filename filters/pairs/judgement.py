"""What the source says of a pair: the scores of its answers, where the winner stood, a prompt that is another one.

`pipelines/sources/forms` writes these fields: `score_chosen` and `score_rejected`, `chosen_position`, and
`source_prompt` where a column of the prompt said something else than the conversations themselves.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.filters.pairs.sides import ROWS
from gristmill.schemas.signals import Family, Signal

FAMILY = Family(
    name="pair_judgement",
    version=1,
    signals=(
        Signal("score_chosen", "float", "", "the score of the chosen answer", "the source gives none"),
        Signal("score_rejected", "float", "", "the score of the rejected answer", "the source gives none"),
        Signal(
            "score_margin",
            "float",
            "",
            "score of the chosen answer, minus that of the rejected one",
            "either is missing",
        ),
        Signal(
            "chosen_position",
            "int",
            "",
            "where the chosen answer stood when it was judged: 1 or 2",
            "the source does not say",
        ),
        Signal("prompt_mismatch", "bool", "", "the source's prompt is not the one that the conversations hold"),
    ),
    measure="gristmill.filters.pairs.judgement:measure",
    source="this file",
    reads=("fields",),
    rows=ROWS,
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Scores, margin, position and prompt as the source says; see FAMILY for the columns."""
    rows = [json.loads(text.as_py() or "{}") for text in batch.column("fields")]
    chosen, rejected = ([finite_number(row.get(name)) for row in rows] for name in ("score_chosen", "score_rejected"))
    margins = [None if a is None or b is None else a - b for a, b in zip(chosen, rejected, strict=True)]
    positions = [row.get("chosen_position") for row in rows]
    columns = [
        pa.array(chosen, pa.float64()),
        pa.array(rejected, pa.float64()),
        pa.array(margins, pa.float64()),
        pa.array([place if place in (1, 2) else None for place in positions], pa.int64()),
        pa.array([row.get("source_prompt") is not None for row in rows], pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def finite_number(value: Any) -> float | None:
    """A finite number, also one written as text ("4", "3.5"); None for anything else ("N/A", true)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
