"""A near-duplicate problem larger than memory, cut where no bucket connects its documents, and decided batch by batch.

Documents are compared in buckets only. So what is decided of the documents that buckets connect, however many hops apart,
depends on no other document, and whole connected components can be decided together or apart with the same answer.
Memory: about 100 bytes for each candidate while batches are found, then 12 and one batch. Time: each file is read once
more, and written to temporary files by batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.components import settle, unite
from gristmill.filters.dedup.star_pass import Contents
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.dedup.near.in_memory import (
    Entries,
    NearCandidates,
    candidates_of,
    content_parts,
    contents_of,
    entries_of,
    places_of,
)
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import part_number, parts_by_number
from gristmill.pipelines.run.dataset import read_each, read_part
from gristmill.pipelines.run.regroup import Regroup
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.near_duplicates import BUCKET, NEAR_CANDIDATE

ROWS_AT_ONCE = 2_000_000  # of buckets, while documents are connected
_BATCH = pa.field("batch", pa.int64(), nullable=False)
_CONNECTION = pa.schema([_BATCH, pa.field("bucket", pa.int64()), pa.field("document", pa.int64())])
_ALONE = -1


@dataclass(frozen=True)
class BatchLimits:
    """What one batch holds, about: rows of buckets (100 bytes each), hashes to compare (16), documents (600)."""

    rows: int = 4_000_000
    hashes: int = 25_000_000
    documents: int = 500_000


class Problem(NamedTuple):
    """Documents in survivor order, the buckets they share, and what they are compared by."""

    candidates: NearCandidates
    entries: Entries
    contents: Contents


class _Numbers:
    """A number for each candidate, in the order of parts and rows."""

    def __init__(self, storage: Storage, parts: Sequence[Part]) -> None:
        self._rows: dict[int, np.ndarray] = {}
        self._first: dict[int, int] = {}
        self.count = 0
        filled = [part for part in parts if part.rows]
        for part, table in zip(filled, read_each(storage, filled, ["row"]), strict=True):
            rows = np.sort(table.column("row").to_numpy()).astype(np.int32)
            self._rows[part_number(part)], self._first[part_number(part)] = rows, self.count
            self.count += len(rows)

    def of(self, part: int, rows: np.ndarray) -> np.ndarray:
        """int64 number of the document at each row of a part, -1 where it is no candidate."""
        known = self._rows.get(part)
        if known is None:
            return np.full(len(rows), -1, np.int64)
        at = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        return np.where(known[at] == rows, self._first[part] + at, -1)


@dataclass(frozen=True)
class ComponentBatches:
    """batch: int32 of each candidate's number, -1 for one that meets no other. largest: (rows of buckets, hashes) of the
    largest component, which cannot be cut."""

    numbers: _Numbers
    batch: np.ndarray
    largest: tuple[int, int]


def component_batches(
    storage: Storage, edges: NearEdges, near: NearDedup, candidates: DatasetManifest, limits: BatchLimits
) -> ComponentBatches:
    """Which candidates are decided together."""
    numbers = _Numbers(storage, candidates.parts)
    component, rows = _connected(storage, edges.buckets, numbers)
    hashes = _hash_counts(storage, edges, near, numbers)
    alone = rows == 0
    rows_of = np.bincount(component, rows, numbers.count)
    hashes_of = np.bincount(component[~alone], hashes[~alone], numbers.count)
    documents_of = np.bincount(component[~alone], minlength=numbers.count)
    shares = rows_of / max(limits.rows, 1) + hashes_of / max(limits.hashes, 1) + documents_of / max(limits.documents, 1)
    batch_of = (np.cumsum(shares) - shares).astype(np.int32)  # a component begins where those before it fill batches
    batch = np.where(alone, _ALONE, batch_of[component])
    largest = (int(rows_of.max(initial=0)), int(hashes_of.max(initial=0)))
    return ComponentBatches(numbers, batch, largest)


def _connected(storage: Storage, buckets: DatasetManifest, numbers: _Numbers) -> tuple[np.ndarray, np.ndarray]:
    """(component, rows of buckets that others share) of each candidate; a component is named by its first member."""
    parents = np.arange(numbers.count, dtype=np.int64)
    rows = np.zeros(numbers.count, np.int64)
    ranges = np.uint64(-(-buckets.rows // ROWS_AT_ONCE) or 1)
    with Regroup(_CONNECTION, "batch") as by_range:
        filled = [part for part in buckets.parts if part.rows]
        for part, table in zip(filled, read_each(storage, filled, ["bucket", "row"]), strict=True):
            document = numbers.of(part_number(part), table.column("row").to_numpy())
            known = document >= 0
            bucket = table.column("bucket").to_numpy()[known]
            which = ((bucket.view(np.uint64) >> np.uint64(32)) * ranges >> np.uint64(32)).astype(np.int64)
            by_range.add(pa.record_batch([which, bucket, document[known]], schema=_CONNECTION))
        by_range.close()
        for number in by_range.numbers():
            table = by_range.rows(number)
            bucket, document = table.column("bucket").to_numpy(), table.column("document").to_numpy()
            order = np.argsort(bucket, kind="stable")
            bucket, document = bucket[order], document[order]
            starts = np.flatnonzero(np.diff(bucket, prepend=bucket[:1] - 1))
            sizes = np.diff(starts, append=len(bucket))
            unite(parents, document, np.repeat(document[starts], sizes))
            rows += np.bincount(document[np.repeat(sizes > 1, sizes)], minlength=numbers.count)
    settle(parents)
    return parents, rows


def _hash_counts(storage: Storage, edges: NearEdges, near: NearDedup, numbers: _Numbers) -> np.ndarray:
    """How many values each candidate is compared by, at most: its words or characters, or the values of a signature."""
    if near.verify == "signature":
        return np.full(numbers.count, near.permutations, np.int64)
    counts = np.zeros(numbers.count, np.int64)
    sources = [(storage, part, number) for number, part in parts_by_number(edges.signatures).items()]
    for one in edges.published:
        sources += [(one.run.storage, signed, number) for number, _, _, signed in one.parts()]
    for source, part, number in sources:
        table = read_part(source, part, ["row", "pieces"])
        document = numbers.of(number, table.column("row").to_numpy())
        counts[document[document >= 0]] = table.column("pieces").to_numpy()[document >= 0]
    return counts


def problems(
    storage: Storage, edges: NearEdges, near: NearDedup, candidates: DatasetManifest, batches: ComponentBatches
) -> Iterator[Problem]:
    """The problem of each batch, one after the other."""
    column, sources = content_parts(storage, edges, near)
    kind = pa.int32() if column == "signature" else pa.int64()
    contents_schema = pa.schema(
        [_BATCH, pa.field("part", pa.int64()), pa.field("row", pa.int64()), pa.field(column, pa.large_list(kind))]
    )
    known = _parts(storage, candidates.parts, NEAR_CANDIDATE.names)
    members = _parts(storage, edges.buckets.parts, BUCKET.names)
    contents = ((number, read_part(source, part, ["row", column])) for source, part, number in sources)
    with (
        Regroup(NEAR_CANDIDATE.insert(0, _BATCH), "batch") as known_by_batch,
        Regroup(BUCKET.insert(0, _BATCH), "batch") as members_by_batch,
        Regroup(contents_schema, "batch") as contents_by_batch,
    ):
        for tables, regroup in ((known, known_by_batch), (members, members_by_batch), (contents, contents_by_batch)):
            for number, table in tables:
                _add(regroup, number, table, batches)
            regroup.close()
        for batch in known_by_batch.numbers():
            chosen = candidates_of(known_by_batch.rows(batch).select(NEAR_CANDIDATE.names))
            entries = entries_of([members_by_batch.rows(batch)], chosen)
            table = contents_by_batch.rows(batch)
            yield Problem(
                chosen, entries, contents_of([(places_of(table), table.column(column))], column, chosen, entries)
            )


def _parts(storage: Storage, parts: Iterable[Part], columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
    """(part number, rows) of every part that has rows."""
    filled = [part for part in parts if part.rows]
    yield from zip(map(part_number, filled), read_each(storage, filled, columns), strict=True)


def _add(regroup: Regroup, number: int, table: pa.Table, batches: ComponentBatches) -> None:
    """Send the rows of one part to their documents' batches; documents that meet no other are left out."""
    document = batches.numbers.of(number, table.column("row").to_numpy())
    batch = np.full(len(document), _ALONE, np.int64)
    batch[document >= 0] = batches.batch[document[document >= 0]]
    chosen = pa.array(batch != _ALONE)
    kept = table.filter(chosen).append_column(_BATCH, pa.array(batch[batch != _ALONE]))
    if "part" not in kept.column_names:
        kept = kept.append_column("part", pa.array(np.full(kept.num_rows, number, np.int64)))
    for rows in kept.select(regroup.schema.names).cast(regroup.schema).to_batches(max_chunksize=1 << 16):
        regroup.add(rows)
