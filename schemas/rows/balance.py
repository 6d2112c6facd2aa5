"""Rows that balance leaves out."""

import pyarrow as pa

LEFT_OUT = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("rule", pa.large_string(), nullable=False),  # balance/length, balance/<signal>
    ]
)
LEFT_OUT_DIGEST = ("doc_id", "rule")
RULE_PREFIX = "balance/"
