"""The few texts a report shows: fetched by their place in documents/, cut to an excerpt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.write.pii import Shown, unchanged
from gristmill.schemas.manifest import Part
from gristmill.schemas.report import SampleSection

EXCERPT_CHARACTERS = 600
_COLUMNS = ["doc_id", "source", "url", "location", "text", "text_bytes"]


@dataclass(frozen=True)
class FetchTask:
    """The documents at `rows` of one part, and their decisions."""

    storage: Storage
    documents: Part
    decisions: Part
    rows: Sequence[int]
    output: str
    shown: Shown = unchanged


def fetch_samples(task: FetchTask) -> int:
    """Write {row: sample} of one part; only row groups that hold one of the rows are read."""
    found = rows_of_part(task.storage, task.documents, task.rows, _COLUMNS)
    decided = rows_of_part(task.storage, task.decisions, task.rows, ["kept", "failed_rules"])
    samples = {}
    for row in task.rows:
        text = task.shown(found[row].pop("text"))
        found[row]["url"] = task.shown(found[row]["url"])
        samples[str(row)] = SampleSection(
            **found[row],
            **decided[row],
            excerpt=None if text is None else text[:EXCERPT_CHARACTERS],
            is_cut=text is not None and len(text) > EXCERPT_CHARACTERS,
        ).model_dump()
    task.storage.write_json(task.output, samples)
    return len(task.rows)


def rows_of_part(storage: Storage, part: Part, rows: Sequence[int], columns: list[str]) -> dict[int, dict[str, Any]]:
    """Row -> its columns; only row groups that hold one of the rows are read."""
    wanted = sorted(set(rows))
    found: dict[int, dict[str, Any]] = {}
    with storage.open(part.path) as file:
        parquet = pq.ParquetFile(file)
        start = 0
        for group in range(parquet.num_row_groups):
            count = parquet.metadata.row_group(group).num_rows
            here = [row for row in wanted if start <= row < start + count]
            if here:
                table = parquet.read_row_group(group, columns=columns)
                for row in here:
                    found[row] = table.slice(row - start, 1).to_pylist()[0]
            start += count
    return found


def to_sample(
    pick: Sequence[Any], fetched: Mapping[tuple[int, int], Mapping[str, Any]], show_value: bool
) -> SampleSection:
    """A pick [rank, doc_id, part, row, value] with its text."""
    _, _, part, row, value = pick
    return SampleSection.model_validate({**fetched[part, row], "value": value if show_value else None})
