"""The curves of benchmarks/growth.py at their smallest sizes: work is counted, in calls or in bytes of rows, not timed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.growth.counting import assert_linear, count_calls

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"

IN_ONE_THREAD = ["rules", "languages", pytest.param("long-document", marks=pytest.mark.slow)]
BUILDS = ["near", pytest.param("bucket", marks=pytest.mark.slow), pytest.param("group", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def curves() -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        from growth_curves import CURVES

        yield CURVES
        for name in ("growth_curves", "growth_driver"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("name", IN_ONE_THREAD)
def test_calls_grow_in_proportion(name: str, curves: dict[str, Any], tmp_path: Path) -> None:
    """Calls of kernels count as one each: what they do inside is bounded by their own tests."""
    curve = curves[name]
    curve.prepare(tmp_path, curve.test_size)()  # kernels are compiled uncounted
    assert_linear(lambda size: count_calls(curve.prepare(tmp_path, size)), curve.test_size)


class Moved:
    """Bytes of rows that are written as parts or read from them, in any thread."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from gristmill.pipelines.run import dataset

        self.bytes = self.rows = 0
        write = dataset.PartWriter.write

        def counted(writer: Any, batch: pa.RecordBatch) -> None:
            self.bytes += batch.nbytes
            self.rows += batch.num_rows
            write(writer, batch)

        patch.setattr(dataset.PartWriter, "write", counted)


@pytest.mark.parametrize("name", BUILDS)
def test_rows_written_grow_in_proportion(
    name: str, curves: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs, buckets, members and decisions of a build: a quadratic number of any would show as rows."""
    curve, moved = curves[name], Moved(monkeypatch)

    def work(size: int) -> int:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        before = moved.bytes
        curve.prepare(folder, size)()
        return moved.bytes - before

    assert_linear(work, curve.test_size)
    assert moved.rows > 0


def test_evaluation_items_are_compared_with_what_has_their_words(
    curves: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents are not compared with every item."""
    curve, moved = curves["evaluation-items"], Moved(monkeypatch)

    def work(size: int) -> int:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        run = curve.prepare(folder, size)
        before = moved.rows
        run()
        return moved.rows - before

    assert_linear(work, curve.test_size)


def test_the_driver_s_work_grows_in_proportion_to_parts(
    curves: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that a build, its report and the same build again open, list or remove."""
    from gristmill.pipelines.engine.storage import Storage

    curve, asked = curves["parts"], [0]
    names = [name for name, value in vars(Storage).items() if callable(value) and not name.startswith("_")]
    for name in names:
        original = getattr(Storage, name)

        def counted(*given: Any, _original: Any = original, **named: Any) -> Any:
            asked[0] += 1
            return _original(*given, **named)

        if not isinstance(vars(Storage)[name], (property, staticmethod, classmethod)):
            monkeypatch.setattr(Storage, name, counted)

    def work(size: int) -> int:
        before = asked[0]
        curve.prepare(tmp_path / f"{size}-{len(list(tmp_path.iterdir()))}", size)()
        return asked[0] - before

    assert_linear(work, curve.test_size)
