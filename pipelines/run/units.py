"""Units of work: what a task has finished, by a marker file that is put if absent and names the parts it wrote.

The driver lists the markers of a dataset, in one request for a thousand of them, and hands out only the tasks whose
marker is missing; no task asks for its own. Markers are read side by side. So a store is asked as often for a hundred
thousand parts as the work needs, and no request waits for another.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import PartWriter
from gristmill.schemas.layout import DatasetSpec

Task = TypeVar("Task")
Marker = dict[str, Any]  # key, parts, facts


def commit_unit(storage: Storage, spec: DatasetSpec, key: str, writer: PartWriter, facts: dict[str, Any]) -> None:
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
