"""From a framed record to its rows, or to the quarantine with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, called, checked_row
from gristmill.pipelines.sources.forms.registry import form_of
from gristmill.pipelines.sources.readers.decoding import repair_utf8, scrub
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.schemas.rows.kind import RowError
from gristmill.schemas.rows.registry import row_kind

MAX_HELD = 100_000  # records that are put together: more than any tree of messages has


class Framed(NamedTuple):
    """A record with its place and size in the file, and what the framing had to replace."""

    record: Record
    position: int
    size: int
    notes: dict[str, Any]


@dataclass
class HeldRecords:
    """Neighbouring records that belong together and wait for more. key: what they share. size: bytes of all of them."""

    form: Form
    key: Any
    records: list[Framed]
    size: int

    def is_full(self, more: int, limit: int) -> bool:
        """Whether another record of `more` bytes would be too much to hold: a group beyond that is cut."""
        return self.size + more > limit or len(self.records) >= MAX_HELD


def add_rows(rows: ReaderRows, record: Mapping[str, Any], position: int, size: int, notes: dict[str, Any]) -> None:
    """Add every row of one record to `rows`; what is no row is quarantined with the reason, what the recipe drops is counted.

    A record of several rows counts as so many framed records. Records that a form puts together wait for their neighbours;
    `add_held` adds the last of them. size: bytes of the record as framed. notes: what the
    framing had to replace.
    """
    try:
        clean = _valid(record, notes)
        found = form_of(clean, rows.source)
        key = None if found.gathering is None else found.gathering.key(clean)
    except RowError as error:
        _quarantine(rows, error.reason, error.detail, Framed(record, position, size, notes))
        return
    except RecursionError:
        _quarantine(rows, "nested_too_deep", "lists and objects in each other", Framed({}, position, size, notes))
        return
    rows.forms[found.name] += 1
    framed = Framed(clean, position, size, notes)
    held = rows.held
    if held is not None and (key != held.key or held.is_full(size, rows.source.max_document_bytes)):
        add_held(rows)
    if key is None:
        _add(rows, found, framed)
    elif rows.held is None:
        rows.held = HeldRecords(found, key, [framed], size)
    else:
        rows.held.records.append(framed)
        rows.held.size += size


def add_held(rows: ReaderRows) -> None:
    """Add the rows of the neighbouring records that wait for more of them, now that none is left.

    Of records that become one, all but the first are counted as `joined`.
    """
    if rows.held is None:
        return
    held, rows.held = rows.held, None
    assert held.form.gathering is not None
    joined = held.form.gathering.join([framed.record for framed in held.records])
    for place, reason, detail in joined.lost:
        _quarantine(rows, reason, detail, held.records[place])
    whole = len(held.records) - len(joined.lost)
    for _ in range(whole - 1):
        rows.skip("joined")
    if joined.record is not None and whole:
        lost = {place for place, _, _ in joined.lost}
        first = next(framed for place, framed in enumerate(held.records) if place not in lost)
        _add(rows, held.form, first._replace(record=joined.record))


def _quarantine(rows: ReaderRows, reason: str, detail: str, framed: Framed, number: int = 0) -> None:
    columns = rows.source.columns
    id_value, url = (None if name is None else framed.record.get(name) for name in (columns.id, columns.url))
    rows.quarantine(reason, detail, framed.size, framed.position, id_value=id_value, url=url, number=number)


def _add(rows: ReaderRows, form: Form, framed: Framed) -> None:
    """Add the rows of one record of a form."""
    record, columns = framed.record, rows.source.columns
    try:
        made = called(form, form.rows, record, rows.source.rows, rows.source)
    except RowError as error:
        _quarantine(rows, error.reason, error.detail, framed)
        return
    if not made:
        rows.skip("no_rows")
        return
    rows.frame(len(made) - 1)
    kind = row_kind(rows.source.rows)
    number = 0  # among the rows, so that another policy on what is dropped leaves the first row its id
    for one in made:
        if isinstance(one, Dropped):
            rows.skip(one.reason)
            continue
        number += 1
        try:
            row = kind.encode(checked_row(form, one))
        except RowError as error:
            _quarantine(rows, error.reason, error.detail, framed, number - 1)
            continue
        metadata = {**framed.notes, "form": form.name}
        metadata |= {name: record[name] for name in columns.metadata if name in record}
        given = {name: record.get(name) for name in (columns.id, columns.url, columns.timestamp) if name is not None}
        rows.add(
            *(row.text, framed.position),
            id_value=given.get(columns.id),
            url=given.get(columns.url),
            timestamp=given.get(columns.timestamp),
            metadata=metadata,
            number=number - 1,
            row=row,
        )


def _valid(value: Any, notes: dict[str, Any]) -> Any:
    """The value with every string valid Unicode; bytes, as tables give texts, become strings."""
    if isinstance(value, str):
        return value if value.isascii() else scrub(value, notes)
    if isinstance(value, bytes):
        return repair_utf8(value, notes).decode()
    if isinstance(value, Mapping):
        return {str(key): _valid(item, notes) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_valid(item, notes) for item in value]
    return value
