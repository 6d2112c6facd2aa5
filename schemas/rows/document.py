"""The document row, as every reader writes it and every stage reads it."""

import json
from typing import Any

import pyarrow as pa
from gristmill.schemas.rows.kind import ROW_COLUMNS, RowKind, View

KIND = RowKind("document", views={"text": View()})

KEPT_STATUS = "ok"
QUARANTINED_STATUS = "quarantined"

DOCUMENT = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),  # 32 hex digits: 128 bits
        pa.field("source", pa.large_string(), nullable=False),  # the recipe's name for where it comes from
        pa.field("snapshot", pa.large_string()),  # crawl or dump label given by the recipe
        pa.field("url", pa.large_string()),
        pa.field("timestamp", pa.large_string()),  # ISO 8601 UTC, `2024-03-01T12:00:00Z`; null when unknown
        pa.field("content_hash", pa.large_string()),  # 32 hex digits of the UTF-8 text; null when quarantined
        pa.field("text", pa.large_string()),  # null when quarantined
        pa.field("text_bytes", pa.int64(), nullable=False),  # UTF-8 bytes of text; bytes of the record if quarantined
        pa.field("metadata", pa.large_string()),  # JSON object with sorted keys, opt-out headers included
        pa.field("location", pa.large_string(), nullable=False),  # path relative to the source root, `#`, offset or row
        pa.field("status", pa.large_string(), nullable=False),  # ok | quarantined
        pa.field("reason", pa.large_string()),  # why quarantined, a short snake_case fact; null when ok
        pa.field("detail", pa.large_string()),  # the error in words, bounded to 500 characters; null when ok
        *ROW_COLUMNS,  # of rows of other kinds
    ]
)
# text, pieces and fields are stood for by content_hash; the others tell where and how
_NOT_CONTENT = ("text", "location", "detail", *(field.name for field in ROW_COLUMNS))
DOCUMENT_DIGEST = tuple(name for name in DOCUMENT.names if name not in _NOT_CONTENT)

_PLACE = [
    pa.field("doc_id", pa.large_string(), nullable=False),
    pa.field("part", pa.int64(), nullable=False),  # number of the part of documents/
    pa.field("row", pa.int64(), nullable=False),  # of the part
]
CONTENT_ORDER = ("content_hash", "source", "snapshot", "url", "timestamp", "metadata", "location")

COLLIDING_ID = pa.schema(
    [*_PLACE, *[pa.field(name, pa.large_string()) for name in CONTENT_ORDER]]
)  # documents of one id

NEW_ID = pa.schema(  # what a colliding document gets
    [*_PLACE, pa.field("content_hash", pa.large_string()), pa.field("number", pa.int64(), nullable=False)]
)
NEW_ID_DIGEST = ("doc_id", "content_hash", "number")


def parsed_metadata(metadata: str | None) -> dict[str, Any]:
    """The column `metadata` of a row as a mapping; empty where there is none, or no object of JSON.

    >>> parsed_metadata('{"path": "a.py"}')
    {'path': 'a.py'}
    """
    try:
        found = json.loads(metadata or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
