"""Rows that the steps of other projects leave."""

import pyarrow as pa
from gristmill.schemas.rows.edits import EDITS

DATATROVE_EDITS = pa.schema(  # aligned with documents/
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("edits", EDITS, nullable=False),  # of the whole chain, on the original text
    ]
)
DATATROVE_EDITS_DIGEST = ("doc_id",)
