"""Units of work: what a task has finished, by a marker file that is put if absent and names the parts it wrote.

The driver lists the markers of a dataset, in one request for a thousand of them, and hands out only the tasks whose
marker is missing; no task asks for its own. Markers are read side by side. So a store is asked as often for a hundred
thousand parts as the work needs, and no request waits for another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import MAX_PART_BYTES, PartWriter
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part

Task = TypeVar("Task")
Marker = dict[str, Any]  # key, parts, facts


class UnitWriter(PartWriter):
    """Writes the rows of a unit, in one part unless `single` is False. A context manager: the unit counts from its end on.

    Where the block raises, or another attempt's unit counts already, the files of this attempt are removed.
    facts: what the marker says beside the parts; they may be set until the block ends.
    """

    def __init__(
        self, storage: Storage, spec: DatasetSpec, key: str, single: bool = True, part_bytes: int = MAX_PART_BYTES
    ) -> None:
        super().__init__(storage, spec, key, single, part_bytes)
        self.facts: dict[str, Any] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        # a marker that may have been put all the same, as the answer was lost, must find its files: none go if this raises
        if error is None and not put_unit(self.storage, self.spec, self.key, self.facts, self.parts):
            self.abandon()


def put_unit(
    storage: Storage, spec: DatasetSpec, key: str, facts: Mapping[str, Any], parts: Sequence[Part] = ()
) -> bool:
    """Make a finished unit count, once; False where another attempt's counts, and this one's files are to be removed."""
    marker = {"key": key, "parts": [part.model_dump() for part in parts], "facts": dict(facts)}
    return storage.put_if_absent(spec.unit_path(key), marker)


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
    apart: bool = False,
) -> None:
    """Run the tasks of which a unit is missing: for each part, unless its unit is there, write its unit.

    units: each dataset that a task adds a unit to, with the unit's key as a function of the task. label, amount, of:
    the progress that is shown, how much of it a task is, in which unit; None shows nothing. apart: see Engine.run_tasks.
    """
    todo = unfinished(storage, tasks, *units)
    if label is None:
        engine.run_tasks(function, todo, apart=apart)
        return
    with console.progress(label, sum(map(amount, todo)), of) as advance:
        engine.run_tasks(function, todo, advance, apart=apart)
