"""Rows of a mix: what a corpus has of every group and weight, and the documents that are used, with their copies."""

import pyarrow as pa
from gristmill.schemas.rows.corpus import CORPUS, CORPUS_DIGEST

CLUSTER_SIZE = "cluster_size"  # what documents are upweighted by unless it is a signal
UNKNOWN_GROUP = "unknown"  # documents without a language

GROUP_WEIGHT = pa.schema(  # documents of one weight in one group
    [
        pa.field("group", pa.large_string(), nullable=False),
        pa.field("code", pa.int64(), nullable=False),  # the weight is 2 ** (code / 64)
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("squares", pa.float64(), nullable=False),  # sum of squared tokens: how much a draw varies
        pa.field("largest", pa.int64(), nullable=False),  # tokens of the largest document
    ]
)
GROUP_WEIGHT_DIGEST = ("group", "code", "documents", "tokens", "largest")

ENTERING_COPY = pa.schema(  # a copy of a document that may or may not be used: what is drawn ends near it
    [
        pa.field("group", pa.large_string(), nullable=False),
        pa.field("scale", pa.float64(), nullable=False),  # of the group's weights, above which the copy is used
        pa.field("tokens", pa.int64(), nullable=False),
    ]
)
ENTERING_COPY_DIGEST = ("group", "scale", "tokens")

MIXED = pa.schema(  # a row of corpus/ for every document used, and how often
    [*CORPUS, pa.field("copies", pa.int64(), nullable=False)]
)
MIXED_DIGEST = (*CORPUS_DIGEST, "copies")
