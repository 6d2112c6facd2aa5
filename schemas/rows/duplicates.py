"""Rows of duplicate detection: who shares a cluster with whom, and who survived.

`part` and `row` say where the document lies in documents/ (the part's index in its manifest, the row within it); they
depend on the layout of a run and are left out of content digests.
"""

import pyarrow as pa

KEY = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("cluster", pa.large_string(), nullable=False),  # scope value, `:`, normalised content hash
    ]
)
KEY_DIGEST = ("doc_id", "cluster")

ORDER_COLUMNS = 4  # preference_0, ...: the order of survivors as float64, smaller is better; unused ones are 0

CANDIDATE = pa.schema(
    [
        *KEY,
        pa.field("content_hash", pa.large_string(), nullable=False),
        *[pa.field(f"preference_{i}", pa.float64(), nullable=False) for i in range(ORDER_COLUMNS)],
    ]
)
CANDIDATE_DIGEST = ("doc_id", "cluster", "content_hash", *[f"preference_{i}" for i in range(ORDER_COLUMNS)])

MEMBER = pa.schema(
    [
        *KEY,
        pa.field("survivor", pa.large_string(), nullable=False),  # doc_id; the member's own when it survives
        pa.field("cluster_size", pa.int64(), nullable=False),  # members that passed the rules
        pa.field("why", pa.large_string(), nullable=False),  # the first preference in which the survivor is ahead
    ]
)
MEMBER_DIGEST = ("doc_id", "cluster", "survivor", "cluster_size", "why")
