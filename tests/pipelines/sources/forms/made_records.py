"""Records in hand read as rows, and the rows back as the records that `RowKind.encode` was given."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.pipelines.sources.readers.registry import list_splits, read_splits
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.registry import row_kind
from gristmill.schemas.tally import Tally

Record = dict[str, Any]


@dataclass
class Read:
    """records: the rows in order, decoded. tally: of the only split. quarantined: reason and detail of each."""

    records: list[Record]
    stored: list[Record]
    quarantined: list[tuple[str, str]]
    tally: Tally


def read(path: Path, kind: str, **options: Any) -> Read:
    """Every row of a file of records, through the readers."""
    source = Source(name="made", path=str(path), rows=kind, **options)
    found = Read([], [], [], Tally("", 0, 0, 0, 0, 0))
    for item in read_splits(list_splits(source, 1 << 40), source):
        if isinstance(item, Tally):
            found.tally = item
            continue
        for row in item.to_pylist():
            if row["reason"]:
                found.quarantined.append((row["reason"], row["detail"]))
                continue
            found.stored.append(row)
            record = row_kind(kind).decode(row["text"], row["pieces"], json.loads(row["fields"]))
            found.records.append(record)
            again = row_kind(kind).encode(record)
            assert again.text.decode() == row["text"]
            assert again.fields == json.loads(row["fields"])
    return found


def rows_of(folder: Path, kind: str, records: Sequence[Any], **options: Any) -> Read:
    """The rows that records become, written as JSON Lines."""
    path = folder / "made.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return read(path, kind, **options)


def user(text: str) -> Record:
    return {"role": "user", "content": text}


def assistant(text: str) -> Record:
    return {"role": "assistant", "content": text}
