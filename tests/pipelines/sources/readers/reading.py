"""Read a whole source in tests, checking what must hold for every source."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.registry import list_splits, read_split
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.document import DOCUMENT
from gristmill.schemas.tally import Tally

WHOLE = 1 << 40


@dataclass
class Reading:
    """All rows of a source in order, and the tally of each split."""

    rows: list[dict[str, Any]]
    tallies: list[Tally]

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows if row["status"] == "ok"]

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.rows if row["status"] == "quarantined"]

    @property
    def errors(self) -> list[str]:
        return [tally.error for tally in self.tallies if tally.error]

    @property
    def skipped(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for tally in self.tallies:
            for reason, count in tally.skipped.items():
                total[reason] = total.get(reason, 0) + count
        return total


def read_source(path: Any, split_bytes: int = WHOLE, isolate: Isolate | None = None, **options: Any) -> Reading:
    """Plan and read; asserts the schema, the balance, unique ids and that each split ends in its only tally."""
    source = Source(name="books", path=str(path), **options)
    reading = Reading([], [])
    consumed: dict[str, int] = {}
    for split in list_splits(source, split_bytes):
        split = Split.from_json(split.to_json())
        *batches, tally = read_split(split, source, isolate)
        assert isinstance(tally, Tally)
        assert all(isinstance(batch, pa.RecordBatch) and batch.schema == DOCUMENT for batch in batches)
        rows = [row for batch in batches for row in batch.to_pylist()]
        kept = sum(row["status"] == "ok" for row in rows)
        assert (tally.documents, tally.quarantined) == (kept, len(rows) - kept)
        assert tally.records_framed == len(rows) + sum(tally.skipped.values())
        assert all(
            (row["text"] is None) == (row["status"] == "quarantined") == (row["reason"] is not None) for row in rows
        )
        reading.rows += rows
        reading.tallies.append(tally)
        consumed[split.url] = consumed.get(split.url, 0) + tally.bytes_consumed
    assert consumed == {tally.url: tally.bytes_in_file for tally in reading.tallies}
    assert len({row["doc_id"] for row in reading.rows}) == len(reading.rows)
    return reading
