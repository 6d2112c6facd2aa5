"""Rows of what documents share with evaluation sets. `part` and `row` say where a document lies in documents/; they are
left out of content digests."""

import pyarrow as pa

_PLACE = [
    pa.field("doc_id", pa.large_string(), nullable=False),
    pa.field("part", pa.int64(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
]

EVAL_ITEM = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),  # over all sets, in their order
        pa.field("set", pa.large_string(), nullable=False),
        pa.field("item", pa.large_string(), nullable=False),
        pa.field("words", pa.int64(), nullable=False),
        pa.field("ngrams", pa.large_list(pa.int64()), nullable=False),  # that count, for each n; all 0: not looked for
        pa.field("excerpt", pa.large_string(), nullable=False),
    ]
)
EVAL_ITEM_DIGEST = tuple(EVAL_ITEM.names)

MATCH = pa.schema(  # a run of words that a document shares with a string of an item
    [
        *_PLACE,
        pa.field("passage", pa.int64(), nullable=False),
        pa.field("at", pa.int64(), nullable=False),  # first word in the passage
        pa.field("words", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),  # UTF-8 bytes of the document's original text
        pa.field("end", pa.int64(), nullable=False),
    ]
)
MATCH_DIGEST = ("doc_id", "passage", "at", "words", "start", "end")

GRAM_CONTENT = pa.schema(  # that a document's content holds an n-gram of an evaluation set
    [pa.field("gram", pa.int64(), nullable=False), pa.field("content", pa.large_string(), nullable=False)]
)
GRAM_CONTENT_DIGEST = tuple(GRAM_CONTENT.names)

HIT = pa.schema(  # one row for each document and item that share words
    [
        *_PLACE,
        pa.field("set", pa.large_string(), nullable=False),
        pa.field("item", pa.large_string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),  # of the item
        pa.field("overlap", pa.float64(), nullable=False),  # the greatest weighted one
        pa.field("longest", pa.int64(), nullable=False),  # words of the longest match
        pa.field("ngrams", pa.large_list(pa.int64()), nullable=False),  # each n; the next three are in this order
        pa.field("matched", pa.large_list(pa.int64()), nullable=False),  # n-grams of the item that the document holds
        pa.field("of", pa.large_list(pa.int64()), nullable=False),  # n-grams of the item that count
        pa.field("weighted", pa.large_list(pa.float64()), nullable=False),  # share of their weight
        pa.field("starts", pa.large_list(pa.int64()), nullable=False),  # bytes of the original text, disjoint, in order
        pa.field("ends", pa.large_list(pa.int64()), nullable=False),
    ]
)
HIT_DIGEST = tuple(name for name in HIT.names if name not in ("part", "row"))

GRAM_COUNT = pa.schema([pa.field("gram", pa.int64(), nullable=False), pa.field("contents", pa.int64(), nullable=False)])
GRAM_COUNT_DIGEST = tuple(GRAM_COUNT.names)

ITEM_REPORT = pa.schema(  # every item, with what the corpus holds of it
    [
        *EVAL_ITEM,
        pa.field("documents", pa.int64(), nullable=False),  # that share a match with it
        pa.field("overlap", pa.float64(), nullable=False),  # the greatest of any document
        pa.field("longest", pa.int64(), nullable=False),
        pa.field("example", pa.large_string()),  # doc_id of the document with the greatest overlap
    ]
)
ITEM_REPORT_DIGEST = tuple(ITEM_REPORT.names)
