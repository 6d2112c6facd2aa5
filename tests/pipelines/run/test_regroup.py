"""Rows regrouped in bounded memory: every row once, each group together, however little fits."""

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run import by_part
from gristmill.pipelines.run.by_part import part_key
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.regroup import Regroup
from gristmill.pipelines.run.units import read_units
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

SCHEMA = pa.schema([pa.field("part", pa.int64(), nullable=False), pa.field("text", pa.large_string())])
ROWS = DatasetSpec("rows", SCHEMA, ("part", "text"))


def batch_of(rows: list[tuple[int, str | None]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([part for part, _ in rows], pa.int64()), pa.array([text for _, text in rows], pa.large_string())],
        schema=SCHEMA,
    )


@given(
    batches=st.lists(st.lists(st.tuples(st.integers(-3, 9), st.none() | st.text(max_size=4)), max_size=12), max_size=8),
    spill_bytes=st.sampled_from([0, 100, 300, 1 << 20]),
)
@settings(max_examples=examples(80))
def test_every_row_once_and_each_group_together(batches: list[list[tuple[int, str | None]]], spill_bytes: int) -> None:
    expected = defaultdict(list)
    with Regroup(SCHEMA, "part", spill_bytes) as regroup:
        for rows in batches:
            regroup.add(batch_of(rows))
            for part, text in rows:
                expected[part].append(text)
        regroup.close()
        found = [(group, regroup.rows(group).to_pylist()) for group in regroup.numbers()]
        assert regroup.rows(77).num_rows == 0
    assert [group for group, _ in found] == sorted(expected)
    for group, rows in found:
        assert [row["part"] for row in rows] == [group] * len(rows)
        assert [row["text"] for row in rows] == expected[group]  # in the order in which they came


def test_a_thousand_parts_are_written_with_a_few_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One writer a part, all open at once, ended at a few hundred parts."""
    monkeypatch.setattr(by_part, "Regroup", lambda schema, by: Regroup(schema, by, 20_000))
    storage = Storage(str(tmp_path))
    rows = [(number % 1000, f"row {number}") for number in np.random.default_rng(5).permutation(5000).tolist()]
    most = 0
    opened = storage.open

    def count_open(path: str, mode: str = "rb") -> object:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")))
        return opened(path, mode)

    monkeypatch.setattr(storage, "open", count_open)
    before = len(os.listdir("/proc/self/fd"))
    answers = list(by_part.write_parts(storage, ROWS, [batch_of(rows[at : at + 100]) for at in range(0, 5000, 100)]))
    assert most - before <= 6
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    (answer,) = answers
    assert answer.column("part").to_pylist() == list(range(1000))
    assert answer.column("rows").to_pylist() == [5] * 1000
    units = read_units(storage, ROWS)
    for part in (0, 417, 999):
        (written,) = units[part_key(part)]["parts"]
        texts = read_part(storage, Part.model_validate(written), ["text"]).column("text").to_pylist()
        assert sorted(texts) == sorted(text for number, text in rows if number == part)
