"""Few rows are compared in memory: the same rows as an engine gives, and no engine is started for them."""

from pathlib import Path
from typing import Any

import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.dedup import exact
from gristmill.pipelines.dedup.near import buckets, outcome
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.sources import colliding_ids

from tests.builds import COLUMNS, datasets, digests, rows, table, write_jsonl, write_recipe
from tests.pipelines.dedup.near_corpora import built, corpus, kept_ids

EXACT = {"normalise": ["case", "whitespace", "punctuation"], "survivor": ["oldest"]}
NEAR = {"similarity": 0.7, "recall": 0.95, "shingle": {"words": 3}}


class EngineThatMustNotStart(Engine):
    @property
    def spark(self) -> Any:
        raise AssertionError("an engine was started")


def recipe(folder: Path, entries: list[dict[str, Any]]) -> Path:
    middle = len(entries) // 2  # two sources, so that copies and shared ids lie in different parts
    write_jsonl(folder / "a.jsonl", entries[:middle])
    write_jsonl(folder / "b.jsonl", entries[middle:])
    sources = [{"name": name, "path": f"{name}.jsonl", "columns": COLUMNS, "priority": ord(name)} for name in "ab"]
    return write_recipe(folder / "recipe.yaml", sources)


def test_in_memory_and_by_an_engine_the_rows_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = recipe(tmp_path, rows(120))
    with Engine(partitions=2) as engine:
        for name, most in (("memory", 1 << 40), ("engine", 0)):
            monkeypatch.setattr(colliding_ids, "IN_MEMORY_ROWS", most)
            monkeypatch.setattr(exact, "IN_MEMORY_ROWS", most)
            build(chosen, tmp_path / name, engine=engine, console=Console(quiet=True), report=False)
    assert digests(tmp_path / "memory") == digests(tmp_path / "engine")
    assert datasets(tmp_path / "memory")["documents"].facts["colliding_ids"] > 5
    members = [table(tmp_path / name, "edges/exact/members").sort_by("doc_id") for name in ("memory", "engine")]
    assert members[0].num_rows > 20
    assert len(set(members[0].column("part").to_pylist())) > 1
    assert members[0].to_pylist() == members[1].to_pylist()


def test_no_engine_is_started_for_few_rows(tmp_path: Path) -> None:
    ids = [row["id"] for row in rows(60)]
    chosen = recipe(tmp_path, [row for row in rows(60) if ids.count(row["id"]) == 1])
    build(chosen, tmp_path / "run", engine=EngineThatMustNotStart(), console=Console(quiet=True))
    assert datasets(tmp_path / "run")["documents"].facts["colliding_ids"] == 0
    assert table(tmp_path / "run", "edges/exact/members").num_rows > 5


def in_order(run: Run, folder: str) -> list[dict[str, Any]]:
    found = table(Path(run.storage.root), folder)
    keys = [name for name in ("doc_id", "bucket", "part", "row", "band") if name in found.column_names]
    return found.sort_by([(name, "ascending") for name in keys]).to_pylist()


@pytest.mark.parametrize(
    "chosen", [{"exact": EXACT, "near": NEAR}, {"near": NEAR}, {"exact": EXACT, "near": {**NEAR, "similarity": 0.98}}]
)
def test_near_duplicates_are_the_same_in_memory_and_by_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any]
) -> None:
    """Two runs of each way, the second one against the first, with copies of its documents."""
    records = corpus(40, 3)
    older = records[: len(records) // 2]
    newer = [{**row, "id": f"{row['id']}-new"} for row in [*records[len(records) // 2 :], *older[:20]]]
    runs = {}
    with Engine(partitions=2) as engine:
        for name, most in (("memory", 1 << 40), ("engine", 0)):
            for module in (buckets, outcome):
                monkeypatch.setattr(module, "IN_MEMORY_ROWS", most)
            first = built(tmp_path / name / "first", older, chosen, engine)
            against = {**chosen, "near": {**chosen["near"], "against": [first.storage.root]}}
            runs[name] = first, built(tmp_path / name / "second", newer, against, engine)
    for one, other in zip(runs["memory"], runs["engine"], strict=True):
        assert in_order(one, "edges/near/buckets") == in_order(other, "edges/near/buckets")
        assert in_order(one, "decisions/near/outcome") == in_order(other, "decisions/near/outcome") != []
        assert kept_ids(one) == kept_ids(other)


def test_near_duplicates_of_few_documents_start_no_engine(tmp_path: Path) -> None:
    run = built(tmp_path, corpus(20, 4), {"exact": EXACT, "near": NEAR}, EngineThatMustNotStart())
    assert len(kept_ids(run)) < 60
    assert {row["is_near"] for row in in_order(run, "decisions/near/outcome")} == {True, False}
