"""The signals of decontamination: for each evaluation set, how much of its items a document holds.

They are measured by pipelines/decontaminate, which knows the whole corpus: how rare an n-gram is, is part of the value.
"""

from typing import Any

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.signals import Family, Signal


def family_name(evaluation_set: str) -> str:
    return f"contamination_{evaluation_set}"


def overlap_signal(evaluation_set: str) -> str:
    return f"contamination_{evaluation_set}_overlap"


def match_signal(evaluation_set: str) -> str:
    return f"contamination_{evaluation_set}_match"


def refuse(*_: Any) -> None:
    """RecipeError: a document alone does not say how rare its n-grams are."""
    raise RecipeError(
        "contamination is no family to list under `signals`, and its rules need their set",
        expected="the evaluation set under `decontaminate: {sets: [...]}`",
    )


def named_family(evaluation_set: str) -> Family:
    """`contamination_<set>`; null for a document that holds no n-gram of the set."""
    none = "the document shares no n-gram with the set"
    return Family(
        name=family_name(evaluation_set),
        version=1,
        signals=(
            Signal(
                overlap_signal(evaluation_set),
                "float",
                "fraction",
                f"of the n-grams of one item of `{evaluation_set}`, weighted by rarity; the greatest of any item and n",
                none,
            ),
            Signal(
                match_signal(evaluation_set),
                "int",
                "words",
                f"longest run of words shared with an item of `{evaluation_set}`",
                none,
            ),
        ),
        measure="gristmill.filters.decontamination.family:refuse",
        source="docs/decontamination.md",
        check="gristmill.filters.decontamination.family:refuse",
    )
