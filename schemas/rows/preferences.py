"""Rows of what is known of preference pairs beside their signals."""

import pyarrow as pa

PAIR_KEY = pa.schema(  # hashes of 64 bits; null where the side is missing, or the row is quarantined
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("prompt", pa.int64()),
        pa.field("chosen", pa.int64()),
        pa.field("rejected", pa.int64()),
    ]
)
PAIR_KEY_DIGEST = tuple(PAIR_KEY.names)
