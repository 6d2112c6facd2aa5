"""How much RefinedWeb's line rules take from a page, and the whole of DCLM's RefinedWeb profile.

Source: DCLM, baselines_configs/dclm_baseline_refinedweb.yaml; Penedo et al. 2023 (RefinedWeb), G.2. The thresholds of
Gopher's rules are those of `gopher@dclm`, measured on the text without addresses and with squeezed line breaks.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.gopher.profiles import DCLM_QUALITY, DCLM_REPETITION
from gristmill.filters.refinedweb import scan as refinedweb_scan
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.kernels.buffers import string_buffers
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.signals import Family, Signal

CLEANED, LINES = "refinedweb_cleaned", "refinedweb_lines"  # text versions
MAX_REMOVED_WORD_FRACTION = 0.05
_CONFIG = "DCLM, baselines_configs/dclm_baseline_refinedweb.yaml"

FAMILY = Family(
    name="refinedweb",
    version=1,
    signals=(
        Signal("refinedweb_words", "int", "words", "fastText tokens that begin with an alphanumeric character"),
        Signal("refinedweb_kept_words", "int", "words", "the same, of what the line rules leave"),
        Signal(
            "refinedweb_removed_word_fraction",
            "float",
            "fraction",
            "words the line rules take, of all words; below 0 when a cut makes new ones",
            "the text has no such word",
        ),
    ),
    measure="gristmill.filters.refinedweb.signals:measure",
    source=f"{_CONFIG}, word_removal_ratio_filter",
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Words of `text` before and after the line rules; see FAMILY for the columns."""
    data, offsets = string_buffers(batch.column(0))
    counts = np.zeros((batch.num_rows, 2), dtype=np.int64)
    refinedweb_scan.word_counts(data, offsets, longest_document_bytes(offsets), CLASS, LOWER, counts)
    before, after = counts[:, 0], counts[:, 1]
    columns = [pa.array(before), pa.array(after), pa.array(divided(before - after, before))]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def _measured_on(rules: tuple[Rule, ...], text_version: str) -> tuple[Rule, ...]:
    return tuple(rule.model_copy(update={"signal": f"{rule.signal}@{text_version}"}) for rule in rules)


REFINEDWEB_DCLM = Profile(
    name="refinedweb@dclm",
    description="RefinedWeb's heuristics as DCLM runs them for DCLM-Baseline. Not in it, for they read other things than "
    "text: the URL lists (see the url family) and fastText's English score >= 0.65, which DCLM asks before these rules. Equal "
    "to DCLM's own code in text, rules and decisions (benchmarks/parity_dclm.py), with the top-level domains that DCLM knows.",
    source=_CONFIG,
    languages=("en",),
    text_version=LINES,
    rules=(
        *_measured_on(DCLM_QUALITY + DCLM_REPETITION, CLEANED),
        Rule(
            name="many_words_removed",
            signal=f"refinedweb_removed_word_fraction@{CLEANED}",
            keep=f"<= {MAX_REMOVED_WORD_FRACTION}",
            if_null="drop",
            source=f"{_CONFIG}, word_removal_ratio_filter; Penedo et al. 2023, G.2",
        ),
    ),
)
