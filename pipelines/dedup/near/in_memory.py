"""Near-duplicate decisions in the memory of one machine: candidates, buckets and contents as arrays in survivor order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dedup.star_pass import KEPT, UNDECIDED, Contents
from gristmill.pipelines.dedup.near.candidates import PUBLISHED
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import parts_by_number
from gristmill.pipelines.run.dataset import read_each, read_part
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.near_duplicates import BUCKET, NEAR_CANDIDATE


@dataclass(frozen=True)
class NearCandidates:
    """Documents in survivor order: row d of `table` (NEAR_CANDIDATE) is document number d."""

    table: pa.Table
    places: np.ndarray  # int64: part << 32 | row
    _order: np.ndarray

    @property
    def published(self) -> np.ndarray:
        """bool: documents of published runs."""
        return pc.starts_with(self.table.column("key"), PUBLISHED).to_numpy()

    @property
    def state(self) -> np.ndarray:
        """int64 for the star rule."""
        return np.where(self.published, KEPT, UNDECIDED).astype(np.int64)

    def numbers(self, places: np.ndarray) -> np.ndarray:
        """int64 document number at each place, -1 where it is no candidate."""
        if not len(self._order):
            return np.full(len(places), -1)
        at = np.minimum(np.searchsorted(self.places, places, sorter=self._order), len(self._order) - 1)
        found = self._order[at]
        return np.where(self.places[found] == places, found, -1)


def places_of(table: pa.Table) -> np.ndarray:
    """int64 part << 32 | row of each row of a table."""
    parts: np.ndarray = table.column("part").to_numpy()
    return (parts << 32) | table.column("row").to_numpy()


def load_candidates(storage: Storage, parts: Iterable[Part]) -> NearCandidates:
    """All candidates, sorted by key."""
    filled = [part for part in parts if part.rows]
    tables = list(read_each(storage, filled, NEAR_CANDIDATE.names))
    return candidates_of(pa.concat_tables(tables) if tables else NEAR_CANDIDATE.empty_table())


def candidates_of(table: pa.Table) -> NearCandidates:
    """NEAR_CANDIDATE rows in any order as candidates."""
    table = table.take(pc.sort_indices(table.column("key"))).combine_chunks()
    places = places_of(table)
    return NearCandidates(table, places, np.argsort(places))


@dataclass(frozen=True)
class Entries:
    """Entry e: document[e] is in bucket[e] (numbered from 0) under band[e]; sorted by document.

    Buckets with a single candidate are left out: nothing is compared in them.
    """

    document: np.ndarray
    bucket: np.ndarray
    band: np.ndarray

    @property
    def buckets(self) -> int:
        return int(self.bucket.max(initial=-1)) + 1

    def edges(self, documents: int) -> np.ndarray:
        """int64 of documents + 1: the entries of document d are edges[d] : edges[d + 1]."""
        counts = np.bincount(self.document, minlength=documents)
        return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))


def load_entries(storage: Storage, parts: Iterable[Part], candidates: NearCandidates) -> Entries:
    """The buckets' members that are candidates."""
    return entries_of(read_each(storage, parts, BUCKET.names), candidates)


def entries_of(tables: Iterable[pa.Table], candidates: NearCandidates) -> Entries:
    """Of BUCKET rows those that are candidates."""
    documents, buckets, bands = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for table in tables:
        numbers = candidates.numbers(places_of(table))
        documents.append(numbers[numbers >= 0])
        buckets.append(table.column("bucket").to_numpy()[numbers >= 0])
        bands.append(table.column("band").to_numpy().astype(np.int64)[numbers >= 0])
    return numbered_entries(np.concatenate(documents), np.concatenate(buckets), np.concatenate(bands))


def numbered_entries(document: np.ndarray, bucket: np.ndarray, band: np.ndarray) -> Entries:
    """Entries with buckets numbered, those alone in theirs left out."""
    _, number, size = np.unique(bucket, return_inverse=True, return_counts=True)
    shared = size[number] > 1
    _, number = np.unique(number[shared], return_inverse=True)
    document, band = document[shared], band[shared]
    order = np.lexsort((band, document))
    return Entries(document[order], number[order], band[order])


def load_contents(
    storage: Storage, edges: NearEdges, near: NearDedup, candidates: NearCandidates, entries: Entries
) -> Contents:
    """What the documents in `entries` are compared by."""
    column, sources = content_parts(storage, edges, near)

    def tables() -> Iterator[tuple[np.ndarray, pa.ChunkedArray]]:
        for source, part, number in sources:
            table = read_part(source, part, ["row", column])
            yield (np.int64(number) << 32) | table.column("row").to_numpy(), table.column(column)

    return contents_of(tables(), column, candidates, entries)


def contents_of(
    found: Iterable[tuple[np.ndarray, pa.ChunkedArray]], column: str, candidates: NearCandidates, entries: Entries
) -> Contents:
    """Contents from (places, lists of shingles or signatures); column: which of the two they are."""
    used = np.zeros(len(candidates.places), bool)
    used[entries.document] = True
    starts, ends = np.zeros(len(used), np.int64), np.zeros(len(used), np.int64)
    kind = np.uint32 if column == "signature" else np.uint64
    values, at = [np.zeros(0, kind)], 0
    for places, contents in found:
        numbers = candidates.numbers(places)
        chosen = numbers >= 0
        chosen[chosen] = used[numbers[chosen]]
        lists = contents.filter(pa.array(chosen)).combine_chunks()
        lengths = pc.list_value_length(lists).to_numpy()
        numbers = numbers[chosen]
        ends[numbers] = at + np.cumsum(lengths)
        starts[numbers] = ends[numbers] - lengths
        values.append(lists.flatten().to_numpy().view(kind))
        at += int(lengths.sum())
    return Contents(np.concatenate(values), starts, ends, column == "signature")


def content_parts(storage: Storage, edges: NearEdges, near: NearDedup) -> tuple[str, list[tuple[Storage, Part, int]]]:
    """The column to compare by, and (storage, part, part number) of everything that holds it."""
    if near.verify == "shingles":
        assert edges.shingles is not None
        return "shingles", [(storage, part, number) for number, part in parts_by_number(edges.shingles).items()]
    parts = [(storage, part, number) for number, part in parts_by_number(edges.signatures).items()]
    for one in edges.published:
        parts += [(one.run.storage, signed, number) for number, _, _, signed in one.parts()]
    return "signature", parts


def fits_in_memory(buckets: DatasetManifest, shingles: DatasetManifest | None, rows: int, hashes: int) -> bool:
    """Whether the buckets have at most so many rows and their documents so many shingle hashes."""
    return buckets.rows <= rows and (shingles is None or shingles.facts["shingles"] <= hashes)
