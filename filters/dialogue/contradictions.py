"""Signals of rows that answer nearly the same prompt differently, measured by pipelines/select/contradictions."""

from gristmill.schemas.signals import Family, Signal

_NONE = "the row has no final answer, or no vector"

FAMILY = Family(
    name="contradictions",
    version=1,
    signals=(
        Signal(
            "contradiction_count",
            "int",
            "rows",
            "rows that stand with the same prompt, whose final answer is of the same kind and another one",
            _NONE,
        ),
        Signal(
            "contradicts_majority",
            "bool",
            "",
            "another answer to the same prompt is as frequent or more: of two that are as frequent, both are in the minority",
            f"{_NONE}, or nothing contradicts it",
        ),
    ),
    measure="",
    source="docs/curation.md",
    recipe_key="contradictions",
)
