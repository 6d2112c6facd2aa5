"""Duplicate substrings of the survivors: windows of text that occur more than once are cut.

In: the survivors' texts (after line dedup) and order. Out: `<selection>cuts/substrings`. Two methods, one answer: sorted
suffixes in the memory of this process, or minimiser partitions through the engine's shuffle.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.filters.dedup.suffix_array import memory_bytes
from gristmill.pipelines.cut.spans import count_line, write_cuts
from gristmill.pipelines.cut.substrings_memory import mark_in_memory
from gristmill.pipelines.cut.substrings_partitioned import mark_by_partition
from gristmill.pipelines.cut.survivor_texts import Survivors
from gristmill.pipelines.engine.memory import available_memory_bytes
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.model_files import with_file_hashes
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.cuts import ONLY_HOW, Substrings

KIND = "substrings"
_MEMORY_SHARE = 2  # of what is free, one part in so many


def cut_substrings(
    context: RunContext,
    survivors: Sequence[Survivors],
    order: DatasetManifest,
    options: Substrings,
    inputs: Mapping[str, str],
) -> DatasetManifest:
    """Bring `<folder>cuts/substrings` up to date. The method is no part of the stage's key: it changes no row."""
    spec = layout.CUTS[KIND].of(context.selection)
    stage = context.stage(spec, with_file_hashes(options.model_dump(exclude=ONLY_HOW)), inputs)

    def work() -> dict[str, Any]:
        text_bytes = int(order.facts["text_bytes"])
        budget = options.max_memory_bytes or available_memory_bytes() // _MEMORY_SHARE
        method = _method(options.method, text_bytes, budget)
        context.console.log(
            f"{spec.folder}: {method}, {text_bytes / 1e6:.1f} MB of text; in memory it needs "
            f"{memory_bytes(text_bytes) / 1e6:.0f} MB ({memory_bytes(text_bytes) // max(text_bytes, 1)} bytes a byte), "
            f"{budget / 1e6:.0f} MB may be used"
        )
        marked = f"{spec.folder}/marked"
        if method == "memory":
            marks, facts = mark_in_memory(
                context.storage, survivors, order, layout.SURVIVOR_ORDER.of(context.selection), options, marked
            )
        else:
            marks, facts = mark_by_partition(
                context.engine,
                context.storage,
                survivors,
                order,
                layout.SURVIVOR_ORDER.of(context.selection),
                options,
                marked,
                text_bytes,
                budget,
                context.console,
            )
        facts |= write_cuts(context.engine, survivors, spec, KIND, marks, options)
        context.storage.remove(marked)
        context.console.log(f"{spec.folder}: {count_line(facts)}")
        return {"method": method, **facts}

    return stage.run(work, context.console.log)


def _method(wanted: str, text_bytes: int, budget: int) -> str:
    if wanted != "auto":
        return wanted
    return "memory" if memory_bytes(text_bytes) <= budget else "partitioned"
