"""The decision row: for every document, whether it is kept and everything that speaks against it."""

import pyarrow as pa

DECISION = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("source", pa.large_string(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("failed_rules", pa.large_list(pa.large_string()), nullable=False),  # all of them; empty when kept
        pa.field("text_bytes", pa.int64(), nullable=False),
        pa.field(
            "tokens", pa.int64(), nullable=False
        ),  # measured when `token_count` is, else text_bytes / 4 rounded up
        pa.field("duplicate_of", pa.large_string()),  # the survivor's doc_id, null unless dropped as a duplicate
        pa.field("similarity", pa.float64()),  # to the survivor, verified; 1.0 for equal normalised content
        pa.field("cluster", pa.large_string()),
        pa.field("cluster_size", pa.int64()),  # passing members, also on the survivor; null outside clusters
        pa.field("why", pa.large_string()),  # why the survivor won
        pa.field("band", pa.int32()),  # of the MinHash signature in which a near duplicate met its survivor
    ]
)
DECISION_DIGEST = tuple(name for name in DECISION.names if name != "tokens")

EXACT_DUPLICATE_RULE = "duplicate/exact"
NEAR_DUPLICATE_RULE = "duplicate/near"
CUT_RULES = {  # kind of cut, in the order made -> what a document fails that lost too much of its text
    "contamination": "cut/contamination",
    "lines": "duplicate/lines",
    "substrings": "duplicate/substrings",
}
BYTES_PER_TOKEN = 4  # the usual estimate for English text under a 50k-token byte-level BPE
