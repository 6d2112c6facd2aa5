"""How differently the two answers of a pair are written: lists, headings, bold words, code, tables of Markdown.

Judges prefer what looks tidy; where the chosen answers of a set have more of it, a model learns the form and not the
content. Source: Zhang et al. 2024 (arXiv:2409.11704), on format biases in preference data.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.filters.pairs.sides import ROWS, sides_of
from gristmill.schemas.signals import Family, Signal

MARKS: Mapping[str, tuple[re.Pattern[str], str]] = {  # signal -> what is counted, in words
    "list_line": (re.compile(r"^[ \t]{0,12}(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE), "lines of lists"),
    "heading": (re.compile(r"^#{1,6}[ \t]+\S", re.MULTILINE), "headings"),
    "bold": (re.compile(r"\*\*[^*\n]{1,200}\*\*"), "bold passages"),
    "code_fence": (re.compile(r"^[ \t]{0,12}(?:```|~~~)", re.MULTILINE), "marks of code blocks"),
    "table_line": (re.compile(r"^[ \t]{0,12}\|[^\n]*\|[ \t]*$", re.MULTILINE), "lines of tables"),
}

FAMILY = Family(
    name="pair_formats",
    version=1,
    signals=(
        *(
            Signal(
                f"{name}_difference",
                "int",
                unit,
                f"{unit} of the chosen answer, minus those of the rejected one",
                "an answer is missing",
            )
            for name, (_, unit) in MARKS.items()
        ),
        Signal("chosen_has_markup", "bool", "", "the chosen answer holds any of these", "there is none"),
        Signal("rejected_has_markup", "bool", "", "the rejected answer holds any of these", "there is none"),
    ),
    measure="gristmill.filters.pairs.formats:measure",
    source="this file",
    reads=("text", "pieces"),
    rows=ROWS,
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """What the chosen answers have more of; see FAMILY for the columns."""
    rows = [(marks_of(sides.chosen), marks_of(sides.rejected)) for sides in sides_of(batch)]
    columns = [
        pa.array(
            [
                None if chosen is None or rejected is None else chosen[name] - rejected[name]
                for chosen, rejected in rows
            ],
            pa.int64(),
        )
        for name in MARKS
    ]
    for side in ([chosen for chosen, _ in rows], [rejected for _, rejected in rows]):
        columns += [pa.array([None if marks is None else any(marks.values()) for marks in side], pa.bool_())]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def marks_of(text: str | None) -> dict[str, int] | None:
    """How often each mark of MARKS stands in a text."""
    if text is None:
        return None
    return {name: sum(1 for _ in pattern.finditer(text)) for name, (pattern, _) in MARKS.items()}
