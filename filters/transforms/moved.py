"""Edits made on one text, moved to the text that earlier edits made of it."""

import numpy as np
import pyarrow as pa
from gristmill.filters.transforms.edit_arrays import (
    EditColumns,
    edit_columns,
    edits_array,
    large_strings,
    rows_of_counts,
)


def moved(edits: pa.Array, earlier: pa.Array) -> pa.Array:
    """Deletions `edits`, both they and `earlier` on the same texts, as deletions of the texts that `earlier` makes.

    A deletion that leaves something in its place, such as a blank, still does; of those joined one does.

    Where a deletion overlaps an earlier edit it takes all of that edit's replacement: what is to go does not survive by
    having been changed first.
    """
    later, first = edit_columns(edits), edit_columns(earlier)
    if not len(later.starts) or not len(first.starts):
        return edits
    starts, ends = later.starts.copy(), later.ends.copy()
    for row in np.flatnonzero((np.diff(later.rows) > 0) & (np.diff(first.rows) > 0)).tolist():
        _move_row(row, later, first, starts, ends)
    return _without_overlaps(later, starts, ends)


def _move_row(row: int, later: EditColumns, first: EditColumns, starts: np.ndarray, ends: np.ndarray) -> None:
    mine, theirs = slice(*later.rows[row : row + 2]), slice(*first.rows[row : row + 2])
    sizes = np.diff(first.replacement_offsets)[theirs]
    old_starts, old_ends = first.starts[theirs], first.ends[theirs]
    grown = np.concatenate(([0], np.cumsum(sizes - (old_ends - old_starts))))
    before = np.searchsorted(old_ends, later.starts[mine], side="right")  # edits that end at or before the start
    starts[mine] = np.minimum(later.starts[mine], _at(old_starts, before)) + grown[before]
    within = np.searchsorted(old_starts, later.ends[mine], side="left")  # edits that begin before the end
    last_end = np.where(within > 0, old_ends[np.maximum(within - 1, 0)], 0)
    ends[mine] = np.maximum(later.ends[mine], last_end) + grown[within]


def _at(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """values[index], beyond the end a number above all."""
    padded: np.ndarray = np.append(values, np.iinfo(np.int64).max)[index]
    return padded


def _without_overlaps(columns: EditColumns, starts: np.ndarray, ends: np.ndarray) -> pa.Array:
    """The deletions again, those that came to overlap joined."""
    kept = np.ones(len(starts), bool)
    left = np.arange(len(starts))  # whose replacement each has
    sizes = np.diff(columns.replacement_offsets)
    row = np.repeat(np.arange(len(columns.rows) - 1), np.diff(columns.rows))
    last = -1
    for k in range(len(starts)):
        if last >= 0 and row[last] == row[k] and starts[k] < ends[last]:
            ends[last] = max(ends[last], ends[k])
            left[last] = max(left[last], k, key=lambda one: sizes[one])
            kept[k] = False
        else:
            last = k
    counts = np.bincount(row[kept], minlength=len(columns.rows) - 1)
    replacements = large_strings(columns.replacement_data, columns.replacement_offsets).take(pa.array(left[kept]))
    return edits_array(
        rows_of_counts(counts), starts[kept], ends[kept], replacements, columns.reasons.filter(pa.array(kept))
    )
