"""Evaluation sets from their files: items, the passages they are made of, and the files' fingerprint.

The ordinary readers read them, so every format, compression and defect they know is known here; the strings of an
item's fields come as one text with a separator between them.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.pipelines.sources.ingest import file_set_fingerprint
from gristmill.pipelines.sources.readers.json_array import contents
from gristmill.pipelines.sources.readers.jsonl import CHECKED_RECORDS, parse
from gristmill.pipelines.sources.readers.records import listed, values_at
from gristmill.pipelines.sources.readers.registry import list_splits, read_split
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.decontamination import Decontaminate, EvaluationSet
from gristmill.schemas.recipe.source import Columns, Source
from gristmill.schemas.rows.document import KEPT_STATUS
from gristmill.schemas.tally import Tally

SEPARATOR = "\x1e"  # between the strings of an item: ASCII's own record separator
WHOLE_FILE = 1 << 62
_READ = ("status", "text", "location", "metadata", "reason", "detail")
_WITHOUT_TEXT = ("missing_text", "null_text")


class Items(NamedTuple):
    """Items of all sets in order. set_number, names: of each item; passages with the item of each."""

    set_number: np.ndarray
    names: list[str]
    passages: pa.Array
    passage_item: np.ndarray


def as_source(one: EvaluationSet) -> Source:
    """An evaluation set as a source of documents."""
    columns = Columns(text=one.fields, separator=SEPARATOR, id=None, metadata=() if one.id is None else (one.id,))
    return Source(name=one.name, path=one.path, format=one.format, columns=columns)


def set_splits(options: Decontaminate) -> dict[str, list[Split]]:
    """The splits of every set; InputError when a set cannot be read or lacks a field."""
    splits_of_sets = {}
    for one in options.sets:
        splits = list_splits(as_source(one), WHOLE_FILE)
        for split in splits:
            if split.format in ("json", "jsonl"):
                _check_fields(one, split)
        splits_of_sets[one.name] = splits
    return splits_of_sets


def _check_fields(one: EvaluationSet, split: Split) -> None:
    """Every field occurs in some of the first records of a JSON or JSON Lines file; tables are checked by their readers."""
    missing = set(one.fields) | ({one.id} if one.id else set())
    found: set[str] = set()
    for number, content in enumerate(contents(split, WHOLE_FILE)):
        if not missing or number == CHECKED_RECORDS:
            return
        try:
            record = parse(content, {})
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found |= record.keys()
            missing = {name for name in missing if not any(True for _ in values_at(record, name))}
    if missing and found:
        raise InputError(
            f"no field {sorted(missing)[0]!r}; fields found: {listed(sorted(found))}",
            expected="the fields named in `fields` and `id`",
            where=f"evaluation set {one.name}, {split.path}",
        )


def sets_fingerprint(splits_of_sets: dict[str, list[Split]]) -> str:
    """Changes with the files of the sets."""
    return file_set_fingerprint([splits_of_sets[name] for name in sorted(splits_of_sets)])


def read_sets(options: Decontaminate, splits_of_sets: dict[str, list[Split]]) -> Items:
    """All items; InputError when a set has none or a file of it cannot be read whole: a gap would go unnoticed."""
    numbers: list[int] = []
    names: list[str] = []
    passages: list[str] = []
    owners: list[int] = []
    for number, one in enumerate(options.sets):
        before = len(passages)
        for split in splits_of_sets[one.name]:
            for name, text in _items(one, split):
                strings = [text for text in text.split(SEPARATOR) if text.strip()]
                passages += strings
                owners += [len(names)] * len(strings)
                names.append(name)
                numbers.append(number)
        if len(passages) == before:
            raise InputError(
                "no item has any text",
                expected="records with text in " + ", ".join(one.fields),
                where=f"evaluation set {one.name}",
            )
    return Items(np.array(numbers, np.int64), names, pa.array(passages, pa.large_string()), np.array(owners, np.int64))


def _items(one: EvaluationSet, split: Split) -> Iterator[tuple[str, str]]:
    """(name, text) of every item of a file."""
    unusable: InputError | None = None
    for batch in read_split(split, as_source(one)):
        if isinstance(batch, Tally):
            if batch.error:
                raise InputError(batch.error, expected="a whole file", where=f"evaluation set {one.name}, {split.path}")
            continue
        columns = [batch.column(name).to_pylist() for name in _READ]
        for status, text, location, metadata, reason, detail in zip(*columns, strict=True):
            if status == KEPT_STATUS:
                yield _name(one, location, metadata), text
            elif reason in _WITHOUT_TEXT:
                yield _name(one, location, metadata), ""
            else:
                where = f"evaluation set {one.name}, {location}"
                unusable = unusable or InputError(detail, expected="a record that can be read", where=where)
    if unusable:
        raise unusable


def _name(one: EvaluationSet, location: str, metadata: str) -> str:
    if one.id is None:
        return location
    value = json.loads(metadata).get(one.id)
    return location if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
