"""C4's line rules as edits: which lines, citation marks and margins go, and why."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.c4 import scan as c4_scan
from gristmill.filters.c4.lines import DEFINITIONS
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.sentence_rule import ABBREVIATION_KEYS
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.filters.transforms.edit_arrays import constant_edits
from gristmill.kernels.buffers import string_buffers


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that turn each text into its kept lines, cleaned, joined with "\\n" and stripped.

    options: `definition`, one of `heuristics.c4.DEFINITIONS`. Reasons: long_word, no_terminal_mark, few_words,
    javascript, policy_notice (a whole line each), citation, white_space, line_break (another line end made "\\n", or
    the last one dropped). Applied, they give the text datatrove's C4QualityFilter writes for a document it keeps.
    """
    data, offsets = string_buffers(texts)
    space = c4_scan.workspace(longest_document_bytes(offsets))
    switches = DEFINITIONS[options["definition"]].switches
    document = (data, offsets, space, CLASS, LOWER, ABBREVIATION_KEYS, switches)
    edit_offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    c4_scan.edit_spans(*document, edit_offsets, nothing, nothing, nothing, False)
    starts, ends, codes = (np.zeros(int(edit_offsets[-1]), dtype=np.int64) for _ in range(3))
    c4_scan.edit_spans(*document, edit_offsets, starts, ends, codes, True)
    return constant_edits(edit_offsets, starts, ends, codes, c4_scan.REASONS)
