"""The recipe's `decontaminate:`: evaluation sets, how documents are compared with them, and when one is contaminated.

Measured once, on every document, against every evaluation set: verified runs of words that a document and an item of
a set share. Thresholds are applied to what is stored, so another policy reads no text.
"""

from typing import Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.recipe.cuts import LossLimit
from gristmill.schemas.recipe.source import READER_NOTES
from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator, model_validator

RULE_PREFIX = "contamination/"  # `contamination/<set>` in decisions/
MATCH_RULE_SUFFIX = "_match"  # `contamination/<set>_match`: for the length of a match
Ignored = Literal["case", "whitespace", "digits", "punctuation", "accents"]


class EvaluationSet(Strict):
    """One evaluation set, as files whose records are its items.

    fields: the fields whose text makes an item; `a.b` reaches into nested objects and into every element of a list, and
    a field that holds a list or an object stands for all strings in it. N-grams never run from one string to the next.
    id: a field that names the item; else its place, `path#position`.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*(_[A-Za-z0-9-]+)*$")
    path: RecipePath | tuple[RecipePath, ...]
    fields: tuple[str, ...] = Field(min_length=1)
    format: Literal["auto", "json", "jsonl", "csv", "parquet", "datasets"] = "auto"
    id: str | None = None

    @field_validator("id")
    @classmethod
    def _check_id(cls, name: str | None) -> str | None:
        if name in READER_NOTES:
            raise ValueError(f"found {name!r}; expected a field that is none of the readers' own notes")
        return name


class ContaminationPolicy(LossLimit):
    """When a document counts as contaminated by an item, and what becomes of it.

    min_overlap: share of the item's n-grams, weighted by rarity, that the document holds, for any of the n.
    min_match: words of the longest verified match from which it counts whatever the overlap; None: never. 10 finds items
        that were cut in half or in three (docs/decontamination.md has the curve).
    action: `drop` the document, or `cut` the matched text out of it (`max_loss_fraction` and `above_max_loss` say what
    becomes of a document that loses much).
    """

    min_overlap: float = Field(0.5, gt=0, le=1)
    min_match: int | None = Field(10, ge=1)
    action: Literal["drop", "cut"] = "drop"


class Decontaminate(ContaminationPolicy):
    """Evaluation sets, how text is compared with them, and the policy unless the recipe's `policy` gives another.

    ngrams: lengths in words. The least one is what matches are made of; overlaps are counted for each.
    min_words: a string of fewer words is not looked for; one of at least so many but fewer than n is one n-gram.
    max_items: an n-gram in more items of a set than this is the set's template and counts for nothing.
    normalise: differences that do not count.
    view: the view of the rows that is compared, such as `prompt`; None: the whole text.
    """

    sets: tuple[EvaluationSet, ...] = Field(min_length=1)
    ngrams: tuple[int, ...] = Field((8, 13), min_length=1)
    min_words: int = Field(5, ge=1)
    max_items: int = Field(10, ge=1)
    normalise: tuple[Ignored, ...] = ("case", "punctuation", "whitespace")
    view: str | None = None

    @field_validator("ngrams")
    @classmethod
    def _rising(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if any(n < 1 or n > 64 for n in lengths) or len(set(lengths)) < len(lengths):
            raise ValueError(f"found {list(lengths)}; expected different lengths of 1 to 64 words")
        return tuple(sorted(lengths))

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Decontaminate":
        names = [one.name for one in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two evaluation sets are named {name!r}; expected unique names")
            if name.endswith(MATCH_RULE_SUFFIX):
                raise ValueError(f"found the name {name!r}; expected one that does not end in {MATCH_RULE_SUFFIX!r}")
        return self

    @property
    def measurement(self) -> dict[str, object]:
        """What of it decides the measurement, beyond the items."""
        chosen = {"names": [one.name for one in self.sets], "ngrams": list(self.ngrams), "min_words": self.min_words}
        chosen |= {"max_items": self.max_items, "normalise": sorted(self.normalise)}
        return chosen if self.view is None else {**chosen, "view": self.view}
