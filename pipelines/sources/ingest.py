"""Ingest: from the files of a recipe's sources to documents/, with the readers' tally beside the rows.

One unit of work is a group of splits; its marker holds the parts it wrote and the sum of its splits' tallies, so that
neither markers nor the driver grow with the number of small files. Rows are `ok` or `quarantined`; the balance compares
the tally of the framing layer with the rows written.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.filters.html.learned_tables import tables_digest
from gristmill.pipelines.engine.pool import shared_pool
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import MAX_PART_BYTES, PartWriter
from gristmill.pipelines.run.stages import fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.sources.colliding_ids import separate_colliding_ids
from gristmill.pipelines.sources.readers.extract import EXTRACTED, OWN, WARM
from gristmill.pipelines.sources.readers.registry import list_splits, read_splits
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas import layout
from gristmill.schemas.errors import BalanceError
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.document import KEPT_STATUS
from gristmill.schemas.tally import Tally

SPLIT_BYTES = 64 << 20
MIN_GROUP_BYTES = 1 << 20
MAX_GROUP_SPLITS = 4096  # of empty or tiny files: what a task holds for each of them is bounded too
MAX_ERRORS_LISTED = 100  # of a task, in its marker; all are counted
MIN_PART_BYTES = 8 << 20
TASKS_WANTED = 32
MIN_BYTES_APART = 64 << 20  # of stored input: so much is read by processes, less by threads
ALWAYS_OWN = ("books", "stackexchange")  # formats whose HTML is read by our extractor whatever `extract` says
WEB = ("arc", "common_crawl", "html", "warc")  # formats of pages
_TALLIED = ("bytes_consumed", "records_framed", "documents", "quarantined")
READERS_REVISION = 2  # raise it where a reader gives another text or other metadata: documents are then read again
LIBRARIES = (
    "pyarrow",
    "fastwarc",
    "resiliparse",
    "trafilatura",
    "chardetng-py",
    "webencodings",
    "pycld2",
    "lxml",
    "babel",
)


@dataclass(frozen=True)
class IngestTask:
    """Splits of one source. sample: the fraction of documents to take, a function of doc_id; None: all."""

    storage: Storage
    source: Source
    splits: tuple[Split, ...]
    key: str
    part_bytes: int
    sample: float | None = None


def ingest_tasks(
    storage: Storage, recipe: Recipe, sample: float | None = None, console: Console | None = None
) -> list[IngestTask]:
    """Every split of every source, small ones grouped; InputError when a source cannot be read at all.

    console: is told of files beside the data that are not read.

    Groups hold a 32nd of the input, at least 1 MiB and at most 64 MiB; parts of documents a 32nd, at least 8 MiB and at
    most 128 MiB: enough of them for every core of a small machine, few files for a large input.
    """
    splits = []
    for source in recipe.sources:
        left_out: list[str] = []
        splits.append(list_splits(source, SPLIT_BYTES, left_out))
        if left_out and console:
            shown = ", ".join(name.rpartition("/")[2] for name in left_out[:5]) + (", ..." if len(left_out) > 5 else "")
            console.log(f"source {source.name}: {len(left_out)} files beside the data are not read ({shown})")
    total = sum(_share(split) for one_source in splits for split in one_source)
    group_bytes = min(SPLIT_BYTES, max(MIN_GROUP_BYTES, total // TASKS_WANTED))
    part_bytes = min(MAX_PART_BYTES, max(MIN_PART_BYTES, total // TASKS_WANTED))
    tasks = []
    for number, (source, one_source) in enumerate(zip(recipe.sources, splits, strict=True)):
        for index, group in enumerate(_groups(one_source, group_bytes)):
            tasks.append(IngestTask(storage, source, tuple(group), f"s{number:03d}-{index:06d}", part_bytes, sample))
    return tasks


def _groups(splits: Sequence[Split], group_bytes: int) -> Iterator[list[Split]]:
    """Neighbouring splits in groups that reach `group_bytes`, or MAX_GROUP_SPLITS."""
    group: list[Split] = []
    size = 0
    for split in splits:
        group.append(split)
        size += _share(split)
        if size >= group_bytes or len(group) == MAX_GROUP_SPLITS:
            yield group
            group, size = [], 0
    if group:
        yield group


def ingest(
    context: RunContext, tasks: Sequence[IngestTask], meanwhile: Callable[[], None] = lambda: None
) -> DatasetManifest:
    """Bring documents/ up to date and check the balance. BalanceError when rows and tally disagree.

    meanwhile: what this process may do while others read, in a thread; it is called only where others do, and waited for.
    """
    sample = tasks[0].sample if tasks else None
    stage = context.stage(
        layout.DOCUMENTS,
        config={"sources": [_identity(source) for source in context.recipe.sources], "sample": sample},
        inputs={"files": file_set_fingerprint([list(task.splits) for task in tasks])},
        versions=source_versions(),
    )
    if stage.manifest is not None:
        context.console.log(f"documents: up to date ({stage.manifest.rows:,} rows)")
        return stage.manifest
    stage.start()
    started = time.monotonic()
    written = (layout.DOCUMENTS, lambda task: task.key)
    apart = sum(map(_task_bytes, tasks)) >= MIN_BYTES_APART
    with ThreadPoolExecutor(1, thread_name_prefix="gristmill-meanwhile") as thread:
        if apart and not context.engine.tasks_are_remote:
            thread.submit(meanwhile)
        context.run_units(ingest_group, tasks, written, label="read", amount=_task_bytes, of="bytes", apart=apart)
    units = stage.units()
    collisions = separate_colliding_ids(context.storage, context.engine, layout.DOCUMENTS, units)
    facts = _balance([unit["facts"] for unit in units.values()])
    facts["colliding_ids"] = collisions
    _check_balance(facts, sum(part["rows"] for unit in units.values() for part in unit["parts"]))
    manifest = stage.finish(facts)
    _log(context.console, manifest, time.monotonic() - started)
    return manifest


def ingest_group(task: IngestTask) -> int:
    """Read a group of splits, write its parts and leave its marker. Returns the stored bytes it covers."""
    with UnitWriter(task.storage, layout.DOCUMENTS, task.key, single=False, part_bytes=task.part_bytes) as unit:
        unit.facts = _read_into(unit, task)
    return _task_bytes(task)


def _read_into(writer: PartWriter, task: IngestTask) -> dict[str, Any]:
    """Write the documents of the task's splits (those in the sample); returns the sum of the splits' tallies.

    files: those that begin in this task, so that a file in several splits is counted once.
    """
    left_out = 0
    tallies = []
    for item in read_splits(task.splits, task.source, isolate=run_in_pool):
        if isinstance(item, Tally):
            tallies.append(item)
        elif task.sample is None:
            writer.write(item)
        else:
            taken = item.filter(in_sample(item.column("doc_id"), task.sample))
            left_out += item.num_rows - taken.num_rows
            writer.write(taken)
    return {
        "source": task.source.name,
        "files": sum(split.start == 0 for split in task.splits),
        **{name: sum(getattr(tally, name) for tally in tallies) for name in _TALLIED},
        "left_out_by_sample": left_out,
        "skipped": _counted(tally.skipped for tally in tallies),
        "forms": _counted(tally.forms for tally in tallies),
        "files_not_whole": len({tally.url for tally in tallies if tally.error}),
        "errors": [{"url": tally.url, "error": tally.error} for tally in tallies if tally.error][:MAX_ERRORS_LISTED],
    }


def reading_kernels(tasks: Sequence[IngestTask]) -> list[str]:
    """What is compiled before files are read (see `engine.warm`): the extractor, where there is HTML for it."""
    formats = {(split.format, task.source.extract in OWN) for task in tasks for split in task.splits}
    wants = {(name, True) for name in WEB} | {(name, own) for name in ALWAYS_OWN for own in (True, False)}
    return [WARM] if formats & wants else []


def run_in_pool(function: str, config: dict[str, Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    return shared_pool().run(function, config, batch, EXTRACTED)


def in_sample(doc_ids: pa.Array, fraction: float) -> pa.Array:
    """True for about `fraction` of the ids: the first 52 bits of the id below the fraction of their range."""
    limit = f"{int(fraction * (1 << 52)):013x}"
    return pc.less(pc.utf8_slice_codeunits(doc_ids, 0, 13), limit) if fraction < 1 else pc.is_valid(doc_ids)


def _identity(source: Source) -> dict[str, Any]:
    """What of a source decides its rows: not where its files lie."""
    return source.model_dump(mode="json", exclude={"path", "root", "exclude", "licence", "crawl"})


def file_set_fingerprint(groups: Sequence[Sequence[Split]]) -> str:
    """Changes with the set of files, their relative paths, sizes and modification times, and how they are grouped."""
    entries: list[list[object]] = []
    for group in groups:
        entries += [[one.source, one.path, one.format, one.start, one.end, one.size, one.version] for one in group]
        entries.append([])
    return fingerprint(entries)


def _task_bytes(task: IngestTask) -> int:
    return sum(_share(split) for split in task.splits)


def _share(split: Split) -> int:
    """Stored bytes that a split covers; row groups count as an equal share of their file."""
    if split.format in ("parquet", "datasets"):
        return split.size // max(1, split.end) * (split.end - split.start)
    return split.end - split.start


def source_versions() -> dict[str, str]:
    """What beside a recipe and its files decides the texts: readers, libraries, and what the extractor learned."""
    from importlib.metadata import version

    readers = {"readers": str(READERS_REVISION), "tables of filters/html": tables_digest()}
    return {name: version(name) for name in LIBRARIES} | readers


def _balance(tallies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums over all units, per source too, and the files whose reading was disturbed. tallies: of `_read_into`."""
    by_source: dict[str, list[dict[str, Any]]] = {}
    for tally in tallies:
        by_source.setdefault(tally["source"], []).append(tally)
    return {
        "files": sum(tally["files"] for tally in tallies),
        **_sums(tallies),
        "sources": {name: _sums(chosen) for name, chosen in by_source.items()},
        "files_not_whole": sum(tally["files_not_whole"] for tally in tallies),
        "errors": [entry for tally in tallies for entry in tally["errors"]],
    }


def _sums(tallies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sums: dict[str, Any] = {name: sum(tally[name] for tally in tallies) for name in (*_TALLIED, "left_out_by_sample")}
    return sums | {name: _counted(tally[name] for tally in tallies) for name in ("skipped", "forms")}


def _counted(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several counts."""
    return dict(sum(map(Counter, counts), Counter[str]()))


def _check_balance(facts: dict[str, Any], rows: int) -> None:
    """Before the manifest is written, so that rows that do not balance are never taken for finished."""
    framed = facts["records_framed"]
    written = rows + facts["left_out_by_sample"] + sum(facts["skipped"].values())
    if framed != written:
        raise BalanceError(
            f"{framed:,} records were framed, {written:,} were written, sampled out or skipped",
            where="documents",
            expected="the same number",
            next_step="remove documents/ and build again; if it comes back, report it",
        )


def _log(console: Console, manifest: DatasetManifest, seconds: float) -> None:
    facts = manifest.facts
    kept = sum(part.rows_by.get("None", 0) for part in manifest.parts)
    rate = manifest.text_bytes / 1e6 / max(seconds, 1e-3)
    console.log(
        f"documents: {kept:,} {KEPT_STATUS}, {manifest.rows - kept:,} quarantined of {facts['records_framed']:,} records "
        f"in {facts['files']:,} files ({sum(facts['skipped'].values()):,} skipped by design); balance holds; "
        f"{seconds:.1f} s, {rate:.1f} MB/s"
    )
    reasons = _counted(part.rows_by for part in manifest.parts)
    reasons.pop("None", None)
    if reasons:
        console.log(f"  quarantined: {_counts(reasons)}")
    for name, sums in facts["sources"].items():
        _log_forms(console, name, sums)
    for entry in facts["errors"][:10]:
        console.log(f"  not read whole: {entry['url']}: {entry['error']}")
    if facts["files_not_whole"] > 10:
        console.log(f"  and {facts['files_not_whole'] - 10:,} more files not read whole, see documents/manifest.json")
    if facts["colliding_ids"]:
        console.log(
            f"  {facts['colliding_ids']:,} documents shared their id with another; their ids got a content suffix"
        )


def _log_forms(console: Console, source: str, sums: Mapping[str, Any]) -> None:
    """Say as which forms a source's records were read, and what was left out by design."""
    if not sums["forms"]:
        return
    first, *others = [f"{count:,} {{}}as {name}" for name, count in _greatest_first(sums["forms"])]
    read = ", ".join([first.format("records read "), *(one.format("") for one in others)])
    console.log(f"  source {source}: {read}; {sums['documents']:,} rows")
    if sums["skipped"]:
        console.log(f"  source {source}: left out by design: {_counts(sums['skipped'])}")


def _counts(counts: Mapping[str, int]) -> str:
    """Counts by name for a log line."""
    return ", ".join(f"{count:,} {name}" for name, count in _greatest_first(counts))


def _greatest_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
