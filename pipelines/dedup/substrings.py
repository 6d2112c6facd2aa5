"""Duplicate substrings of the survivors: windows of text that occur more than once are cut.

In: the survivors' texts (after line dedup) and order. Out: `<selection>cuts/substrings`. Two methods, one answer: sorted
suffixes in the memory of this process, or minimiser partitions through the engine's shuffle.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.console import Console
from gristmill.filters.dedup.suffix_array import memory_bytes
from gristmill.pipelines.dedup.cuts import count_line, cuts_spec, write_cuts
from gristmill.pipelines.dedup.order import order_spec
from gristmill.pipelines.dedup.substrings_memory import mark_in_memory
from gristmill.pipelines.dedup.substrings_partitioned import mark_by_partition
from gristmill.pipelines.dedup.survivor_texts import Survivors
from gristmill.pipelines.engine.memory import available_memory_bytes
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.model_files import with_file_hashes
from gristmill.pipelines.run.stages import Stage
from gristmill.schemas.cut_options import ONLY_HOW, Substrings
from gristmill.schemas.manifest import DatasetManifest

KIND = "substrings"
_MEMORY_SHARE = 2  # of what is free, one part in so many


def cut_substrings(
    storage: Storage,
    engine: Engine,
    survivors: Sequence[Survivors],
    order: DatasetManifest,
    options: Substrings,
    inputs: Mapping[str, str],
    folder: str,
    console: Console,
) -> DatasetManifest:
    """Bring `<folder>cuts/substrings` up to date. The method is no part of the stage's key: it changes no row."""
    spec = cuts_spec(folder, KIND)
    stage = Stage(storage, spec, with_file_hashes(options.model_dump(exclude=ONLY_HOW)), inputs)

    def work() -> dict[str, Any]:
        text_bytes = int(order.facts["text_bytes"])
        budget = options.max_memory_bytes or available_memory_bytes() // _MEMORY_SHARE
        method = _method(options.method, text_bytes, budget)
        console.log(
            f"{spec.folder}: {method}, {text_bytes / 1e6:.1f} MB of text; in memory it needs "
            f"{memory_bytes(text_bytes) / 1e6:.0f} MB ({memory_bytes(text_bytes) // max(text_bytes, 1)} bytes a byte), "
            f"{budget / 1e6:.0f} MB may be used"
        )
        marked = f"{spec.folder}/marked"
        if method == "memory":
            marks, facts = mark_in_memory(storage, survivors, order, order_spec(folder), options, marked)
        else:
            marks, facts = mark_by_partition(
                engine, storage, survivors, order, order_spec(folder), options, marked, text_bytes, budget, console
            )
        facts |= write_cuts(engine, survivors, spec, KIND, marks, options)
        storage.remove(marked)
        console.log(f"{spec.folder}: {count_line(facts)}")
        return {"method": method, **facts}

    return stage.run(work, console.log)


def _method(wanted: str, text_bytes: int, budget: int) -> str:
    if wanted != "auto":
        return wanted
    return "memory" if memory_bytes(text_bytes) <= budget else "partitioned"
