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
from gristmill.filters.text.ngrams import ngram_scratch, number_spans
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.segments import drop_blank, newline_lines, newline_run_pieces
from gristmill.filters.text.text_masks import characters_of, read_text, stripped, text_masks
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.vectors import set_bits
from gristmill.kernels.xxh64 import xxh64_padded
from gristmill.schemas.signals import Family, Signal

# rows of the kernel's result, one for each definition of a piece
LINES, PARAGRAPHS, LINES_DOLMA, LINES_DATATROVE, PARAGRAPHS_DATATROVE = range(5)
DEFINITIONS = 5
# its columns
AFTER_FIRST, AFTER_FIRST_CHARACTERS, ALL_COPIES, ALL_COPIES_CHARACTERS, PIECES, CHARACTERS = range(6)


@helper
def count_repeated(reading, starts, ends, pieces, scratch, row):
    """Fill one definition's row for the pieces of one document."""
    slots, hashes, _, first, counts, ids, _, _, _ = scratch
    row[PIECES] = pieces
    for k in range(pieces):
        row[CHARACTERS] += characters_of(reading, starts[k], ends[k])
    if pieces < 2:
        return
    for k in range(pieces):
        hashes[k] = xxh64_padded(reading.text, starts[k], ends[k], 0)
    distinct = number_spans(reading.text, starts, ends, pieces, hashes, slots, first, counts, ids)
    if distinct == pieces:
        return
    for piece in range(distinct):
        count = counts[piece]
        if count > 1:
            length = characters_of(reading, starts[first[piece]], ends[first[piece]])
            row[AFTER_FIRST] += count - 1
            row[AFTER_FIRST_CHARACTERS] += (count - 1) * length
            row[ALL_COPIES] += count
            row[ALL_COPIES_CHARACTERS] += count * length


@helper
def copy_row(row, copy):
    for column in range(len(row)):
        copy[column] = row[column]


@helper
def visible_characters(reading, n):
    visible = 0
    for k in range((n >> 6) + 1):
        visible += set_bits(reading.firsts[k] & ~reading.spaces[k])
    return visible


@helper
def measure_text(reading, n, starts, ends, scratch, out):
    """Fill out (DEFINITIONS, 6); where two definitions cut the text alike, the second row is a copy of the first."""
    spaces, newlines = reading.spaces, reading.newlines
    lines = newline_lines(newlines, n, starts, ends)
    count_repeated(reading, starts, ends, lines, scratch, out[LINES_DOLMA])
    pieces, changed = drop_blank(spaces, starts, ends, lines)
    if changed:
        count_repeated(reading, starts, ends, pieces, scratch, out[LINES])
    else:
        copy_row(out[LINES_DOLMA], out[LINES])
    pieces = newline_run_pieces(newlines, 0, n, 1, starts, ends)
    if pieces < lines:
        count_repeated(reading, starts, ends, pieces, scratch, out[LINES_DATATROVE])
    else:
        copy_row(out[LINES_DOLMA], out[LINES_DATATROVE])
    start, end = stripped(spaces, 0, n)
    pieces = newline_run_pieces(newlines, start, end, 2, starts, ends)
    count_repeated(reading, starts, ends, pieces, scratch, out[PARAGRAPHS_DATATROVE])
    pieces, changed = drop_blank(spaces, starts, ends, pieces)
    if changed:
        count_repeated(reading, starts, ends, pieces, scratch, out[PARAGRAPHS])
    else:
        copy_row(out[PARAGRAPHS_DATATROVE], out[PARAGRAPHS])


@kernel
def count_batch(data, offsets, classes, reading, starts, ends, scratch):
    """int64 (documents, DEFINITIONS, 6), characters int64 (documents), non-space characters int64 (documents)."""
    counts = np.zeros((offsets.size - 1, DEFINITIONS, 6), np.int64)
    characters = np.zeros(offsets.size - 1, np.int64)
    visible = np.zeros(offsets.size - 1, np.int64)
    for d in range(offsets.size - 1):
        n = read_text(data, offsets[d], offsets[d + 1], classes, reading)
        characters[d] = characters_of(reading, 0, n)
        visible[d] = visible_characters(reading, n)
        measure_text(reading, n, starts, ends, scratch, counts[d])
    return counts, characters, visible


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    data, offsets = string_buffers(batch.column("text"))
    longest = longest_document_bytes(offsets)
    most_pieces = longest + 1
    starts, ends = np.empty(most_pieces, np.int32), np.empty(most_pieces, np.int32)
    counts, characters, visible = count_batch(
        data, offsets, CLASS, text_masks(longest), starts, ends, ngram_scratch(most_pieces)
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
