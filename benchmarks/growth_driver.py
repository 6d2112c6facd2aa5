"""What the driver does for each part: seconds and memory at many parts, and requests to an object store.

A part here is one small file with a unit of its own in every stage, so that tasks do as little as they can and what remains
is the work on metadata: listing inputs and units, reading markers, writing and reading manifests.
"""

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fsspec
import gristmill
import psutil
from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report.write import write_report
from gristmill.pipelines.run.run import open_run
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.sources import ingest

TESTS = Path(__file__).parent.parent / "tests"
QUIET = Console(quiet=True)
POLICY = {"rules": [{"name": "long", "signal": "text_bytes", "keep": ">= 9"}]}
DEDUP = {"exact": {}, "near": {"similarity": 0.7, "shingle": {"words": 3}}}


@contextlib.contextmanager
def a_unit_for_each_file() -> Iterator[None]:
    """However small the files are."""
    with patch.object(ingest, "MAX_GROUP_SPLITS", 1):
        yield


def write_parts(folder: Path, parts: int) -> Path:
    """That many files of two documents, a thousand a folder."""
    for number in range(parts):
        path = folder / f"{number // 1000:04d}" / f"{number:07d}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"text": f"text {n} of file {number}"}) + "\n" for n in range(2)))
    return folder


@dataclass
class StageClock:
    """Processor seconds of each stage between its start and its manifest, and how many of them tasks ran."""

    seconds: dict[str, float] = field(default_factory=dict)
    in_tasks: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    tasks: float = 0.0
    _open: list[tuple[str, float]] = field(default_factory=list)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        start, finish, run_tasks = Stage.start, Stage.finish, Engine.run_tasks

        def started(stage: Stage) -> None:
            self._open.append((stage.spec.folder, time.process_time()))
            start(stage)

        def finished(stage: Stage, facts: dict[str, Any]) -> Any:
            manifest = finish(stage, facts)
            at = next(n for n, (name, _) in enumerate(self._open) if name == stage.spec.folder)
            name, since = self._open.pop(at)
            self.seconds[name] = time.process_time() - since
            self.megabytes[name] = psutil.Process().memory_info().rss / 1e6
            return manifest

        def ran(engine: Engine, *given: Any, **named: Any) -> None:
            since = time.process_time()
            run_tasks(engine, *given, **named)
            took = time.process_time() - since
            self.tasks += took
            for name, _ in self._open:
                self.in_tasks[name] = self.in_tasks.get(name, 0.0) + took

        with (
            patch.object(Stage, "start", started),
            patch.object(Stage, "finish", finished),
            patch.object(Engine, "run_tasks", ran),
        ):
            yield


def print_metadata(parts: int, folder: Path) -> None:
    """A build of that many parts with rules and exact duplicates, its report, and the same command again."""
    recipe = {
        "name": "parts",
        "sources": [{"name": "docs", "path": str(write_parts(folder / "in", parts))}],
        "policy": POLICY,
        "dedup": {"exact": {}},
    }
    clock = StageClock()
    print(f"{parts:,} parts\n{'':<24} {'seconds':>9} {'outside tasks':>14} {'us a part':>10} {'MB held':>9}")

    def line(name: str, seconds: float, tasks: float = 0.0, megabytes: float | None = None) -> None:
        held = psutil.Process().memory_info().rss / 1e6 if megabytes is None else megabytes
        outside = seconds - tasks
        print(f"{name:<24} {seconds:>9.2f} {outside:>14.2f} {outside / parts * 1e6:>10.0f} {held:>9.0f}", flush=True)

    def timed(name: str, work: Any) -> None:
        since = time.process_time()
        work()
        line(name, time.process_time() - since)

    with a_unit_for_each_file():
        since = time.process_time()
        with clock.watching():
            gristmill.build(recipe, folder / "run", engine=Engine(), console=QUIET, report=False)
        total = time.process_time() - since
        for name, seconds in clock.seconds.items():
            line(name, seconds, clock.in_tasks.get(name, 0.0), clock.megabytes[name])
        line("the whole build", total, clock.tasks)
        run = open_run(str(folder / "run"))
        timed("report", lambda: write_report(run, Engine(), QUIET))
        timed("the same build again", lambda: gristmill.build(recipe, folder / "run", console=QUIET, report=False))


def print_requests() -> None:
    """Requests of a build into a store, by dataset: those that each part adds, and those whatever the number of parts."""
    sys.path.insert(0, str(TESTS.parent))
    from tests.remote.store import BUCKET, requests_by_folder, running_store

    few, many = 2, 6
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(running_store())
        stack.enter_context(patch.dict("os.environ", store.environment))
        stack.enter_context(a_unit_for_each_file())
        remote = fsspec.filesystem("s3")
        remote.mkdir(BUCKET)
        counts, again = {}, {}
        for parts in (few, many):
            for number in range(parts):
                # an exact and a near copy of what is in the other parts, so that every stage has rows of each
                base = "the mill by the river turns and " * 4
                lines = [f"{base}of file {number}", "a text that every file has", f"only file {number} has this"]
                content = "".join(json.dumps({"text": text}) + "\n" for text in lines)
                remote.pipe(f"{BUCKET}/in/{parts}/{number}.jsonl", content.encode())
            recipe = {
                "name": "parts",
                "sources": [{"name": "docs", "path": f"s3://{BUCKET}/in/{parts}"}],
                "policy": POLICY,
                "dedup": DEDUP,
            }
            for kept in (counts, again):
                with store.counting() as seen:
                    out = f"s3://{BUCKET}/run{parts}"
                    gristmill.build(recipe, out, engine=Engine(), console=QUIET, report=False)
                kept[parts] = requests_by_folder(seen, f"{BUCKET}/run{parts}/")
                inputs = [(kind, key) for kind, key in seen if key.startswith(f"{BUCKET}/in/")]
                kept[parts]["(inputs)"] = Counter(kind for kind, _ in inputs)
    print("| dataset | for each part: put | get | ask | for each stage: put | get | ask | list | delete |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in sorted(counts[many]):
        print(f"| {name} | {_row(counts[few].get(name, {}), counts[many][name], few, many)} |")
    same, more = (sum(sum(kinds.values()) for kinds in again[parts].values()) for parts in (few, many))
    print(f"\nthe same build again: {same} requests for {few} parts, {more} for {many}")


def _row(few: Mapping[str, int], many: Mapping[str, int], parts_few: int, parts_many: int) -> str:
    """A line of the table: a straight line through two points for each kind of request."""
    each = {
        kind: (many.get(kind, 0) - few.get(kind, 0)) / (parts_many - parts_few)
        for kind in ("put", "get", "ask", "list", "delete", "post")
    }
    fixed = {kind: few.get(kind, 0) - each[kind] * parts_few for kind in each}
    fixed["delete"] += fixed["post"]
    by_part = [each[kind] for kind in ("put", "get", "ask")]
    by_stage = [fixed[kind] for kind in ("put", "get", "ask", "list", "delete")]
    return " | ".join(f"{value:.3g}" if abs(value) > 0.01 else "0" for value in [*by_part, *by_stage])
