"""Signals of preference pairs that only the whole set gives, measured by pipelines/preferences."""

from gristmill.filters.pairs.sides import ROWS
from gristmill.schemas.signals import Family, Signal

KEY = "preferences"

CYCLES = Family(
    name="pair_cycles",
    version=1,
    signals=(
        Signal(
            "pair_in_cycle",
            "bool",
            "",
            "pairs of the same prompt lead from the rejected answer back to the chosen one (A over B, B over C, C over A)",
            "the pair has no prompt, or an answer is missing",
        ),
        Signal("prompt_pair_count", "int", "pairs", "pairs that have this prompt", "the pair has no prompt"),
    ),
    measure="",
    source="docs/curation.md",
    rows=ROWS,
    recipe_key=f"{KEY}: {{cycles: true}}",
)

LABEL_NOISE = Family(
    name="label_noise",
    version=1,
    signals=(
        Signal(
            "label_probability",
            "float",
            "probability",
            "that the chosen answer is the better one, by a model of what answers differ in that saw no pair of this prompt",
            "an answer is missing",
        ),
    ),
    measure="",
    source="docs/curation.md; Northcutt et al. 2021 (arXiv:1911.00068)",
    rows=ROWS,
    recipe_key=f"{KEY}: {{label_noise: {{}}}}",
)
