"""Rows of embeddings, and of what selection and semantic duplicates made of them."""

import pyarrow as pa

_PLACE = [
    pa.field("doc_id", pa.large_string(), nullable=False),
    pa.field("part", pa.int64(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
]

EMBEDDING = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("vector", pa.large_list(pa.float32())),  # of length 1; null where the view has no text
    ]
)
EMBEDDING_DIGEST = ("doc_id", "vector")

FEATURE_COUNT = pa.schema(  # in how many documents a bucket of hashed features occurs
    [pa.field("bucket", pa.int64(), nullable=False), pa.field("documents", pa.int64(), nullable=False)]
)
FEATURE_COUNT_DIGEST = ("bucket", "documents")

CONTRADICTION = pa.schema(  # two rows that answer nearly the same prompt differently, the lesser id first
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("other_doc_id", pa.large_string(), nullable=False),
        pa.field("kind", pa.large_string(), nullable=False),  # number, option, yes or no
        pa.field("answer", pa.large_string(), nullable=False),
        pa.field("other_answer", pa.large_string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),  # of the prompts, a cosine
    ]
)
CONTRADICTION_DIGEST = tuple(CONTRADICTION.names)

SELECTED, NEAR_SELECTED, OVER_BUDGET = "selected", "near_selected", "over_budget"
NO_VECTOR, SEMANTIC_DUPLICATE = "no_vector", "semantic_duplicate"

CHOICE = pa.schema(  # a row for every document that passed all rules
    [
        *_PLACE,
        pa.field("outcome", pa.large_string(), nullable=False),
        pa.field("rank", pa.int64()),  # place in the order in which it was looked at; null without a vector
        pa.field("nearest", pa.large_string()),  # doc_id that it is too similar to; null unless that drops it
        pa.field("similarity", pa.float64()),  # cosine with `nearest`
        pa.field("topic", pa.int64()),  # number of its topic, the largest is 0; null where none were made
        pa.field("why", pa.large_string()),  # why the survivor of a semantic duplicate won
    ]
)
CHOICE_DIGEST = ("doc_id", "outcome", "rank", "nearest", "similarity", "topic")
CHOICE_RULES = {  # outcome -> the rule that the document fails
    NEAR_SELECTED: "select/near_selected",
    OVER_BUDGET: "select/over_budget",
    NO_VECTOR: "select/no_vector",
    SEMANTIC_DUPLICATE: "duplicate/semantic",
}
