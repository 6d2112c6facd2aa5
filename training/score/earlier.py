"""Scores that an earlier call has made, to be taken over for rows that have not changed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash
from gristmill.schemas.scores import ID, ROW
from gristmill.training.score.folder import EARLIER, read_table

SCORED = ("messages", "prompt", "chosen", "rejected", "completion", "answer", "reference", "text", "tools", "checker")


class Earlier:
    """Scores of an earlier call with the same model and options, by row id. columns: that a row must have."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        path = folder / EARLIER
        self.rows: dict[str, tuple[int, int]] = {}
        self.table = read_table(path) if path.exists() else pa.table({})
        if {*columns, ID, ROW} <= set(self.table.column_names):
            names, hashes = (self.table.column(name).to_pylist() for name in (ID, ROW))
            self.rows = {name: (place, one) for place, (name, one) in enumerate(zip(names, hashes, strict=True))}

    def find(self, name: str, row_hash: int) -> Mapping[str, Any] | None:
        """The row of an id whose record says what it said; None where there is none."""
        place, before = self.rows.get(name, (-1, None))
        if place < 0 or before != row_hash:
            return None
        found: Mapping[str, Any] = self.table.slice(place, 1).to_pylist()[0]
        return found


def row_hash(record: Mapping[str, Any]) -> int:
    """64 bits, signed, of what is scored of a record: messages, texts, tools, checker."""
    said = {name: record[name] for name in SCORED if name in record}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) - (1 << 63)
