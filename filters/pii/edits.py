"""The transform: a placeholder or a pseudonym for each value, until a scan of the result finds nothing more."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.options import with_defaults
from gristmill.filters.pii.find import LIKELY_SCORE, PiiFinding, find, has_candidates
from gristmill.filters.pii.kinds import PATTERN_KINDS, PLACEHOLDERS
from gristmill.filters.pii.pseudonyms import Pseudonyms
from gristmill.filters.transforms.apply import apply_edits, compose
from gristmill.filters.transforms.edit_arrays import edits_array, no_edits, replaced_rows, rows_of_counts
from gristmill.kernels.buffers import string_buffers

MASK, PSEUDONYM = "mask", "pseudonym"
Finder = Callable[[pa.Array, Mapping[str, Any]], list[list[PiiFinding]]]


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that mask every value that a pattern finds. Option `min_score`: see `find`."""
    chosen = with_defaults(options, {"min_score": LIKELY_SCORE}, "pii")
    return pii_edits(texts, dict.fromkeys(PATTERN_KINDS, MASK), chosen)


def pii_edits(
    texts: pa.Array,
    actions: Mapping[str, str],
    options: Mapping[str, Any],
    pseudonyms: Pseudonyms | None = None,
    finder: Finder = find,
) -> pa.Array:
    """EDITS that replace the values of the kinds in `actions` ("mask" or "pseudonym"); the reason is `pii_<kind>`.

    A replacement can bring a word next to what was too far away to be named by it, so the result is scanned until
    nothing is found. That ends: each scan turns some text into values in which nothing is ever found.
    """
    texts = texts.cast(pa.large_string())
    found = no_edits(len(texts))
    rows = pc.indices_nonzero(has_candidates(texts, options) if not options.get("model") else pc.is_valid(texts))
    while len(rows):
        now = texts.take(rows)
        step = _replacements(now, finder(now, options), actions, pseudonyms)
        changed = pc.indices_nonzero(pc.greater(pc.list_value_length(step), 0))
        rows, step, now = rows.take(changed), step.take(changed), now.take(changed)
        if not len(rows):
            break
        found = replaced_rows(found, rows, compose(found.take(rows), step))
        texts = replaced_rows(texts, rows, apply_edits(now, step))
    return found


def _replacements(
    texts: pa.Array, found: list[list[PiiFinding]], actions: Mapping[str, str], pseudonyms: Pseudonyms | None
) -> pa.Array:
    """EDITS of one scan."""
    data, offsets = string_buffers(texts)
    counts = np.zeros(len(texts), np.int64)
    starts, ends, replacements, reasons = [], [], [], []
    for row, values in enumerate(found):
        for value in values:
            if value.kind not in actions:
                continue
            counts[row] += 1
            starts.append(value.start)
            ends.append(value.end)
            reasons.append(f"pii_{value.kind}")
            if actions[value.kind] == PSEUDONYM:
                assert pseudonyms is not None
                raw = data[offsets[row] + value.start : offsets[row] + value.end].tobytes().decode()
                replacements.append(pseudonyms.of(value.kind, raw))
            else:
                replacements.append(PLACEHOLDERS[value.kind])
    return edits_array(
        rows_of_counts(counts),
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        pa.array(replacements, pa.large_string()),
        pa.array(reasons, pa.large_string()),
    )


def masked(text: str, options: Mapping[str, Any], finder: Finder = find) -> str:
    """One text with a placeholder for every value, for people's eyes."""
    texts = pa.array([text], pa.large_string())
    changes = pii_edits(texts, dict.fromkeys(PLACEHOLDERS, MASK), options, finder=finder)
    return str(apply_edits(texts, changes)[0].as_py())
