# mypy: disallow-untyped-defs=False
"""Line ends and blanks: LF only, no blanks at line ends, no runs of spaces, no runs of empty lines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.options import with_defaults
from gristmill.filters.transforms.edit_arrays import constant_edits
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel

DEFAULT_OPTIONS = {"collapse_spaces": True, "keep_indentation": True, "max_newlines": 2}
EDIT_KINDS = [
    ("", "carriage_return"),
    ("\n", "carriage_return"),
    ("", "trailing_spaces"),
    ("", "extra_spaces"),
    ("", "extra_newlines"),
]
# Scalars with a type: numba would compile what is called with a plain constant once for each of them.
_CR_BEFORE_LF, _LONE_CR, _TRAILING, _SPACES, _NEWLINES = np.arange(5, dtype=np.int8)


@helper
def _blanks_end(data, i, end):
    """(position behind the run of spaces, tabs and no-break spaces at i, how many, whether one is a tab)."""
    count = 0
    tab = False
    while i < end:
        if data[i] == 0x20 or data[i] == 0x09:
            tab = tab or data[i] == 0x09
            i += 1
        elif data[i] == 0xC2 and data[i + 1] == 0xA0:
            i += 2
        else:
            break
        count += 1
    return i, count, tab


@helper
def _put(starts, ends, codes, n, first, start, end, code):
    """Append an edit, or lengthen the last one when it deletes up to here for the same reason."""
    if n > first and ends[n - 1] == start and codes[n - 1] == code and code != _LONE_CR:
        ends[n - 1] = end
        return n
    starts[n], ends[n], codes[n] = start, end, code
    return n + 1


@helper
def _scan(data, base, end, collapse, indentation, max_newlines, starts, ends, codes, n):
    """Append the edits of data[base:end]; returns the new number of edits."""
    first = n
    newlines = 0
    line_start = True
    i = base
    while i < end:
        b = data[i]
        if b == 0x0A or b == 0x0D:
            newlines += 1
            stop = i + 2 if b == 0x0D and i + 1 < end and data[i + 1] == 0x0A else i + 1
            if max_newlines > 0 and newlines > max_newlines:
                n = _put(starts, ends, codes, n, first, i - base, stop - base, _NEWLINES)
            elif stop == i + 2:
                n = _put(starts, ends, codes, n, first, i - base, i + 1 - base, _CR_BEFORE_LF)
            elif b == 0x0D:
                n = _put(starts, ends, codes, n, first, i - base, stop - base, _LONE_CR)
            line_start = True
            i = stop
        elif b == 0x20 or b == 0x09 or b == 0xC2:
            stop, count, tab = _blanks_end(data, i, end)
            if count == 0:
                newlines = 0
                line_start = False
                i += 2
                continue
            if stop == end or data[stop] == 0x0A or data[stop] == 0x0D:
                n = _put(starts, ends, codes, n, first, i - base, stop - base, _TRAILING)
            elif collapse and count > 1 and not tab and not (line_start and indentation):
                kept = 1 if b == 0x20 else 2
                n = _put(starts, ends, codes, n, first, i + kept - base, stop - base, _SPACES)
            i = stop
        else:
            newlines = 0
            line_start = False
            i += 1
    return n


@kernel
def _scan_batch(data, offsets, collapse, indentation, max_newlines, rows, starts, ends, codes):
    n = 0
    for row in range(len(offsets) - 1):
        if n + offsets[row + 1] - offsets[row] > len(starts):
            more = 2 * len(starts) + offsets[row + 1] - offsets[row]
            starts, ends, codes = _longer(starts, more), _longer(ends, more), _longer(codes, more)
        n = _scan(data, offsets[row], offsets[row + 1], collapse, indentation, max_newlines, starts, ends, codes, n)
        rows[row + 1] = n
    return starts[:n], ends[:n], codes[:n]


@kernel
def _longer(values, size):
    out = np.empty(size, values.dtype)
    out[: len(values)] = values
    return out


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """Edits that tidy blanks; blanks are space, tab and no-break space.

    Always: CRLF and CR become LF, blanks before a line end or the end of the text go.
    collapse_spaces: a run of spaces and no-break spaces without a tab keeps its first.
    keep_indentation: but not at the start of a line.
    max_newlines: longer runs of line ends, blanks between them included, are cut to so many; 0 is off.
    """
    chosen = with_defaults(options, DEFAULT_OPTIONS, "whitespace")
    data, offsets = string_buffers(texts)
    rows = np.zeros(len(texts) + 1, np.int64)
    empty = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024, np.int8)
    flags = bool(chosen["collapse_spaces"]), bool(chosen["keep_indentation"]), int(chosen["max_newlines"])
    starts, ends, codes = _scan_batch(data, offsets, *flags, rows, *empty)
    return constant_edits(rows, starts, ends, codes, EDIT_KINDS)
