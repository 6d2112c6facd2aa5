# mypy: disallow-untyped-defs=False
"""Loops of a text: a stretch that repeats itself without a gap, as models do that do not find their end.

A loop is a stretch of at least MIN_CHARACTERS with period p that holds its period at least MIN_REPEATS times and has a
letter or a digit (a ruled line is no loop). Characters, not words, so that it holds in every script.

Cost: linear. Each position asks when its next GRAM characters last occurred; the distance is a candidate for the period,
and is extended as far as it holds. No stretch is extended twice for the same distance, and the extensions of one text
together are bounded by WORK times its length (only texts made for it come near).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.unicode_tables import ALNUM, CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.hashing import murmur64
from gristmill.kernels.utf8 import decode_utf8
from gristmill.schemas.signals import Family, Signal

GRAM = 8  # characters that must occur again before a distance is tried
MIN_REPEATS = 3
MIN_CHARACTERS = 20
WORK = 32

CHARACTERS, COVERED, PERIOD, REPEATS = range(4)

FAMILY = Family(
    name="loops",
    version=1,
    signals=(
        Signal("loop_repeats", "int", "times", "how often the longest loop holds its period; 0 without a loop"),
        Signal("loop_period", "int", "characters", "period of the longest loop", "there is no loop"),
        Signal("loop_character_fraction", "float", "fraction", "characters inside loops", "the text is empty"),
    ),
    measure="gristmill.filters.dialogue.loops:measure",
    source="Holtzman et al. 2020 (arXiv:1904.09751) on degenerate repetition; the definition is this file's",
)


@helper
def _same(cps, a, b):
    same = 0
    while same < GRAM and cps[a + same] == cps[b + same]:
        same += 1
    return same == GRAM


@helper
def _has_letter(cps, start, end, classes):
    while start < end and not classes[cps[start]] & ALNUM:
        start += 1
    return start < end


@kernel
def _loops(cps, n, classes, table, out):
    """Fill `out` for one text of n code points. table: scratch, a power of two of at least 2 n entries."""
    size = 2
    while size < 2 * n:
        size *= 2
    table[:size] = -1
    mask = np.uint64(size - 1)
    out[CHARACTERS] = n
    longest, work, floor = 0, WORK * n, 0
    tried, tried_until = 0, 0
    i = 0
    while i + GRAM <= n:
        key = np.uint64(0)
        for k in range(GRAM):
            key = key * np.uint64(0x9E3779B97F4A7C15) + np.uint64(cps[i + k])
        slot = np.int64(murmur64(key) & mask)
        before, table[slot] = table[slot], i
        period = i - before
        if before < 0 or (period == tried and i < tried_until) or work <= 0 or not _same(cps, before, i):
            i += 1
            continue
        end = i + GRAM
        while end < n and cps[end] == cps[end - period]:
            end += 1
        work -= end - i
        tried, tried_until = period, end - GRAM + 1
        start = before
        if end - i >= (MIN_REPEATS - 2) * period:  # two copies at least are seen: it may have begun before
            while start > floor and i - start < 2 * period and cps[start - 1] == cps[start - 1 + period]:
                start -= 1
                work -= 1
        length = end - start
        if (
            length < MIN_CHARACTERS
            or length < MIN_REPEATS * period
            or not _has_letter(cps, start, start + period, classes)
        ):
            i += 1
            continue
        out[COVERED] += end - max(start, floor)
        if length > longest:
            longest, out[PERIOD], out[REPEATS] = length, period, length // period
        floor = end
        i = end


@kernel
def find_loops(data, offsets, longest, classes, out):
    """Fill out (rows, 4)."""
    cps = np.empty(longest, np.int32)
    size = 2
    while size < 2 * longest:
        size *= 2
    table = np.empty(size, np.int64)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        _loops(cps, n, classes, table, out[row])


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The loops of `text`; see FAMILY for the columns."""
    data, offsets = string_buffers(batch.column("text"))
    out = np.zeros((batch.num_rows, 4), np.int64)
    find_loops(data, offsets, longest_document_bytes(offsets), CLASS, out)
    none = out[:, REPEATS] == 0
    columns = [
        pa.array(out[:, REPEATS]),
        pa.array(out[:, PERIOD], mask=none),
        pa.array(divided(out[:, COVERED], out[:, CHARACTERS])),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def loops_plainly(text: str) -> tuple[int, int | None, int]:
    """(repeats of the longest loop, its period, characters in loops): every period is tried on every text."""
    covered: set[int] = set()
    longest, found, repeats = 0, None, 0
    for period in range(1, len(text) // MIN_REPEATS + 1):
        start = 0
        while start + period < len(text):
            end = start + period
            while end < len(text) and text[end] == text[end - period]:
                end += 1
            length = end - start
            wide = length >= MIN_CHARACTERS and length >= MIN_REPEATS * period
            if wide and any(char.isalnum() for char in text[start : start + period]):
                covered |= set(range(start, end))
                if length > longest:
                    longest, found, repeats = length, period, length // period
            start = end - period + 1
    return repeats, found, len(covered)
