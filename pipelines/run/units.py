"""Units of work: what a task has finished, by a marker file that is put if absent and names the parts it wrote.

The driver lists the markers of a dataset, in one request for a thousand of them, and hands out only the tasks whose
marker is missing; no task asks for its own. Markers are read side by side. So a store is asked as often for a hundred
thousand parts as the work needs, and no request waits for another.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part

Task = TypeVar("Task")
Marker = dict[str, Any]  # key, parts, facts


class UnitWriter(Protocol):
    """What has written the files of a unit (`PartWriter`)."""

    def close(self) -> Sequence[Part]:
        """End the files; returns the parts that the marker names."""

    def abandon(self) -> None:
        """Remove the files."""


def commit_unit(storage: Storage, spec: DatasetSpec, key: str, writer: UnitWriter, facts: dict[str, Any]) -> None:
    """Make a finished unit count, once: a second attempt's files are removed."""
    parts = [part.model_dump() for part in writer.close()]
    if not storage.put_if_absent(spec.unit_path(key), {"key": key, "parts": parts, "facts": facts}):
        writer.abandon()


def finished_keys(storage: Storage, spec: DatasetSpec) -> set[str]:
    """The keys of the units that are there."""
    names = storage.list(f"{spec.folder}/units")
    return {name.removesuffix(".json") for name in names if name.endswith(".json")}  # else: being written, or was


def unfinished(
    storage: Storage, tasks: Iterable[Task], *units: tuple[DatasetSpec, Callable[[Task], str]]
) -> list[Task]:
    """The tasks that have still to be done: those of which a unit is missing.

    units: each dataset that a task adds a unit to, with the unit's key as a function of the task.
    """
    finished = [(key, finished_keys(storage, spec)) for spec, key in units]
    return [task for task in tasks if not all(key(task) in keys for key, keys in finished)]


def read_units(storage: Storage, spec: DatasetSpec, keys: Iterable[str] | None = None) -> dict[str, Marker]:
    """Markers of the finished units, in the order of `keys` and among them; of all units, sorted, without `keys`."""
    present = finished_keys(storage, spec)
    chosen = sorted(present) if keys is None else [key for key in keys if key in present]
    return dict(zip(chosen, storage.read_many_json([spec.unit_path(key) for key in chosen]), strict=True))


def run_units(
    engine: Engine,
    storage: Storage,
    console: Console,
    function: Callable[[Task], int],
    tasks: Sequence[Task],
    *units: tuple[DatasetSpec, Callable[[Task], str]],
    label: str | None = None,
    amount: Callable[[Task], int] = lambda task: 1,
    of: str = "parts",
) -> None:
    """Run the tasks of which a unit is missing: for each part, unless its unit is there, write its unit.

    units: each dataset that a task adds a unit to, with the unit's key as a function of the task. label, amount, of:
    the progress that is shown, how much of it a task is, in which unit; None shows nothing.
    """
    todo = unfinished(storage, tasks, *units)
    if label is None:
        engine.run_tasks(function, todo)
        return
    with console.progress(label, sum(map(amount, todo)), of) as advance:
        engine.run_tasks(function, todo, advance)
