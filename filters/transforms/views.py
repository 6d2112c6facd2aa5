# mypy: disallow-untyped-defs=False
"""Views: named texts of a row, made of its pieces; and edits of the row's text as edits of its pieces.

All offsets are UTF-8 byte offsets. What lies between the pieces of a row (SEPARATOR) belongs to none: no edit changes it,
so that every edit is one of a field.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.transforms.edit_arrays import (
    EditColumns,
    edit_columns,
    edits_array,
    large_strings,
    rows_of_counts,
)
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.schemas.rows.kind import PIECES, SEPARATOR, View

_SEPARATOR = np.frombuffer(SEPARATOR.encode(), np.uint8)
EVERY_PIECE = View()


class Spans(NamedTuple):
    """Pieces of n rows, flat: row r owns the spans rows[r]:rows[r + 1], in order. starts, ends: offsets in its text."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def spans_of(pieces: pa.Array, view: View = EVERY_PIECE) -> Spans:
    """The pieces of a PIECES array that a view is made of; a null list has none."""
    counts = pc.list_value_length(pieces).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    label, start, end = pieces.flatten().flatten()
    starts, ends = (column.to_numpy(zero_copy_only=False) for column in (start, end))
    codes = label.dictionary_encode()
    meant = np.array([view.has(one) for one in codes.dictionary.to_pylist()], bool)
    chosen = meant[codes.indices.to_numpy()] if len(meant) else np.zeros(0, bool)
    rows = np.repeat(np.arange(len(counts)), counts)
    if view.turn != "all":
        places = np.arange(len(rows))
        last = np.full(len(counts), -1, np.int64)
        np.maximum.at(last, rows[chosen], places[chosen])
        of_row = last[rows]
        chosen = places == of_row if view.turn == "last" else (places < of_row) | (of_row < 0)
    return Spans(rows_of_counts(np.bincount(rows[chosen], minlength=len(counts))), starts[chosen], ends[chosen])


@kernel
def _join(data, offsets, rows, starts, ends, separator, out_offsets, out):
    at = 0
    for row in range(len(offsets) - 1):
        for k in range(rows[row], rows[row + 1]):
            if k > rows[row]:
                for byte in separator:
                    out[at] = byte
                    at += 1
            first, size = offsets[row] + starts[k], ends[k] - starts[k]
            out[at : at + size] = data[first : first + size]
            at += size
        out_offsets[row + 1] = at


def view_texts(texts: pa.Array, pieces: pa.Array, view: View) -> pa.Array:
    """The view of each row (large_string); null where the row has no piece of it, or no text."""
    if not view.labels and view.turn == "all":
        return texts
    spans = spans_of(pieces, view)
    counts = np.diff(spans.rows)
    size = int((spans.ends - spans.starts).sum() + np.maximum(counts - 1, 0).sum() * len(_SEPARATOR))
    data, offsets = string_buffers(texts)
    out_offsets, out = np.zeros(len(texts) + 1, np.int64), np.empty(size, np.uint8)
    _join(data, offsets, *spans, _SEPARATOR, out_offsets, out)
    none = pa.array(counts == 0)
    if texts.null_count:
        none = pc.or_(none, texts.is_null())
    return pc.if_else(none, pa.scalar(None, pa.large_string()), large_strings(out, out_offsets))


@kernel
def _cut(edit_rows, starts, ends, rows, piece_starts, piece_ends, out_edit, out_first, out_starts, out_ends):
    """Each edit cut at the pieces it touches; returns how many come of it.

    Called once with empty outputs to count. The first piece that an edit touches gets its replacement; an edit between
    pieces is left out.
    """
    n = 0
    for row in range(len(edit_rows) - 1):
        first = rows[row]
        for e in range(edit_rows[row], edit_rows[row + 1]):
            while first < rows[row + 1] and piece_ends[first] < starts[e]:
                first += 1
            touched = False
            for k in range(first, rows[row + 1]):
                start, end = max(starts[e], piece_starts[k]), min(ends[e], piece_ends[k])
                if piece_starts[k] > ends[e]:
                    break
                if start < end or (starts[e] == ends[e] and start == end and not touched):
                    if len(out_edit):
                        out_edit[n], out_first[n] = e, not touched
                        out_starts[n], out_ends[n] = start, end
                    n += 1
                    touched = True
    return n


def edits_within_pieces(edits: pa.Array, pieces: pa.Array) -> pa.Array:
    """Edits on the rows' texts without what lies between pieces: each cut at the ends of the pieces it touches."""
    columns: EditColumns = edit_columns(edits)
    arguments = (columns.rows, columns.starts, columns.ends, *spans_of(pieces))
    nothing = np.zeros(0, np.int64)
    count = _cut(*arguments, nothing, np.zeros(0, bool), nothing, nothing)
    which, first = np.zeros(count, np.int64), np.zeros(count, bool)
    starts, ends = np.zeros(count, np.int64), np.zeros(count, np.int64)
    if count:
        _cut(*arguments, which, first, starts, ends)
    of_edit = np.repeat(np.arange(len(edits)), np.diff(columns.rows))
    replacements = large_strings(columns.replacement_data, columns.replacement_offsets - columns.replacement_offsets[0])
    chosen = pc.if_else(pa.array(first), replacements.take(pa.array(which)), pa.scalar("", pa.large_string()))
    counts = np.bincount(of_edit[which], minlength=len(edits))
    return edits_array(rows_of_counts(counts), starts, ends, chosen, columns.reasons.take(pa.array(which)))


@kernel
def _shift(edit_rows, starts, ends, sizes, rows, piece_starts, piece_ends):
    for row in range(len(edit_rows) - 1):
        e, moved = edit_rows[row], 0
        for k in range(rows[row], rows[row + 1]):
            start = piece_starts[k]
            piece_starts[k] = start + moved
            while e < edit_rows[row + 1] and starts[e] <= piece_ends[k]:
                moved += sizes[e] - (ends[e] - starts[e])
                e += 1
            piece_ends[k] += moved


def pieces_after(pieces: pa.Array, edits: pa.Array) -> pa.Array:
    """Where the pieces lie once edits of `edits_within_pieces` are applied to the rows' texts."""
    columns, spans = edit_columns(edits), spans_of(pieces)
    starts, ends = spans.starts.copy(), spans.ends.copy()
    _shift(columns.rows, columns.starts, columns.ends, np.diff(columns.replacement_offsets), spans.rows, starts, ends)
    label = pieces.flatten().field("label")
    values = pa.StructArray.from_arrays([label, pa.array(starts), pa.array(ends)], fields=list(PIECES.value_type))
    return pa.LargeListArray.from_arrays(
        pa.array(spans.rows, pa.int64(), mask=np.append(pieces.is_null().to_numpy(zero_copy_only=False), False)),
        values,
        type=PIECES,
    )
