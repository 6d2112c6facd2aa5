"""The signals of decontamination: for each evaluation set, how much of its items a document holds.

They are measured by pipelines/decontamination, which knows the whole corpus: how rare an n-gram is, is part of the value.
"""

from gristmill.schemas.signals import Family, Signal


def family_name(evaluation_set: str) -> str:
    return f"contamination_{evaluation_set}"


def overlap_signal(evaluation_set: str) -> str:
    return f"contamination_{evaluation_set}_overlap"


def match_signal(evaluation_set: str) -> str:
    return f"contamination_{evaluation_set}_match"


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
        measure="",
        source="docs/decontamination.md",
        recipe_key="decontaminate: {sets: [...]}",
    )
