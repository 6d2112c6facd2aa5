"""C4's line rules as edits: which lines, citation marks and margins go, and why."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.heuristics.c4 import DEFINITIONS
from gristmill.filters.text.buffers import string_buffers
from gristmill.filters.text.sentence_rule import ABBREVIATION_KEYS
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.filters.transforms import c4_scan
from gristmill.schemas.edits import EDIT


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that turn each text into its kept lines, cleaned, joined with "\\n" and stripped.

    options: `definition`, one of `heuristics.c4.DEFINITIONS`. Reasons: long_word, no_terminal_mark, few_words,
    javascript, policy_notice (a whole line each), citation, white_space, line_break (another line end made "\\n", or
    the last one dropped). Applied, they give the text datatrove's C4QualityFilter writes for a document it keeps.
    """
    data, offsets = string_buffers(texts)
    longest = int(np.diff(offsets).max(initial=0))
    switches = DEFINITIONS[options["definition"]].switches
    document = (data, offsets, longest, CLASS, LOWER, ABBREVIATION_KEYS, switches)
    edit_offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    c4_scan.edit_spans(*document, edit_offsets, nothing, nothing, np.zeros(0, np.uint8), False)
    count = int(edit_offsets[-1])
    starts, ends, codes = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.uint8)
    c4_scan.edit_spans(*document, edit_offsets, starts, ends, codes, True)
    return edits_array(edit_offsets, starts, ends, codes, c4_scan.REASONS, codes == c4_scan.NEW_LINE)


def edits_array(
    offsets: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    codes: np.ndarray,
    reasons: tuple[str, ...],
    new_lines: np.ndarray,
) -> pa.Array:
    """An EDITS array: row r has the spans offsets[r] .. offsets[r + 1]; "\\n" replaces the spans in new_lines."""
    reason = pa.array(reasons, pa.large_string()).take(pa.array(codes.astype(np.int64)))
    replacement = pa.array(("", "\n"), pa.large_string()).take(pa.array(new_lines.astype(np.int64)))
    spans = pa.StructArray.from_arrays([pa.array(starts), pa.array(ends), replacement, reason], fields=list(EDIT))
    return pa.LargeListArray.from_arrays(pa.array(offsets), spans)
