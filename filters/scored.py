"""Signals that are computed elsewhere and joined by id: a column of scores each (`scores:` of a recipe)."""

from gristmill.schemas.signals import Family, Signal

PREFIX = "scored"


def family_name(score: str) -> str:
    return f"{PREFIX}_{score}"


def named_family(score: str) -> Family:
    """`scored_<name>`, joined by pipelines/measure/scores."""
    name = family_name(score)
    return Family(
        name=name,
        version=1,
        signals=(
            Signal(
                name,
                "float",
                "",
                f"the column of the recipe's score `{score}`, joined by id",
                "the row's id is not among the scores, or its value is no finite number",
            ),
        ),
        measure="",
        source="docs/curation.md",
        recipe_key="scores",
    )
