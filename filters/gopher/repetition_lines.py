# mypy: disallow-untyped-defs=False
"""Gopher's repeated line and paragraph quantities, each definition its own signal; no word is looked at.

Menus, headers and copied blocks show as lines that occur again (Rae et al. 2021, arXiv:2112.11446, A1.1, table A1).
Two things differ between implementations. What counts: `_after_first` leaves the first copy out, `_all_copies` counts
every copy of a line that occurs twice. And what a line is: stripped and non-blank (no tool in the name; DCLM's), every
piece of split("\\n") (`_dolma`), pieces between runs of newlines, empty ones at the sides included (`_datatrove`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.ngrams import fill_powers, fill_prefix_hashes, ngram_scratch, number_spans, prefix_span_hash
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.segments import drop_blank, newline_lines, newline_run_pieces, strip_span
from gristmill.filters.text.unicode_tables import CLASS, SPACE
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8
from gristmill.schemas.signals import Family, Signal

# rows of the kernel's result, one for each definition of a piece
LINES, PARAGRAPHS, LINES_DOLMA, LINES_DATATROVE, PARAGRAPHS_DATATROVE = range(5)
DEFINITIONS = 5
# its columns
AFTER_FIRST, AFTER_FIRST_CHARACTERS, ALL_COPIES, ALL_COPIES_CHARACTERS, PIECES, CHARACTERS = range(6)


@helper
def count_repeated(cps, starts, ends, pieces, prefixes, powers, scratch, row):
    """Fill one definition's row for the pieces of one document."""
    slots, hashes, _, first, counts, ids, _, _, _ = scratch
    for k in range(pieces):
        hashes[k] = prefix_span_hash(prefixes, powers, starts[k], ends[k])
        row[CHARACTERS] += ends[k] - starts[k]
    row[PIECES] = pieces
    distinct = number_spans(cps, starts, ends, pieces, hashes, slots, first, counts, ids)
    for piece in range(distinct):
        count, length = counts[piece], ends[first[piece]] - starts[first[piece]]
        if count > 1:
            row[AFTER_FIRST] += count - 1
            row[AFTER_FIRST_CHARACTERS] += (count - 1) * length
            row[ALL_COPIES] += count
            row[ALL_COPIES_CHARACTERS] += count * length


@helper
def visible_characters(cps, n, classes):
    visible = 0
    for i in range(n):
        visible += (classes[cps[i]] & SPACE) == 0
    return visible


@kernel
def count_batch(data, offsets, classes, cps, starts, ends, prefixes, powers, scratch):
    """int64 (documents, DEFINITIONS, 6), characters int64 (documents), non-space characters int64 (documents)."""
    counts = np.zeros((offsets.size - 1, DEFINITIONS, 6), np.int64)
    characters = np.zeros(offsets.size - 1, np.int64)
    visible = np.zeros(offsets.size - 1, np.int64)
    fill_powers(powers)
    for d in range(offsets.size - 1):
        n = decode_utf8(data, offsets[d], offsets[d + 1], cps)
        fill_prefix_hashes(cps, n, prefixes)
        out = counts[d]
        characters[d] = n
        visible[d] = visible_characters(cps, n, classes)
        pieces = newline_lines(cps, n, starts, ends)
        count_repeated(cps, starts, ends, pieces, prefixes, powers, scratch, out[LINES_DOLMA])
        pieces = drop_blank(cps, classes, starts, ends, pieces)
        count_repeated(cps, starts, ends, pieces, prefixes, powers, scratch, out[LINES])
        pieces = newline_run_pieces(cps, 0, n, 1, starts, ends)
        count_repeated(cps, starts, ends, pieces, prefixes, powers, scratch, out[LINES_DATATROVE])
        start, end = strip_span(cps, classes, 0, n)
        pieces = newline_run_pieces(cps, start, end, 2, starts, ends)
        count_repeated(cps, starts, ends, pieces, prefixes, powers, scratch, out[PARAGRAPHS_DATATROVE])
        pieces = drop_blank(cps, classes, starts, ends, pieces)
        count_repeated(cps, starts, ends, pieces, prefixes, powers, scratch, out[PARAGRAPHS])
    return counts, characters, visible


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    data, offsets = string_buffers(batch.column("text"))
    longest = longest_document_bytes(offsets)
    most_pieces = longest + 1
    starts, ends = np.empty(most_pieces, np.int32), np.empty(most_pieces, np.int32)
    prefixes, powers = np.empty(most_pieces, np.uint64), np.empty(most_pieces, np.uint64)
    cps = np.empty(longest, np.int32)
    counts, characters, visible = count_batch(
        data, offsets, CLASS, cps, starts, ends, prefixes, powers, ngram_scratch(most_pieces)
    )
    of = counts.transpose(1, 2, 0)
    columns = [
        divided(of[piece][what], of[piece][whole])
        for piece in (LINES, PARAGRAPHS)
        for what, whole in (
            (AFTER_FIRST, PIECES),
            (ALL_COPIES, PIECES),
            (AFTER_FIRST_CHARACTERS, CHARACTERS),
            (ALL_COPIES_CHARACTERS, CHARACTERS),
        )
    ]
    columns += [
        divided(of[LINES_DOLMA][ALL_COPIES], of[LINES_DOLMA][PIECES]),
        divided(of[LINES_DOLMA][ALL_COPIES_CHARACTERS], np.maximum(visible, 1)),
    ]
    for piece in (LINES_DATATROVE, PARAGRAPHS_DATATROVE):
        columns += [
            divided(of[piece][AFTER_FIRST], np.where(characters > 0, of[piece][PIECES], 0)),
            divided(of[piece][AFTER_FIRST_CHARACTERS], characters),
        ]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=FAMILY.schema)


def _piece_signals(piece: str, plural: str) -> tuple[Signal, ...]:
    blank = f"every {piece} is blank"
    return (
        Signal(
            f"dup_{piece}_fraction_after_first",
            "float",
            "fraction",
            f"{plural} equal to an earlier one / {plural}.",
            blank,
        ),
        Signal(
            f"dup_{piece}_fraction_all_copies",
            "float",
            "fraction",
            f"{plural} equal to another one / {plural} (DCLM).",
            blank,
        ),
        Signal(
            f"dup_{piece}_char_fraction_after_first",
            "float",
            "fraction",
            f"Characters of {plural} equal to an earlier one / characters of {plural}.",
            blank,
        ),
        Signal(
            f"dup_{piece}_char_fraction_all_copies",
            "float",
            "fraction",
            f"Characters of {plural} equal to another one / characters of {plural} (DCLM).",
            blank,
        ),
    )


_DOLMA_SIGNALS = (
    Signal("dup_line_fraction_dolma", "float", "fraction", "Lines of split('\\n') equal to another one / lines."),
    Signal(
        "dup_line_char_fraction_dolma",
        "float",
        "ratio",
        "Characters of lines of split('\\n') equal to another one / non-space characters (1 when none).",
    ),
)

_DATATROVE_SIGNALS = tuple(
    Signal(name, "float", "fraction", description, "the text is empty")
    for piece, pieces in (
        ("line", "pieces between runs of newlines, empty ones at the sides included,"),
        ("paragraph", "pieces of the stripped text between runs of two or more newlines"),
    )
    for name, description in (
        (f"dup_{piece}_fraction_datatrove", f"Share of {pieces} equal to an earlier one."),
        (
            f"dup_{piece}_char_fraction_datatrove",
            f"Characters of {pieces} equal to an earlier one / characters of the text, white space included.",
        ),
    )
)

FAMILY = Family(
    name="gopher_repetition_lines",
    version=1,
    measure="gristmill.filters.gopher.repetition_lines:measure",
    source="Rae et al. 2021, arXiv:2112.11446, table A1; Dolma taggers/gopher.py; DCLM content_filters.py; "
    "datatrove gopher_repetition_filter.py",
    signals=(
        *_piece_signals("line", "stripped, non-blank lines"),
        *_piece_signals("paragraph", "stripped, non-blank paragraphs"),
        *_DOLMA_SIGNALS,
        *_DATATROVE_SIGNALS,
    ),
)
