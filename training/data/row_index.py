"""rows.parquet: which rows a run was begun with, and which sequence holds each; what traces and forgetting go by.

One line for each row: its number among the rows that can be trained on, the sequence (a position's row of the plan) that holds
it, its id, where it comes from, its tokens in the sequence where rows share one (else null), and a digest of what it held.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.schemas.errors import RunError
from gristmill.training.data.files import whole_file

INDEX = "rows.parquet"
SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), False),
        pa.field("sequence", pa.int64(), False),
        pa.field("doc_id", pa.string(), False),
        pa.field("source", pa.string(), False),
        pa.field("url", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("digest", pa.string(), False),
    ]
)


class IndexedRow(NamedTuple):
    """A row of a run. start, end: its tokens in its sequence; None where it is the sequence."""

    row: int
    sequence: int
    doc_id: str
    source: str
    url: str | None
    start: int | None
    end: int | None
    digest: str


class RowIndex:
    """The rows of a run, in the order of their sequences."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    @classmethod
    def of(cls, rows: Iterable[IndexedRow]) -> "RowIndex":
        """The index of rows, ordered by sequence."""
        return cls(pa.Table.from_pylist([row._asdict() for row in rows], schema=SCHEMA))

    @classmethod
    def load(cls, folder: Path) -> "RowIndex":
        """The index in a run's folder; RunError where it is missing, damaged, or of something else."""
        path = folder / INDEX
        try:
            table = pq.read_table(path)
            if not table.schema.equals(SCHEMA):
                raise pa.ArrowInvalid(f"its columns are {', '.join(table.column_names) or 'none'}")
            return cls(table)
        except (OSError, pa.ArrowException) as error:
            raise RunError(
                f"{INDEX} cannot be read ({str(error).splitlines()[0]})",
                where=str(folder),
                expected="the rows that the run was begun with",
                next_step="restore it from a copy; a start with just the rows that the run was begun with writes it again",
            ) from error

    def save(self, folder: Path) -> None:
        """Write rows.parquet."""
        with whole_file(folder / INDEX) as stream:
            pq.write_table(self.table, stream)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def sequences(self) -> int:
        """How many sequences hold the rows."""
        return int(pc.count_distinct(self.table["sequence"]).as_py())

    @property
    def doc_ids(self) -> list[str]:
        found: list[str] = self.table["doc_id"].to_pylist()
        return found

    def of_sequence(self, sequence: int) -> list[IndexedRow]:
        """The rows of a sequence, in their order in it."""
        numbers = self.table["sequence"].to_numpy()
        first, last = np.searchsorted(numbers, [sequence, sequence + 1])
        return [IndexedRow(**row) for row in self.table.slice(first, last - first).to_pylist()]

    def named(self, doc_id: str) -> IndexedRow | None:
        """The row of an id."""
        found = self.table.filter(pc.equal(self.table["doc_id"], doc_id)).to_pylist()
        return IndexedRow(**found[0]) if found else None

    def in_row_order(self) -> list[IndexedRow]:
        """Every row, by its number."""
        return [IndexedRow(**row) for row in self.table.sort_by("row").to_pylist()]

    def sequences_of_nothing_but(self, doc_ids: set[str]) -> np.ndarray:
        """int64: the sequences all of whose rows have one of these ids."""
        sequences = self.table["sequence"].to_numpy()
        listed = pc.is_in(self.table["doc_id"], pa.array(sorted(doc_ids), pa.string())).to_numpy()
        return np.setdiff1d(sequences[listed], sequences[~listed])


def digest_of(doc_id: str, record: Mapping[str, Any]) -> str:
    """Of what a row holds, with its id."""
    return hashlib.blake2b(json.dumps([doc_id, record], sort_keys=True).encode(), digest_size=16).hexdigest()


def listed_ids(path: str) -> set[str]:
    """The ids of a text file, one a line. RunError where it cannot be read."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(
            f"the ids of forgotten rows cannot be read ({error})", where=path, expected="an id a line"
        ) from error
    return {line.strip() for line in lines if line.strip()}


def named_shortly(doc_ids: Sequence[str]) -> str:
    """Some of these ids, for people."""
    return ", ".join(doc_ids[:3]) + (f" and {len(doc_ids) - 3:,} more" if len(doc_ids) > 3 else "")
