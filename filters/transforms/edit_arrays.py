"""EDITS arrays as plain columns and back, for code that builds, applies or composes edits."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.kernels.buffers import string_buffers
from gristmill.schemas.rows.edits import EDIT, EDITS


class EditColumns(NamedTuple):
    """Edits of n documents, flat: document d owns the edits rows[d]:rows[d + 1]."""

    rows: np.ndarray  # int64, n + 1
    starts: np.ndarray  # int64, UTF-8 byte offsets
    ends: np.ndarray  # int64
    replacement_data: np.ndarray  # uint8
    replacement_offsets: np.ndarray  # int64, edits + 1
    reasons: pa.Array  # large_string


def edit_columns(edits: pa.Array | pa.ChunkedArray) -> EditColumns:
    """The columns of an EDITS array; a null list reads as no edits."""
    if isinstance(edits, pa.ChunkedArray):
        edits = edits.combine_chunks()
    counts = pc.list_value_length(edits).fill_null(0).to_numpy(zero_copy_only=False)
    start, end, replacement, reason = edits.flatten().flatten()
    data, offsets = string_buffers(replacement)
    return EditColumns(
        rows_of_counts(counts),
        start.to_numpy(zero_copy_only=False),
        end.to_numpy(zero_copy_only=False),
        data,
        offsets,
        reason.cast(pa.large_string()),
    )


def rows_of_counts(counts: np.ndarray) -> np.ndarray:
    """Edits per document -> row offsets (int64, n + 1)."""
    rows = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=rows[1:])
    return rows


def edits_array(
    rows: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    replacements: pa.Array,
    reasons: pa.Array,
) -> pa.Array:
    """An EDITS array from flat columns; `rows` are the row offsets (documents + 1)."""
    values = pa.StructArray.from_arrays(
        [
            pa.array(starts, pa.int64()),
            pa.array(ends, pa.int64()),
            replacements.cast(pa.large_string()),
            reasons.cast(pa.large_string()),
        ],
        fields=list(EDIT),
    )
    return pa.LargeListArray.from_arrays(pa.array(rows, pa.int64()), values, type=EDITS)


def constant_edits(
    rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, codes: np.ndarray, table: list[tuple[str, str]]
) -> pa.Array:
    """An EDITS array whose edit i has (replacement, reason) table[codes[i]]."""
    replacements = pa.array([replacement for replacement, _ in table], pa.large_string()).take(pa.array(codes))
    reasons = pa.array([reason for _, reason in table], pa.large_string()).take(pa.array(codes))
    return edits_array(rows, starts, ends, replacements, reasons)


def no_edits(documents: int) -> pa.Array:
    """An EDITS array that changes nothing."""
    return pa.array([[]] * documents, EDITS)


def large_strings(data: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """A large_string array over UTF-8 bytes and zero-based int64 offsets."""
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def replaced_rows(column: pa.Array, rows: pa.Array, values: pa.Array) -> pa.Array:
    """`column` with `values` at `rows`."""
    chosen = np.arange(len(column))
    chosen[rows.to_numpy()] = len(column) + np.arange(len(values))
    return pa.concat_arrays([column, values]).take(pa.array(chosen))
