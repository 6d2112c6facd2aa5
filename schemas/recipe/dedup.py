"""The recipe's `dedup:`: which documents count as copies of each other, and which of them is kept."""

from typing import Annotated, Any, Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.recipe.curate import SemanticDedup
from gristmill.schemas.recipe.cuts import ONLY_HOW, LineDedup, Substrings
from gristmill.schemas.rows.duplicates import ORDER_COLUMNS
from gristmill.schemas.strict import Strict
from pydantic import AfterValidator, Field, model_validator

Scope = Literal["global", "source", "snapshot"]
Normalisation = Literal["case", "whitespace", "digits", "punctuation", "accents"]


def _check_preferences(keys: tuple[str, ...]) -> tuple[str, ...]:
    if len(keys) > ORDER_COLUMNS:
        raise ValueError(f"found {len(keys)} preferences; expected {ORDER_COLUMNS} at most")
    for key in keys:
        words = key.split()
        known = key in ("longest", "oldest", "newest", "source_priority")
        if not known and not (len(words) == 2 and words[0] in ("highest", "lowest")):
            raise ValueError(
                f"found {key!r}; expected longest, oldest, newest, source_priority, 'highest SIGNAL' or 'lowest SIGNAL'"
            )
    return keys


Preferences = Annotated[tuple[str, ...], AfterValidator(_check_preferences)]
DEFAULT_SURVIVOR = ("source_priority", "oldest")


class ExactDedup(Strict):
    """Documents with the same content hash: one survivor of each group is kept.

    view: the text version that is compared, such as a view of the row (`prompt`); None: the whole text.
    normalise: differences that do not count. survivor: first difference decides; `longest`, `oldest`, `newest`,
    `source_priority`, `highest SIGNAL`, `lowest SIGNAL`; the content hash and the id break every tie.
    """

    view: str | None = None
    normalise: tuple[Normalisation, ...] = ()
    scope: Scope = "global"
    survivor: Preferences = DEFAULT_SURVIVOR


class ShinglingOptions(Strict):
    """The overlapping runs of words (or of characters, in scripts without spaces) that documents are compared by.

    normalise: differences that do not count. Digits and accents do by default: numbers are what tables and exercises
    are about, and a date that changes on a page moves its similarity by a few shingles only.
    """

    unit: Literal["auto", "word", "character"] = "auto"
    words: int = Field(5, ge=1)
    characters: int = Field(8, ge=1)
    normalise: tuple[Normalisation, ...] = ("case", "punctuation", "whitespace")


class NearDedup(Strict):
    """Documents of Jaccard similarity `similarity` or more: found by MinHash LSH, verified, one of them kept.

    view: the text version that is compared, such as a view of the row (`prompt`); None: the whole text.
    recall: the least probability with which a pair of exactly that similarity is found; bands and rows follow from it
    unless given. verify: the true Jaccard of the shingles, or its estimate from the signatures.
    link: `star` drops a document if and only if it is similar to a kept one before it in survivor order; `component`
    keeps the first document of every connected component, however long the chain.
    max_hubs: kept documents of a bucket that later ones are compared with, the rest is counted.
    survivor: None takes what `exact` says. against: finished runs whose kept documents come before every new one.
    index_store: what verification against this run will read: `documents` (their texts), or `shingles` stored for every
    document (about as large as the text).
    """

    view: str | None = None
    shingle: ShinglingOptions = Field(default_factory=ShinglingOptions)
    permutations: int = Field(112, ge=1, le=4096)
    seed: int = Field(1, ge=0, lt=1 << 32)
    similarity: float = Field(0.8, gt=0, lt=1)
    recall: float = Field(0.9, gt=0, lt=1)
    bands: int | None = Field(None, ge=1, le=4096)
    rows: int | None = Field(None, ge=1)
    verify: Literal["shingles", "signature"] = "shingles"
    link: Literal["star", "component"] = "star"
    scope: Scope = "global"
    survivor: Preferences | None = None
    max_hubs: int = Field(64, ge=1)
    against: tuple[RecipePath, ...] = ()
    index_store: Literal["documents", "shingles"] = "documents"

    @model_validator(mode="after")
    def _bands_with_rows(self) -> "NearDedup":
        if (self.bands is None) != (self.rows is None):
            raise ValueError("bands and rows are given together or not at all")
        if self.bands is not None and self.rows is not None and self.bands * self.rows > self.permutations:
            raise ValueError(f"{self.bands} bands of {self.rows} rows need {self.bands * self.rows} permutations")
        return self


class Dedup(Strict):
    exact: ExactDedup | None = Field(default_factory=ExactDedup)
    near: NearDedup | None = None
    semantic: SemanticDedup | None = None
    lines: LineDedup | None = None
    substrings: Substrings | None = None

    @property
    def finds_any(self) -> bool:
        """Whether any kind of duplicate is looked for."""
        return self.exact is not None or self.near is not None

    @property
    def exact_order(self) -> tuple[str, ...]:
        """Survivor preferences among exact copies."""
        return self.exact.survivor if self.exact else ()

    @property
    def near_order(self) -> tuple[str, ...]:
        """Survivor preferences among near and semantic duplicates."""
        if self.near is None and self.semantic is None:
            return ()
        if self.near is not None and self.near.survivor is not None:
            return self.near.survivor
        return self.exact.survivor if self.exact else DEFAULT_SURVIVOR

    @property
    def cutting(self) -> dict[str, Any]:
        """The options that say what text is cut, empty when none is."""
        options = {"lines": self.lines, "substrings": self.substrings}
        return {name: chosen.model_dump(exclude=ONLY_HOW) for name, chosen in options.items() if chosen is not None}

    @property
    def cut_order(self) -> tuple[str, ...]:
        """Survivor preferences that say which copy of a line or substring is the first."""
        return self.exact.survivor if self.exact else DEFAULT_SURVIVOR
