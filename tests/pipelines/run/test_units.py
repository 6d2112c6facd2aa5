"""Units: what a task writes counts at its end, once, and an attempt that fails leaves no file behind."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run import dataset
from gristmill.pipelines.run.dataset import PartWriter, read_part
from gristmill.pipelines.run.map_parts import map_part
from gristmill.pipelines.run.units import UnitWriter, read_units
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part

SPEC = DatasetSpec("numbers", pa.schema([pa.field("n", pa.int64())]), ("n",))
OTHER = DatasetSpec("others", SPEC.schema, ("n",))


class TaskError(Exception):
    pass


def numbers(*values: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, pa.int64())], schema=SPEC.schema)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def stored(storage: Storage, spec: DatasetSpec, key: str) -> tuple[list[int], dict[str, Any]]:
    """(the rows of a unit, its facts)."""
    unit = read_units(storage, spec, [key])[key]
    parts = [read_part(storage, Part.model_validate(part), ["n"]) for part in unit["parts"]]
    return [n for part in parts for n in part.column("n").to_pylist()], unit["facts"]


def test_a_unit_counts_from_the_end_of_its_block_on(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with UnitWriter(storage, SPEC, "k") as unit:
        unit.write(numbers(1, 2))
        unit.write(pa.concat_tables([pa.table(numbers(3)), pa.table(numbers(4, 5))]))
        unit.facts["rows"] = 5
        assert read_units(storage, SPEC) == {}
    assert stored(storage, SPEC, "k") == ([1, 2, 3, 4, 5], {"rows": 5})
    assert len(unit.parts) == 1


def test_a_unit_without_rows_has_its_part(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with UnitWriter(storage, SPEC, "none"):
        pass
    with UnitWriter(storage, SPEC, "empty") as unit:
        unit.write(SPEC.schema.empty_table())
    assert [len(unit["parts"]) for unit in read_units(storage, SPEC).values()] == [1, 1]
    assert stored(storage, SPEC, "empty") == ([], {})


@pytest.mark.parametrize("written", [0, 1, 3_000_000], ids=["nothing", "a row", "a row group"])
@pytest.mark.parametrize("error", [TaskError, KeyboardInterrupt])
def test_an_attempt_that_fails_leaves_no_file(tmp_path: Path, written: int, error: type[BaseException]) -> None:
    storage = Storage(str(tmp_path))

    def attempt() -> None:
        with UnitWriter(storage, SPEC, "k") as unit:
            unit.write(pa.record_batch([pa.array(range(written), pa.int64())], schema=SPEC.schema))
            assert files(tmp_path)
            raise error

    with pytest.raises(error):
        attempt()
    assert files(tmp_path) == []


def test_parts_that_ended_before_the_failure_go_too(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))

    def attempt() -> None:
        with UnitWriter(storage, SPEC, "k", single=False, part_bytes=8) as unit:
            unit.write(numbers(1, 2, 3))
            assert len(unit.parts) == 3
            raise TaskError

    with pytest.raises(TaskError):
        attempt()
    assert files(tmp_path) == []


def test_rows_of_another_shape_fail_and_leave_no_file(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))

    def attempt() -> None:
        with UnitWriter(storage, SPEC, "k") as unit:
            unit.write(pa.record_batch({"m": pa.array([1])}))

    with pytest.raises(KeyError):
        attempt()
    assert files(tmp_path) == []


def test_a_file_that_cannot_be_ended_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(str(tmp_path))

    def attempt() -> None:
        with UnitWriter(storage, SPEC, "k") as unit:
            unit.write(numbers(1))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "batch_digest", full)  # what little there is to write is written at the end
    with pytest.raises(OSError, match="No space left"):
        attempt()
    assert files(tmp_path) == []


def test_a_marker_whose_answer_was_lost_finds_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while the marker is put does not say that it is not there: the file it names must stay."""
    storage = Storage(str(tmp_path))
    put = Storage.put_if_absent

    def lost(self: Storage, path: str, value: Any) -> bool:
        put(self, path, value)
        raise TimeoutError

    def attempt() -> None:
        with UnitWriter(storage, SPEC, "k") as unit:
            unit.write(numbers(1))

    monkeypatch.setattr(Storage, "put_if_absent", lost)
    with pytest.raises(TimeoutError):
        attempt()
    assert stored(storage, SPEC, "k") == ([1], {})


def test_the_second_of_two_attempts_is_removed(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with UnitWriter(storage, SPEC, "k") as first, UnitWriter(storage, SPEC, "k") as second:
        first.write(numbers(1))
        second.write(numbers(2))
    assert stored(storage, SPEC, "k") == ([2], {})  # the inner block ends first
    assert files(tmp_path) == sorted([second.parts[0].path, SPEC.unit_path("k")])


def test_of_several_units_none_counts_where_one_block_fails(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))

    def attempt() -> None:
        with ExitStack() as stack:
            units = [stack.enter_context(UnitWriter(storage, spec, "k")) for spec in (SPEC, OTHER)]
            for unit in units:
                unit.write(numbers(1))
            raise TaskError

    with pytest.raises(TaskError):
        attempt()
    assert files(tmp_path) == []


def test_a_part_through_a_function(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    rows = 20_000  # more than a batch

    def with_row(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        return numbers(*(n - place for place, n in enumerate(batch.column("n").to_pylist(), row)))

    def failing(batch: pa.RecordBatch, row: int, at: int) -> pa.RecordBatch:
        if row >= at:
            raise TaskError
        return batch

    with UnitWriter(storage, SPEC, "k") as unit:
        unit.write(numbers(*range(7, 7 + rows)))
    (part,) = unit.parts
    before = files(tmp_path)
    for at in (0, 8192):
        with pytest.raises(TaskError):
            map_part(storage, OTHER, part, partial(failing, at=at))
        assert files(tmp_path) == before
    assert map_part(storage, OTHER, part, with_row, columns=["n"], key="other", facts={"of": "k"}) == rows
    assert stored(storage, OTHER, "other") == ([7] * rows, {"of": "k"})


def test_a_writer_without_a_unit_ends_its_files_or_removes_them(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with PartWriter(storage, SPEC, "k", single=True) as writer:
        writer.write(numbers(1))
    assert files(tmp_path) == [writer.parts[0].path]
    assert writer.parts[0].rows == 1

    def attempt() -> None:
        with PartWriter(storage, OTHER, "k") as failed:
            failed.write(numbers(1))
            raise TaskError

    with pytest.raises(TaskError):
        attempt()
    assert files(tmp_path) == [writer.parts[0].path]
