"""Rows of near-duplicate removal: signatures, buckets, shingles, candidates, compared pairs, outcome.

`part` and `row` say where a document lies, as in schemas/rows/duplicates.py. Parts beyond the documents' own are those of the
runs named by `against`, in that order. 64-bit hashes are stored as int64 with the same bits. A band numbered as there are
bands is the whole normalised content, compared with published documents only.
"""

import pyarrow as pa

_PLACE = [
    pa.field("doc_id", pa.large_string(), nullable=False),
    pa.field("part", pa.int64(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
]

SIGNATURE = pa.schema(
    [
        *_PLACE,
        pa.field("pieces", pa.int64(), nullable=False),  # words or characters; 0: nothing to compare, in no bucket
        pa.field("signature", pa.large_list(pa.int32()), nullable=False),  # uint32 bits, one for each permutation
    ]
)
SIGNATURE_DIGEST = ("doc_id", "pieces", "signature")

BAND = pa.schema(
    [
        pa.field("bucket", pa.int64(), nullable=False),  # hash of band number, band values and scope
        pa.field("band", pa.int32(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("copy", pa.int64(), nullable=False),  # equal for exact copies, of which one can survive at most
        pa.field("is_new", pa.bool_(), nullable=False),  # a document of this run, not of an earlier one
    ]
)
BAND_DIGEST = ("bucket", "band", "copy", "is_new")
BUCKET = pa.schema([BAND.field(name) for name in ("bucket", "band", "part", "row")])
BUCKET_DIGEST = ("bucket", "band")

SHINGLES = pa.schema([*_PLACE, pa.field("shingles", pa.large_list(pa.int64()), nullable=False)])  # sorted as uint64
SHINGLES_DIGEST = ("doc_id", "shingles")

NEAR_CANDIDATE = pa.schema(
    [
        *_PLACE,
        pa.field("key", pa.large_string(), nullable=False),  # survivor order: the lesser string is ahead; unique
        pa.field("copies", pa.int64(), nullable=False),  # passing exact copies that this document stands for
    ]
)
NEAR_CANDIDATE_DIGEST = ("doc_id", "key", "copies")

NEAR_PAIR = pa.schema(
    [
        pa.field("earlier", pa.large_string(), nullable=False),  # doc_id, ahead in survivor order
        pa.field("later", pa.large_string(), nullable=False),
        pa.field("shared", pa.int64(), nullable=False),  # similarity = shared / total, of shingles or permutations
        pa.field("total", pa.int64(), nullable=False),
        pa.field("similar", pa.bool_(), nullable=False),
        pa.field("band", pa.int32(), nullable=False),  # the first in which the pair was compared
    ]
)
NEAR_PAIR_DIGEST = tuple(NEAR_PAIR.names)

OUTCOME = pa.schema(
    [
        *_PLACE,
        pa.field("cluster", pa.large_string(), nullable=False),
        pa.field("survivor", pa.large_string(), nullable=False),  # doc_id; the member's own when it survives
        pa.field("cluster_size", pa.int64(), nullable=False),  # passing members, exact copies included
        pa.field("why", pa.large_string(), nullable=False),
        pa.field("similarity", pa.float64()),  # to the survivor; null on the survivor
        pa.field("band", pa.int32()),
        pa.field("is_copy", pa.bool_(), nullable=False),  # dropped as an exact copy
        pa.field("is_near", pa.bool_(), nullable=False),  # dropped as a near duplicate
    ]
)
OUTCOME_DIGEST = tuple(name for name in OUTCOME.names if name not in ("part", "row"))
