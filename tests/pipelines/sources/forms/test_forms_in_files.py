"""Forms through whole files and builds: tables with nested columns, folders of datasets, what a build's log says."""

import io
import json
from pathlib import Path
from typing import Any

import datasets
import gristmill
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.pipelines.decontamination.eval_sets import set_splits
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.decontamination import Decontaminate, EvaluationSet

from tests.builds import write_jsonl
from tests.pipelines.sources.forms.made_records import assistant, read, rows_of, user

CALL = {"type": "function", "function": {"name": "weigh", "arguments": '{"grain": "rye"}'}}
TALKS: list[dict[str, Any]] = [
    {"messages": [user("How heavy?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}], "tags": ["a"]},
    {"messages": [{"role": "tool", "content": "40", "name": "weigh"}, assistant("40 gr\u00e4ms")], "tags": []},
]


def test_nested_columns_of_tables_are_the_records_of_lines(tmp_path: Path) -> None:
    """A table has every key in every message, null where there is none; a null beside a message is absent."""
    lines = rows_of(tmp_path, "conversation", TALKS).records
    table = pa.Table.from_pylist(TALKS)
    pq.write_table(table, tmp_path / "made.parquet")
    datasets.Dataset(table).save_to_disk(str(tmp_path / "folder"))
    assert read(tmp_path / "made.parquet", "conversation").records == lines
    assert read(tmp_path / "folder", "conversation").records == lines
    assert lines[0]["messages"][1]["tool_calls"] == [CALL]


def test_an_array_is_the_records_of_lines(tmp_path: Path) -> None:
    (tmp_path / "made.json").write_text(json.dumps(TALKS, indent=2), encoding="utf-8")
    assert read(tmp_path / "made.json", "conversation").records == rows_of(tmp_path, "conversation", TALKS).records


def test_fields_of_evaluation_sets_in_arrays_are_checked(tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text(json.dumps([{"question": "Which?"}] * 3), encoding="utf-8")

    def planned(field: str) -> Any:
        return set_splits(
            Decontaminate(sets=(EvaluationSet(name="s", path=str(tmp_path / "set.json"), fields=(field,)),))
        )

    assert list(planned("question")) == ["s"]
    with pytest.raises(InputError, match="no field 'answer'; fields found: question"):
        planned("answer")


def test_a_build_says_what_it_read(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "pairs.jsonl",
        [
            {"prompt": "Why does the mill turn?", "chosen": "Because the river is high.", "rejected": "No."},
            {
                "prompt": "Why does it stop?",
                "output_1": "The river is low.",
                "output_2": "It does not.",
                "winner": "output_1",
            },
            {"prompt": "Why?", "output_1": "a", "output_2": "b", "winner": "tie"},
            {"other": "column"},
        ],
    )
    recipe = {
        "name": "pairs",
        "rows": "pair",
        "sources": [{"name": "made", "path": str(tmp_path / "pairs.jsonl")}],
        "policy": {"profiles": ["preference"]},
    }
    log = io.StringIO()
    run = gristmill.build(recipe, tmp_path / "run", console=Console(log), report=False)
    said = log.getvalue()
    assert "quarantined: 1 unknown_form" in said
    assert "source made: 2 records read as votes, 1 as preference; 2 rows" in said
    assert "source made: left out by design: 1 tie" in said
    assert len(run.corpus) == 2
