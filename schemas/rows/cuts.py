"""Rows of cutting repeated text: the survivors' order, what travels, what is marked, what is cut.

`part` and `row` say where the document lies in documents/; they are left out of content digests.
"""

import pyarrow as pa

_DOC_ID = pa.field("doc_id", pa.large_string(), nullable=False)
_PLACE = [pa.field("part", pa.int64(), nullable=False), pa.field("row", pa.int64(), nullable=False)]

ORDER_KEY = pa.schema(
    [
        _DOC_ID,
        *_PLACE,
        pa.field("order_key", pa.large_string(), nullable=False),  # preferences and content hash as hexadecimal digits
    ]
)
ORDER_KEY_DIGEST = ("doc_id",)

RANK = pa.schema(
    [_DOC_ID, *_PLACE, pa.field("rank", pa.int64(), nullable=False)]  # grows in survivor order, not always by one
)
RANK_DIGEST = ("doc_id",)

RUN = pa.schema(  # neighbouring windows with the same minimiser, as they travel
    [
        pa.field("key", pa.int64(), nullable=False),  # the minimiser's hash, its bits as a signed number
        pa.field("rank", pa.int64(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),  # part * 2**32 + row
        pa.field("start", pa.int64(), nullable=False),  # bytes from the document's start
        pa.field("windows", pa.int64(), nullable=False),  # not shuffled
        pa.field("text", pa.large_binary(), nullable=False),
    ]
)
RUN_DIGEST = ("key", "start", "windows")
SHUFFLED_RUN = pa.schema([field for field in RUN if field.name != "windows"])

LINE = pa.schema(
    [
        *_PLACE,
        pa.field("scope", pa.large_string(), nullable=False),
        pa.field("hash", pa.int64(), nullable=False),  # of the normalised line, its bits as a signed number
        pa.field("characters", pa.int64(), nullable=False),
        pa.field("rank", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)
LINE_DIGEST = ("scope", "hash", "characters", "start", "end")

MARK = pa.schema(  # bytes [start, end) of a document's text that repeat; may overlap
    [*_PLACE, pa.field("start", pa.int64(), nullable=False), pa.field("end", pa.int64(), nullable=False)]
)
MARK_DIGEST = ("start", "end")

CUT = pa.schema(  # one row for each document with something to cut
    [
        _DOC_ID,
        *_PLACE,
        pa.field("starts", pa.large_list(pa.int64()), nullable=False),  # spans on the text the cuts were measured on
        pa.field("ends", pa.large_list(pa.int64()), nullable=False),
        pa.field("blanks", pa.large_list(pa.bool_()), nullable=False),  # where a blank keeps two words apart
        pa.field("cut_bytes", pa.int64(), nullable=False),
        pa.field("text_bytes", pa.int64(), nullable=False),  # of the text before these cuts
        pa.field("outcome", pa.large_string(), nullable=False),  # `cut`, `dropped`, or `kept` whole
    ]
)
CUT_REVISION = "2"  # raised whenever other rows are cut of the same marks; part of the stage keys
CUT_DIGEST = tuple(name for name in CUT.names if name not in ("part", "row"))
