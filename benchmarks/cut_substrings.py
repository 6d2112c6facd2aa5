"""Duplicate substrings through the pipeline: both methods on the same survivors, equal cuts checked.

    python benchmarks/cut_substrings.py [MEGABYTES ...]      default: 20 100

For each size: the bare suffix sort of the text, the memory method with and without reading and writing, the
partitioned method with the bytes it shuffles. Seconds are processor seconds of the whole process, so megabytes a second
are those of one core, also on a busy machine; wall seconds beside them.
"""

import contextlib
import io
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gristmill.console import Console
from gristmill.filters.dedup.suffix_array import duplicate_mask, suffix_array
from gristmill.kernels.buffers import string_buffers
from gristmill.pipelines.build import build
from gristmill.pipelines.cut.order import survivor_order
from gristmill.pipelines.cut.spans import survivors_of
from gristmill.pipelines.cut.substrings import cut_substrings
from gristmill.pipelines.cut.survivor_texts import survivor_texts
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.policy.text_versions import ORIGINALS
from gristmill.pipelines.run.run import Run
from gristmill.schemas.recipe.cuts import Substrings
from inputs import WORK, parquet

QUIET = Console(quiet=True)


@dataclass
class Cost:
    """Processor and wall seconds of a call, and its answer."""

    processor: float
    wall: float
    answer: Any


def measured(call: Callable[[], Any]) -> Cost:
    processor, wall = time.process_time(), time.perf_counter()
    answer = call()
    return Cost(time.process_time() - processor, time.perf_counter() - wall, answer)


def built(megabytes: float) -> Run:
    """A run of the benchmark's documents, exact duplicates left out."""
    folder = WORK / f"cut-{megabytes:g}"
    shutil.rmtree(folder, ignore_errors=True)
    source = {"name": "docs", "path": str(parquet(megabytes)), "columns": {"id": "id"}}
    return build({"name": "cut", "sources": [source]}, folder, report=False, console=QUIET)


def compare(megabytes: float) -> None:
    run = built(megabytes)
    survivors = survivors_of(run.storage, run.documents, run.decisions, ORIGINALS, {})
    read = measured(lambda: [string_buffers(chunk.texts) for part in survivors for chunk in survivor_texts(part)])
    sizes = np.concatenate([np.diff(edges) for _, edges in read.answer])
    data = np.concatenate([text[edges[0] : edges[-1]] for text, edges in read.answer])
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    duplicate_mask(data[:1000], np.array([0, 500, 1000]))  # compile
    bare = measured(lambda: suffix_array(data))
    bare.answer = None
    kernel = measured(lambda: duplicate_mask(data, offsets))
    text = len(data) / 1e6
    print(f"{text:.1f} MB of text in {len(sizes):,} documents, {len(survivors)} parts")
    print(f"  bare suffix sort {text / bare.processor:.1f} MB/s; with marks {kernel.processor / bare.processor:.2f} x")
    digests = set()
    with Engine() as engine:
        context = run.context(engine, QUIET)
        made = survivor_order(context, run.decisions, {}, ("oldest",), {})
        for method in ("memory", "partitioned"):
            options = Substrings(method=method)
            cost = measured(
                lambda options=options, method=method: cut_substrings(
                    context, survivors, made, options, {"method": method}
                )
            )
            facts = cost.answer.facts
            digests.add(cost.answer.digest)
            line = f"  {method}: {text / cost.processor:.1f} MB/s of one core ({cost.wall:.1f} s wall)"
            if method == "memory":
                line += f", {cost.processor / bare.processor:.2f} x the bare sort, without reading and writing "
                line += f"{(cost.processor - 2 * read.processor) / bare.processor:.2f} x"
            else:
                line += (
                    f", {facts['shuffle_bytes_per_text_byte']} bytes shuffled a byte of text, {facts['passes']} passes"
                )
            print(f"{line}; {facts['cut_bytes'] / len(data):.4f} of the text cut", flush=True)
    if len(digests) > 1:
        raise SystemExit("the methods cut different bytes")
    print(f"  peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20):.2f} GiB", flush=True)
    shutil.rmtree(run.storage.root)


def main() -> None:
    WORK.mkdir(exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):
        compare(0.5)  # kernels are compiled or loaded
    for megabytes in [float(argument) for argument in sys.argv[1:]] or [20.0, 100.0]:
        compare(megabytes)


if __name__ == "__main__":
    main()
