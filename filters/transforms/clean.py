"""The version `clean`: encoding repair, NFC, no controls, tidy blanks, repeated until a pass changes nothing.

One step can give another one work (a removed control brings a letter and its accent together), so a single pass in any
order is not stable. A pass rereads only the texts that the pass before it changed.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.options import with_defaults
from gristmill.filters.transforms.apply import chained_edits, compose
from gristmill.filters.transforms.edit_arrays import replaced_rows

STEPS = ("encoding_repair", "nfc", "control_characters", "whitespace")
DEFAULT_OPTIONS: dict[str, Any] = {step: {} for step in STEPS}
MAX_PASSES = 8


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """Edits to the clean text; an option named like a step holds that step's options."""
    chosen = with_defaults(options, DEFAULT_OPTIONS, "clean")
    chain = tuple((step, chosen[step]) for step in STEPS)
    texts, found = chained_edits(texts, chain)
    for _ in range(MAX_PASSES - 1):
        changed = pc.greater(pc.list_value_length(found), 0)
        if not pc.any(changed).as_py():
            break
        rows = pc.indices_nonzero(changed)
        again, more = chained_edits(texts.take(rows), chain)
        if len(more.values) == 0:
            break
        found = replaced_rows(found, rows, compose(found.take(rows), more))
        texts = replaced_rows(texts.cast(pa.large_string()), rows, again)
    return found
