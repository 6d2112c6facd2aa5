"""Engines one after the other, and beside each other, in one process."""

import os
import resource
import zipimport
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gristmill
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.pipelines.dedup.near import component_rounds
from gristmill.pipelines.engine import session
from gristmill.pipelines.engine.session import Engine


@pytest.mark.java
@pytest.mark.slow
def test_the_embedded_engine_starts_after_spark_and_again() -> None:
    for name in ("spark", "sail", "sail"):
        with Engine(name) as engine:
            assert engine.spark.range(3).count() == 3


@pytest.mark.slow
@pytest.mark.java
def test_engines_open_at_once_have_sessions_of_their_own() -> None:
    with Engine("sail") as outer:
        assert outer.spark.range(3).count() == 3
        with Engine("spark") as spark:
            assert spark.spark.session_id != outer.spark.session_id
            with Engine("sail") as inner:
                assert inner.spark.range(4).count() == 4
            assert spark.spark.range(5).count() == 5
        assert outer.spark.range(6).count() == 6
        edges = outer.spark.sql("select * from values ('a', 'b'), ('b', 'a'), ('c', 'a') as edges(one, other)")
        found = component_rounds.ordered_edges(edges, "one", "other").collect()
        assert {tuple(row) for row in found} == {("b", "a"), ("c", "a")}


@pytest.mark.slow
@pytest.mark.java
def test_a_spark_task_does_not_read_the_zips_of_pyspark_again() -> None:
    def zips_read_again(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """In a worker of Spark: how many zips pyspark's own code has been read from, and how many are read again."""
        import importlib
        import zipimport

        from gristmill.pipelines import engine  # noqa: F401 - what every task of ours imports

        for _ in batches:
            before = {name: id(files) for name, files in zipimport._zip_directory_cache.items()}  # type: ignore[attr-defined]
            importlib.invalidate_caches()
            after = {name: id(files) for name, files in zipimport._zip_directory_cache.items()}  # type: ignore[attr-defined]
            again = sum(after.get(name) != before[name] for name in before)
            yield pa.record_batch({"zips": pa.array([len(before)], pa.int64()), "again": pa.array([again], pa.int64())})

    ours = zipimport.zipimporter.invalidate_caches
    with Engine("spark", partitions=1) as engine:
        answers = engine.spark.range(1).mapInArrow(zips_read_again, "zips long, again long").collect()
    assert [row.again for row in answers] == [0]
    assert all(row.zips > 0 for row in answers)
    assert zipimport.zipimporter.invalidate_caches is ours is zipimport.zipimporter.__dict__["invalidate_caches"]


def test_an_engine_that_is_given_goes_on_running(tmp_path: Path) -> None:
    """Five calls, one session; an engine of one's own ends with its block, and a call without one leaves nothing."""
    (tmp_path / "a.txt").write_text("The mill turns when the river is high, and the grain is ground.")
    (tmp_path / "b.txt").write_text("The mill turns when the river is high, and the grain is ground.")
    files = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    recipe: dict[str, Any] = {"name": "engine", "sources": [{"name": "texts", "path": files, "root": str(tmp_path)}]}
    quiet = Console(quiet=True)
    with Engine() as engine:
        session = engine.spark
        run = gristmill.build(recipe, tmp_path / "run", engine=engine, console=quiet, report=False)
        other = gristmill.reselect(run, {"min_text_bytes": 2}, "other", engine=engine, console=quiet)
        gristmill.materialise(other, engine=engine, console=quiet)
        gristmill.diff(run, other, engine=engine)
        gristmill.forget(run, [next(iter(run.corpus))["doc_id"]], "record", engine=engine, console=quiet)
        assert engine.spark is session
        assert session.range(3).count() == 3
    with pytest.raises(Exception, match=r"(?i)closed|unavailable|refused|session"):
        session.range(3).count()


def test_reading_many_files_opens_few_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sail opens every file of a scan at once, and a process may open so many only."""
    files, rows = 300, 2
    paths = [str(tmp_path / f"{number:03d}.parquet") for number in range(files)]
    for number, path in enumerate(paths):
        pq.write_table(pa.table({"n": [number] * rows, "other": ["x"] * rows}), path)
    monkeypatch.setattr(session, "FILES_A_SCAN", 16)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Engine(cores=2) as engine:
        engine.read(paths[:1]).toArrow()  # the session is there, with what it holds open
        held = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (held + 100, hard))
        try:
            found = engine.read(paths, ["n"]).groupBy("n").count().toArrow()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(found["n"].to_pylist()) == list(range(files))
    assert set(found["count"].to_pylist()) == {rows}
