"""Row kinds: what a row of a run is, which named texts (views) it has, and how its fields become columns and back.

A row of any kind is stored as the columns of a document, with two more. `text` holds every text of the row in order, joined
by SEPARATOR; `pieces` says which bytes of it belong to which field, by a label; `fields` holds, as JSON, everything that is no
text. So language, duplicates, personal data, cuts and every rule work on a row of any kind, an edit of the text is an
edit of the field it falls into, and nothing is flattened: `decode` gives back the record that `encode` was given.

A kind is one file beside this one and a line in `registry.py`; an installed package adds its own by an entry point of the
group `gristmill.rows`, and a recipe may name `module:attribute`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pyarrow as pa

SEPARATOR = "\n\n"  # between the pieces of a row's text, and of a view
WHOLE = "whole"  # the view of every kind that holds all pieces: the text as it is stored

PIECE = pa.struct(
    [
        pa.field("label", pa.large_string(), nullable=False),  # role of a message, `list.role`, or name of a text field
        pa.field("start", pa.int64(), nullable=False),  # UTF-8 byte offsets in `text`
        pa.field("end", pa.int64(), nullable=False),
    ]
)
PIECES = pa.large_list(PIECE)

ROW_COLUMNS = (
    pa.field("pieces", PIECES),  # null of documents and of quarantined rows
    pa.field("fields", pa.large_string()),  # JSON object with sorted keys; null as `pieces`
)


class RowError(ValueError):
    """A record that is no row of its kind. reason: a short snake_case fact for the quarantine; detail: in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class View:
    """A named text of a row: some of its pieces in their order, joined by SEPARATOR; null where it has none of them.

    labels: the labels meant; `chosen.` means every label that begins so; none: all.
    turn: `all` pieces with these labels; the `last` of them; or every piece, whatever its label, `before_last` of them
    (all pieces of a row that has none of them).
    """

    labels: tuple[str, ...] = ()
    turn: Literal["all", "last", "before_last"] = "all"

    def has(self, label: str) -> bool:
        """Whether a piece of this label is meant."""
        return not self.labels or any(
            label == one or (one.endswith(".") and label.startswith(one)) for one in self.labels
        )


class Encoded(NamedTuple):
    """A record as it is stored. pieces: (label, start, end), UTF-8 byte offsets in `text`."""

    text: bytes
    pieces: list[tuple[str, int, int]]
    fields: dict[str, Any]

    @property
    def piece_rows(self) -> list[dict[str, Any]]:
        """The pieces as values of a PIECES array."""
        return [{"label": label, "start": start, "end": end} for label, start, end in self.pieces]


@dataclass(frozen=True)
class RowKind:
    """One kind of row.

    name: in recipes (`rows: conversation`). message_lists: keys of a record that hold lists of messages, objects with
    `role` and `content`; texts: keys that hold one text each. Both in the order in which their texts are stored.
    views: by name; every kind also has `whole`. required: keys that a record must have, not null.
    exported: keys beside those with text that an export gives a column of their own; all others stay in `fields`.
    """

    name: str
    message_lists: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    views: Mapping[str, View] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    exported: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", {WHOLE: View(), **self.views})

    @property
    def is_document(self) -> bool:
        """Whether a row is one text, with nothing beside it."""
        return not self.message_lists and not self.texts

    def label(self, key: str, role: str) -> str:
        """Of a message with this role in the list under `key`: the role alone where there is only one list."""
        return role if len(self.message_lists) + len(self.texts) == 1 else f"{key}.{role}"

    def encode(self, record: Mapping[str, Any]) -> Encoded:
        """The record as text, pieces and fields. RowError where it is no row of this kind.

        Contents must be valid Unicode (no lone surrogates). A message whose content is null (a tool call) has no piece.
        A key whose value is null is as one that is not there, as tables cannot tell the two apart.
        """
        for key in self.required:
            if record.get(key) is None:
                raise RowError(f"missing_{key}", f"no {key!r}; found {', '.join(map(str, record)) or 'nothing'}")
        pieces: list[tuple[str, str]] = []
        texts = self.message_lists + self.texts
        fields = {key: value for key, value in record.items() if key not in texts and value is not None}
        for key in self.message_lists:
            if record.get(key) is not None:
                beside = [self._message(key, message, pieces) for message in _messages(key, record[key])]
                if any(beside):
                    fields[key] = beside
        for key in self.texts:
            value = record.get(key)
            if value is not None and not isinstance(value, str):
                raise RowError(f"{key}_not_string", f"{key!r} is a {type(value).__name__}: {str(value)[:80]}")
            if value is not None:
                pieces.append((key, value))
        if not pieces:
            raise RowError("no_text", "the record holds no text at all")
        return _joined(pieces, fields)

    def _message(self, key: str, message: Mapping[str, Any], pieces: list[tuple[str, str]]) -> dict[str, Any]:
        """Add a message's content to the pieces; returns what is beside it, {} for role and content alone."""
        beside = {
            name: value for name, value in message.items() if name not in ("role", "content") and value is not None
        }
        if message.get("content") is None:
            return {"role": message["role"], "content": None, **beside}
        pieces.append((self.label(key, message["role"]), message["content"]))
        return beside

    def decode(self, text: str, pieces: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
        """The record of a stored row, as `encode` was given it."""
        data = text.encode()
        of_key: dict[str, list[tuple[str, str]]] = {}
        for piece in pieces:
            key, role = self._key_of(piece["label"])
            of_key.setdefault(key, []).append((role, data[piece["start"] : piece["end"]].decode()))
        record: dict[str, Any] = {}
        for key in self.message_lists:
            contents = iter(of_key.get(key, []))
            beside = fields.get(key, [{}] * len(of_key.get(key, [])))
            if key in of_key or key in fields:
                record[key] = [_message_of(one, contents) for one in beside]
        record |= {key: of_key[key][0][1] for key in self.texts if key in of_key}
        return record | {key: value for key, value in fields.items() if key not in self.message_lists}

    def _key_of(self, label: str) -> tuple[str, str]:
        """(key of the record, role) of a label."""
        if len(self.message_lists) + len(self.texts) == 1:
            return (self.message_lists or self.texts)[0], label
        key, _, role = label.partition(".")
        return key, role


def _messages(key: str, value: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list | tuple) or not value:
        raise RowError(f"{key}_not_messages", f"{key!r} is {str(value)[:80]!r}; expected a list of messages")
    for number, message in enumerate(value):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str) or not message["role"]:
            raise RowError(
                "message_without_role", f"{key}[{number}] is {str(message)[:80]!r}; expected role and content"
            )
        if not isinstance(message.get("content"), str | None):
            raise RowError("content_not_string", f"{key}[{number}] holds a {type(message['content']).__name__}")
    return value


def _message_of(beside: Mapping[str, Any], contents: Any) -> dict[str, Any]:
    if "role" in beside:
        return dict(beside)
    role, content = next(contents)
    return {"role": role, "content": content, **beside}


def _joined(pieces: Sequence[tuple[str, str]], fields: dict[str, Any]) -> Encoded:
    parts: list[bytes] = []
    places: list[tuple[str, int, int]] = []
    at = 0
    for label, content in pieces:
        data = content.encode()
        if parts:
            at += len(SEPARATOR)
        places.append((label, at, at + len(data)))
        parts.append(data)
        at += len(data)
    return Encoded(SEPARATOR.encode().join(parts), places, fields)


def stored_batch(rows: Sequence[Sequence[tuple[str, str]]], fields: Sequence[str] | None = None) -> pa.RecordBatch:
    """Rows given as (label, content) pairs with the columns text, pieces and fields, as families read them.

    fields: JSON objects; by default empty ones. For trying a family of signals without a run.
    """
    encoded = [_joined(row, {}) for row in rows]
    columns = [
        pa.array([row.text.decode() for row in encoded], pa.large_string()),
        pa.array([row.piece_rows for row in encoded], PIECES),
        pa.array(["{}"] * len(encoded) if fields is None else list(fields), pa.large_string()),
    ]
    return pa.record_batch(columns, names=["text", "pieces", "fields"])
