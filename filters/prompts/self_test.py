"""The checker of each prompt on the prompt's own answer, and what the source says of how often the prompt is solved.

A prompt whose own answer its checker refuses teaches what is wrong. Checks run in worker processes with limits of time, and
code in the sandbox (see gristmill/answers): a checker that hangs costs its own row only.
"""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.answers.batch import self_test_many
from gristmill.answers.registry import checker
from gristmill.answers.self_test import SelfTest
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.rows.registry import row_kind
from gristmill.schemas.signals import Family, Signal

KIND = "prompt"
PASS_RATE = "pass_rate"  # the field that says how often models solved the prompt

FAMILY = Family(
    name="answer_self_test",
    version=1,
    signals=(
        Signal("checker_kind", "string", "", "kind of the checker", "the row has no checker, or one that is none"),
        Signal(
            "self_test_passed",
            "bool",
            "",
            "the checker accepts the row's own answer",
            "the row has no checker, or no answer that could be tested",
        ),
        Signal("self_test_why", "string", "", "the fact that decided", "the row has no checker"),
        Signal("pass_rate", "float", "fraction", "answers of models that were right, by the source", "it is not said"),
    ),
    measure="gristmill.filters.prompts.self_test:measure",
    source="gristmill/answers; pass rates as the source gives them",
    reads=("text", "pieces", "fields"),
    rows=(KIND,),
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """One row for each prompt; see FAMILY for the columns."""
    kind = row_kind(KIND)
    records = [
        kind.decode(row["text"], row["pieces"], json.loads(row["fields"])) if row["text"] is not None else {}
        for row in batch.select(["text", "pieces", "fields"]).to_pylist()
    ]
    kinds = [_kind_of(record) for record in records]
    asked = [record for record, (name, _) in zip(records, kinds, strict=True) if name is not None]
    tested = iter(self_test_many(asked, workers=1)) if asked else iter(())
    outcomes = [
        SelfTest("fails", why) if name is None and why else next(tested) if name else None for name, why in kinds
    ]
    columns = [
        pa.array([name for name, _ in kinds], pa.large_string()),
        pa.array([_passed(outcome) for outcome in outcomes], pa.bool_()),
        pa.array([outcome.why if outcome else None for outcome in outcomes], pa.large_string()),
        pa.array([_rate(record.get(PASS_RATE)) for record in records], pa.float64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def _kind_of(record: Mapping[str, Any]) -> tuple[str | None, str]:
    """(kind of the checker, ""), or (None, what is wrong with it); (None, "") without one."""
    if record.get("checker") is None:
        return None, ""
    try:
        return checker(record["checker"]).kind.name, ""
    except GristmillError as error:
        return None, f"the checker is none: {error}"


def _passed(outcome: SelfTest | None) -> bool | None:
    return None if outcome is None or outcome.outcome == "cannot be tested" else outcome.outcome == "passes"


def _rate(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
