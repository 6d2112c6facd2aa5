"""From a framed record to its rows, or to the quarantine with the reason."""

from collections.abc import Mapping
from typing import Any

from gristmill.pipelines.sources.forms.form import Dropped
from gristmill.pipelines.sources.forms.registry import form_of
from gristmill.pipelines.sources.readers.decoding import repair_utf8, scrub
from gristmill.pipelines.sources.readers.rows import Rows
from gristmill.schemas.rows.kind import RowError
from gristmill.schemas.rows.registry import row_kind


def add_rows(rows: Rows, record: Mapping[str, Any], position: int, size: int, notes: dict[str, Any]) -> None:
    """Add every row of one record to `rows`; what is no row is quarantined with the reason, what the recipe drops is counted.

    A record of several rows counts as so many framed records. size: bytes of the record as framed. notes: what the
    framing had to replace.
    """
    source = rows.source
    columns = source.columns
    id_value = None if columns.id is None else record.get(columns.id)
    url, moment = (None if name is None else record.get(name) for name in (columns.url, columns.timestamp))
    try:
        clean = _valid(record, notes)
        found = form_of(clean, source)
        rows.forms[found.name] += 1
        made = found.rows(clean, source.rows, source)
    except RowError as error:
        rows.quarantine(error.reason, error.detail, size, position, id_value=id_value, url=url)
        return
    except RecursionError:
        rows.quarantine("nested_too_deep", "lists and objects in each other", size, position, url=url)
        return
    if not made:
        rows.skip("no_rows")
        return
    rows.frame(len(made) - 1)
    kind = row_kind(source.rows)
    number = 0  # among the rows, so that another policy on what is dropped leaves the first row its id
    for one in made:
        if isinstance(one, Dropped):
            rows.skip(one.reason)
            continue
        number += 1
        try:
            row = kind.encode(one)
        except RowError as error:
            place = {"id_value": id_value, "url": url, "number": number - 1}
            rows.quarantine(error.reason, error.detail, size, position, **place)
            continue
        metadata = {**notes, "form": found.name}
        metadata |= {name: clean[name] for name in columns.metadata if name in clean}
        rows.add(
            *(row.text, position),
            id_value=id_value,
            url=url,
            timestamp=moment,
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
