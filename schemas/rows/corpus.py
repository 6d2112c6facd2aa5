"""The rows of corpus/: what training reads."""

import pyarrow as pa
from gristmill.schemas.rows.edits import EDITS

CORPUS = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("source", pa.large_string(), nullable=False),
        pa.field("snapshot", pa.large_string()),
        pa.field("url", pa.large_string()),
        pa.field("timestamp", pa.large_string()),
        pa.field("language", pa.large_string()),  # null unless language was measured
        pa.field("tokens", pa.int64(), nullable=False),  # as in decisions/
        pa.field("cluster_size", pa.int64(), nullable=False),  # documents this one stands for, itself included
        pa.field("text_bytes", pa.int64(), nullable=False),  # UTF-8 bytes of `text`
        pa.field("content_hash", pa.large_string(), nullable=False),  # XXH3-128 of `text`
        pa.field("metadata", pa.large_string()),
    ]
)
CORPUS_DIGEST = tuple(name for name in CORPUS.names if name not in ("text", "tokens"))

EDIT_ROW = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("edits", EDITS, nullable=False),  # on the text in documents/; only documents that changed
    ]
)
