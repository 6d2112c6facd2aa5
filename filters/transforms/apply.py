# mypy: disallow-untyped-defs=False
"""Apply, compose and count edits.

All offsets are UTF-8 byte offsets on character boundaries. Edits of one document are sorted and do not overlap; they
may touch, and a zero-width edit inserts. Edits that touch apply in their order.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.transforms.edit_arrays import (
    EditColumns,
    edit_columns,
    edits_array,
    large_strings,
    no_edits,
    rows_of_counts,
)
from gristmill.filters.transforms.registry import TEXT_VERSIONS, transform
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.schemas.errors import RecipeError

REASON_SEPARATOR = "+"


@kernel
def _edited_lengths(data, offsets, rows, starts, ends, replacement_offsets, lengths):
    """Fill lengths with the bytes of each edited text; returns the first row with invalid edits, or -1."""
    for row in range(len(offsets) - 1):
        base = offsets[row]
        size = offsets[row + 1] - base
        length = size
        position = 0
        for e in range(rows[row], rows[row + 1]):
            start, end = starts[e], ends[e]
            if start < position or end < start or end > size:
                return row
            if start < size and data[base + start] & 0xC0 == 0x80:
                return row
            if end < size and data[base + end] & 0xC0 == 0x80:
                return row
            length += replacement_offsets[e + 1] - replacement_offsets[e] - (end - start)
            position = end
        lengths[row] = length
    return -1


@kernel
def _write_edited(data, offsets, rows, starts, ends, replacement_data, replacement_offsets, out):
    at = 0
    for row in range(len(offsets) - 1):
        base = offsets[row]
        position = 0
        for e in range(rows[row], rows[row + 1]):
            kept = starts[e] - position
            out[at : at + kept] = data[base + position : base + starts[e]]
            at += kept
            size = replacement_offsets[e + 1] - replacement_offsets[e]
            out[at : at + size] = replacement_data[replacement_offsets[e] : replacement_offsets[e + 1]]
            at += size
            position = ends[e]
        kept = offsets[row + 1] - base - position
        out[at : at + kept] = data[base + position : offsets[row + 1]]
        at += kept


def apply_edits(texts: pa.Array, edits: pa.Array) -> pa.Array:
    """The edited texts (large_string); a null text stays null, a null list edits nothing.

    Raises ValueError for edits that are unsorted, overlap, pass the end of the text or split a character.
    """
    if len(texts) != len(edits):
        raise ValueError(f"found {len(texts)} texts and {len(edits)} lists of edits; expected as many")
    data, offsets = string_buffers(texts)
    e = edit_columns(edits)
    lengths = np.zeros(len(texts), np.int64)
    bad = _edited_lengths(data, offsets, e.rows, e.starts, e.ends, e.replacement_offsets, lengths)
    if bad >= 0:
        raise ValueError(f"row {bad}: found edits out of order, out of the text or inside a character")
    out_offsets = rows_of_counts(lengths)
    out = np.empty(out_offsets[-1], np.uint8)
    _write_edited(data, offsets, e.rows, e.starts, e.ends, e.replacement_data, e.replacement_offsets, out)
    edited = large_strings(out, out_offsets)
    if texts.null_count:
        edited = pc.if_else(pc.is_null(texts), pa.scalar(None, pa.large_string()), edited)
    return edited


@kernel
def _compose(a_rows, a_starts, a_ends, a_data, a_offsets, b_rows, b_starts, b_ends, b_data, b_offsets, out):
    """Merge first (a, on the original) and second (b, on the middle text) into groups of edits on the original.

    On the middle text an a covers its replacement. Edits that overlap there chain into one group, whose replacement is
    the b replacements and the parts of the a replacements that no b covers: between two members of a chain the text
    belongs to one of them, so the original is not needed. Edits that only touch stay apart.

    Writes the replacement bytes to `out`; returns (rows, starts, ends, offsets, group of each a, group of each b).
    """
    most = len(a_starts) + len(b_starts)
    rows = np.zeros(len(a_rows), np.int64)
    starts, ends, offsets = np.empty(most, np.int64), np.empty(most, np.int64), np.zeros(most + 1, np.int64)
    a_group, b_group = np.empty(len(a_starts), np.int64), np.empty(len(b_starts), np.int64)
    n = 0
    at = 0
    for row in range(len(a_rows) - 1):
        i, j = a_rows[row], b_rows[row]
        shift = 0  # middle position - original position, behind the a's passed so far
        while i < a_rows[row + 1] or j < b_rows[row + 1]:
            has_a, has_b = i < a_rows[row + 1], j < b_rows[row + 1]
            a_from = a_starts[i] + shift if has_a else 0
            a_to = a_from + a_offsets[i + 1] - a_offsets[i] if has_a else 0
            if not has_b or (has_a and a_to <= b_starts[j]):
                starts[n], ends[n] = a_starts[i], a_ends[i]
                size = a_to - a_from
                out[at : at + size] = a_data[a_offsets[i] : a_offsets[i + 1]]
                at += size
                a_group[i] = n
                shift = a_to - a_ends[i]
                i += 1
            elif not has_a or a_from >= b_ends[j]:
                starts[n], ends[n] = b_starts[j] - shift, b_ends[j] - shift
                size = b_offsets[j + 1] - b_offsets[j]
                out[at : at + size] = b_data[b_offsets[j] : b_offsets[j + 1]]
                at += size
                b_group[j] = n
                j += 1
            else:
                starts[n] = min(a_starts[i], b_starts[j] - shift)
                written = min(a_from, b_starts[j])  # middle text up to here is in `out` or replaced
                b_to = -1
                while True:  # alternately: the a at i is in the chain and joins every b it overlaps, and the reverse
                    if i < a_rows[row + 1] and (b_to < 0 or a_starts[i] + shift < b_to):
                        a_from = a_starts[i] + shift
                        a_to = a_from + a_offsets[i + 1] - a_offsets[i]
                        shift = a_to - a_ends[i]
                        a_group[i] = n
                        b_to = max(b_to, 0)
                        i += 1
                    elif j < b_rows[row + 1] and b_starts[j] < a_to:
                        if b_starts[j] > written:
                            size = b_starts[j] - written
                            source = a_offsets[i - 1] + written - a_from
                            out[at : at + size] = a_data[source : source + size]
                            at += size
                        size = b_offsets[j + 1] - b_offsets[j]
                        out[at : at + size] = b_data[b_offsets[j] : b_offsets[j + 1]]
                        at += size
                        b_to = b_ends[j]
                        written = b_to
                        b_group[j] = n
                        j += 1
                    else:
                        break
                if a_to > written:
                    size = a_to - written
                    out[at : at + size] = a_data[a_offsets[i] - size : a_offsets[i]]
                    at += size
                ends[n] = max(a_to, b_to) - shift
            n += 1
            offsets[n] = at
        rows[row + 1] = n
    return rows, starts[:n], ends[:n], offsets[: n + 1], a_group, b_group


def compose(first: pa.Array, second: pa.Array) -> pa.Array:
    """Edits on the original that do what `first` (on the original) and then `second` (on its result) do.

    apply_edits(texts, compose(a, b)) equals apply_edits(apply_edits(texts, a), b). Where edits of both overlap they
    become one edit; its reason joins theirs, sorted, with `+`.
    """
    if len(first) != len(second):
        raise ValueError(f"found {len(first)} and {len(second)} lists of edits; expected as many")
    a, b = edit_columns(first), edit_columns(second)
    out = np.empty(_replacement_bytes(a) + _replacement_bytes(b), np.uint8)
    rows, starts, ends, offsets, a_group, b_group = _compose(*a[:5], *b[:5], out)
    reasons = _joined_reasons(pa.concat_arrays([a.reasons, b.reasons]), np.concatenate([a_group, b_group]), len(starts))
    return edits_array(rows, starts, ends, large_strings(out[: offsets[-1]], offsets), reasons)


def _replacement_bytes(columns: EditColumns) -> int:
    return int(columns.replacement_offsets[-1] - columns.replacement_offsets[0])


def _joined_reasons(reasons: pa.Array, groups: np.ndarray, count: int) -> pa.Array:
    """The reason of each group; only groups of several edits with different reasons are joined one by one."""
    codes = reasons.dictionary_encode()
    names = codes.dictionary.to_pylist()
    pairs = np.unique(np.stack([groups, codes.indices.to_numpy()]), axis=1)
    first = np.searchsorted(pairs[0], np.arange(count))
    chosen = pairs[1, first]
    several = np.flatnonzero(np.bincount(pairs[0], minlength=count) > 1)
    joined: dict[str, int] = {name: code for code, name in enumerate(names)}
    for group in several:
        members = pairs[1, np.searchsorted(pairs[0], group) : np.searchsorted(pairs[0], group, "right")]
        atoms = {atom for member in members for atom in names[member].split(REASON_SEPARATOR)}
        chosen[group] = joined.setdefault(REASON_SEPARATOR.join(sorted(atoms)), len(joined))
    return pa.array(list(joined), pa.large_string()).take(pa.array(chosen))


def edit_statistics(edits: pa.Array) -> dict[str, Any]:
    """`{"edits": n, "removed_bytes": n, "added_bytes": n, "spans_by_reason": {reason: n}}` of an EDITS array.

    Bytes count the spans replaced and their replacements; an edit with a joined reason counts once for each part.
    """
    e = edit_columns(edits)
    spans: Counter[str] = Counter()
    for counted in pc.value_counts(e.reasons).to_pylist():
        for reason in counted["values"].split(REASON_SEPARATOR):
            spans[reason] += counted["counts"]
    return {
        "edits": len(e.starts),
        "removed_bytes": int((e.ends - e.starts).sum()),
        "added_bytes": _replacement_bytes(e),
        "spans_by_reason": dict(sorted(spans.items())),
    }


def chained_edits(texts: pa.Array, chain: tuple[tuple[str, Mapping[str, Any]], ...]) -> tuple[pa.Array, pa.Array]:
    """(edited texts, edits on the given texts) of transforms run one after the other, each with its options."""
    edits = no_edits(len(texts))
    for name, options in chain:
        step = transform(name)(texts, options)
        if len(step.values) == 0:
            continue
        texts = apply_edits(texts, step)
        edits = compose(edits, step)
    return texts, edits


def versioned_text(texts: pa.Array, version: str) -> tuple[pa.Array, pa.Array]:
    """(texts of the named version, edits that make them of the given originals); RecipeError for an unknown name."""
    if version not in TEXT_VERSIONS:
        raise RecipeError(f"text version {version!r}", expected=f"one of {', '.join(sorted(TEXT_VERSIONS))}")
    return chained_edits(texts, TEXT_VERSIONS[version])
