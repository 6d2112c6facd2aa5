"""From a record with named values (JSON object, table row) to a document, by the source's column mapping."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gristmill.pipelines.sources.forms.rows_of import add_rows
from gristmill.pipelines.sources.readers.decoding import repair_utf8, utf8_of
from gristmill.pipelines.sources.readers.rows import ReaderRows, to_json
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Columns, Source

MISSING = object()


def value_of(record: Mapping[str, Any], name: str) -> Any:
    """The value under `name`, or under `a` then `b` for `a.b`; MISSING when there is none."""
    if name in record:
        return record[name]
    head, dot, rest = name.partition(".")
    inner = record.get(head)
    return value_of(inner, rest) if dot and isinstance(inner, Mapping) else MISSING


def text_of(record: Mapping[str, Any], columns: Columns) -> Any:
    """What a record holds as its text: of several columns, all strings in them; MISSING when there is no such column."""
    if columns.only_text is not None:
        return value_of(record, columns.only_text)
    found = [value for name in columns.texts for value in values_at(record, name)]
    strings = [text for value in found for text in strings_of(value)]
    if strings:
        return columns.separator.join(strings)
    return None if found else MISSING


def values_at(record: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The value under `name`; `a.b` also reaches into every element of a list under `a`."""
    if name in record:
        yield record[name]
        return
    head, dot, rest = name.partition(".")
    inner = record.get(head) if dot else None
    for element in inner if isinstance(inner, list) else [inner]:
        if isinstance(element, Mapping):
            yield from values_at(element, rest)


def strings_of(value: Any) -> Iterator[str]:
    """Every string in a value that is not empty, in order; numbers as JSON writes them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, list):
        for element in value:
            yield from strings_of(element)
    elif isinstance(value, str) and value:
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield to_json(value)


def add_record(rows: ReaderRows, record: Mapping[str, Any], position: int, size: int, notes: dict[str, Any]) -> None:
    """One framed record as a document, or quarantined: missing_text, null_text, text_not_string; or as the rows that
    a record of its form holds.

    size: bytes of the record as framed. notes: what the framing had to replace.
    """
    if not rows.source.has_documents:
        add_rows(rows, record, position, size, notes)
        return
    columns = rows.source.columns
    text = text_of(record, columns)
    id_value = _given(record, columns.id)
    url = _given(record, columns.url)
    if isinstance(text, str | bytes):
        raw = repair_utf8(text, notes) if isinstance(text, bytes) else utf8_of(text, notes)
        for name in columns.metadata:
            if (value := value_of(record, name)) is not MISSING:
                notes[name] = value
        moment = _given(record, columns.timestamp)
        rows.add(raw, position, id_value=id_value, url=url, timestamp=moment, metadata=notes)
        return
    if text is MISSING:
        reason, detail = "missing_text", f"no column {' or '.join(columns.texts)!r}; found {listed(record)}"
    elif text is None:
        reason, detail = "null_text", f"column {' and '.join(columns.texts)!r} is null"
    else:
        reason, detail = "text_not_string", f"column {columns.text!r} is a {type(text).__name__}: {str(text)[:80]}"
    rows.quarantine(reason, detail, size, position, id_value=id_value, url=url)


def _given(record: Mapping[str, Any], name: str | None) -> Any:
    """The value of an optional column; a table's string, which comes as bytes, reads as the same string in JSON."""
    value = MISSING if name is None else value_of(record, name)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is MISSING else value


def listed(names: Iterable[str]) -> str:
    """Column names for a message, bounded."""
    names = list(names)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def check_columns(source: Source, found: Iterable[str], where: str) -> None:
    """InputError naming the columns found and the mapping to write, when a wanted column is missing or stands twice."""
    found = list(found)
    for name in source.wanted_columns(found):
        if found.count(name) > 1:
            raise InputError(
                f"{found.count(name)} columns named {name!r}; columns found: {listed(found)}",
                expected="one of that name",
                where=where,
                next_step="rename or remove one, or map another column in `columns`",
            )
    for name in source.required_columns:
        if name not in found and name.split(".")[0] not in found:
            raise missing_column(source.columns, name, found, where)


def missing_column(columns: Columns, name: str, found: Iterable[str], where: str) -> InputError:
    """The error for a column that is not there, with the mapping to write."""
    found = list(found)
    named = {"text": columns.texts, **{f: (getattr(columns, f),) for f in ("id", "url", "timestamp")}}
    role = next((f for f, names in named.items() if name in names), None)
    candidate = next((c for c in found if c.lower() in _LIKELY.get(role or "", ())), found[0] if found else "COLUMN")
    step = f"map another column with `columns: {{{role}: {candidate}}}`" if role else f"drop {name!r} from `metadata`"
    return InputError(
        f"no column {name!r}; columns found: {listed(found)}",
        expected=f"a column for {role or 'metadata'}",
        where=where,
        next_step=step,
    )


_LIKELY = {
    "text": ("text", "content", "raw_content", "body", "document", "article", "passage", "completion"),
    "id": ("id", "doc_id", "uuid", "docid"),
    "url": ("url", "source_url", "uri", "link"),
    "timestamp": ("timestamp", "date", "created", "published", "added", "crawl_date"),
}
