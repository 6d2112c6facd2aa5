"""Records of formats that hold no plain text (books, articles, wikitext) as text: one function for each format.

A reader frames a record and queues it as `web.Page(raw, ..., convert="module:function", config={...})`. The function gets
batches of such records in a worker process, with limits of time and memory; what kills or hangs its worker is quarantined
alone. Most such functions are one line: `convert_each(batch, one)`.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa
from gristmill.pipelines.sources.readers.decoding import scrub
from gristmill.pipelines.sources.readers.extract import EXTRACTED


class Converted(NamedTuple):
    """What became of one record.

    text: None where there is a defect. notes: for the document's metadata; `title`, `charset` and `replaced_bytes` are
    those of every reader, `url` and `timestamp` become columns. defect: a short snake_case fact for the quarantine, and
    detail: the same in words. skipped: why the record holds no document by design. damage: what of the record could not be
    read though it has a text; the file is then named as not read whole.
    """

    text: str | None
    notes: Mapping[str, Any] = MappingProxyType({})
    defect: str | None = None
    detail: str | None = None
    skipped: str | None = None
    damage: str | None = None


def convert_each(batch: pa.RecordBatch, one: Callable[[bytes], Converted]) -> pa.RecordBatch:
    """extract.RAW_PAGES in, extract.EXTRACTED out: the records of a batch by a function of one record."""
    rows = [_row(one(raw)) for raw in batch.column("raw").to_pylist()]
    return pa.RecordBatch.from_pylist(rows, schema=EXTRACTED)


def _row(found: Converted) -> dict[str, Any]:
    notes = {name: value for name, value in found.notes.items() if value not in (None, "", [], {})}
    own = {name: notes.pop(name, None) for name in ("title", "charset", "replaced_bytes")}
    said = {"detail": found.detail, "skipped": found.skipped, "damage": found.damage}
    about = notes | {name: value for name, value in said.items() if value}
    return {
        **dict.fromkeys(EXTRACTED.names),
        **own,
        "title": scrub(str(own["title"]), {}) if own["title"] else None,
        "text": None if found.text is None else scrub(found.text, {}),
        "page": scrub(json.dumps(about, ensure_ascii=False, sort_keys=True), {}) if about else None,
        "defect": found.defect,
    }
