"""Survivors of exact duplicates: the first in a total order, whichever way it is computed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.pipelines.decide import survivors
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import part_key, parts_by_number, read_rows
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.rows.duplicates import CANDIDATE, MEMBER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generated import examples

PREFERENCES = ("longest", "oldest")
INF = float("inf")
candidate = st.fixed_dictionaries(
    {
        "cluster": st.sampled_from(["a", "b", "c"]),
        "preference_0": st.sampled_from([-3.0, 0.0, INF]),
        "preference_1": st.sampled_from([0.0, 1.0]),
        "content_hash": st.sampled_from(["00", "ff"]),
    }
)


def by_hand(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every member of a cluster of two or more, with its survivor."""
    found = []
    for row in rows:
        members = [other for other in rows if other["cluster"] == row["cluster"]]
        if len(members) < 2:
            continue
        best = min(members, key=lambda r: (r["preference_0"], r["preference_1"], r["content_hash"], r["doc_id"]))
        names = ("preference_0", "preference_1", "content_hash", "doc_id")
        first = next((name for name in names if row[name] != best[name]), None)
        why = {None: "survivor", "preference_0": "longest", "preference_1": "oldest"}.get(first, first)
        found.append((row["doc_id"], best["doc_id"], len(members), why))
    return sorted(found)


def chosen(folder: Path, rows: Sequence[dict[str, Any]], parts: int, engine: Engine) -> list[dict[str, Any]]:
    storage = Storage(str(folder))
    storage.remove("d")
    candidates = Stage(storage, layout.EXACT_CANDIDATES.of("d/"), {"rows": len(rows)}, {})
    candidates.start()
    for number in range(parts):
        mine = [
            {**row, "part": number, "row": i, "preference_2": 0.0, "preference_3": 0.0}
            for i, row in enumerate(rows)
            if i % parts == number
        ]
        with UnitWriter(storage, candidates.spec, part_key(number)) as unit:
            unit.write(pa.Table.from_pylist(mine, CANDIDATE))
    stage = Stage(storage, layout.EXACT_SURVIVORS.of("d/"), {}, {})
    stage.start()
    survivors.choose_survivors(engine, storage, candidates.finish({}), stage.spec, PREFERENCES)
    manifest = stage.finish({})
    tables = [read_rows(storage, stage.spec, part) for part in parts_by_number(manifest).values()]
    members = pa.concat_tables([MEMBER.empty_table(), *tables]).to_pylist()
    return sorted((row["doc_id"], row["survivor"], row["cluster_size"], row["why"]) for row in members)


@given(rows=st.lists(candidate, max_size=12), parts=st.integers(1, 3))
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_memory_equals_the_order(tmp_path: Path, rows: list[dict[str, Any]], parts: int) -> None:
    rows = [{**row, "doc_id": f"{number:02d}"} for number, row in enumerate(rows)]
    assert chosen(tmp_path, rows, parts, Engine()) == by_hand(rows)


def test_by_shuffle_equals_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survivors, "IN_MEMORY_ROWS", 0)
    rows = [
        {
            "doc_id": f"{n:03d}",
            "cluster": f"c{n * 7 % 23}",
            "preference_0": [-3.0, 0.0, INF][n % 3],
            "preference_1": float(n // 5 % 2),
            "content_hash": f"{n * 13 % 4}",
        }
        for n in range(80)
    ]
    with Engine() as engine:
        assert chosen(tmp_path, rows, 3, engine) == by_hand(rows)
