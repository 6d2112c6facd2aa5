"""Edits: every change of text is a list of spans on the text it was measured on, never a silent rewrite."""

import pyarrow as pa

EDIT = pa.struct(
    [
        pa.field("start", pa.int64(), nullable=False),  # UTF-8 byte offset, inclusive
        pa.field("end", pa.int64(), nullable=False),  # UTF-8 byte offset, exclusive
        pa.field("replacement", pa.large_string(), nullable=False),  # "" deletes
        pa.field("reason", pa.large_string(), nullable=False),  # what was found, snake_case (`no_terminal_mark`)
    ]
)
EDITS = pa.large_list(EDIT)  # sorted by start, not overlapping
