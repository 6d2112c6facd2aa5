"""The recipe's `embed:`, `select:` and `dedup.semantic:`: vectors of rows, and what is chosen by them."""

from typing import Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator, model_validator

HASHED = "hashed"


class Embed(Strict):
    """Vectors of all rows, measured once.

    view: the text of a row that is read: a text version, such as `prompt` or `response+clean`; `whole`: all of it.
    model: `hashed` needs none: hashed words and characters weighted by rarity; else the folder of a model2vec model or of a
    Hugging Face encoder. dimension, seed: of `hashed`.
    """

    view: str = "whole"
    model: RecipePath | Literal["hashed"] = HASHED
    dimension: int = Field(256, ge=8, le=4096)
    seed: int = Field(1, ge=0, lt=1 << 31)

    @field_validator("model", mode="wrap")
    @classmethod
    def _hashed_is_no_path(cls, value, handler):  # type: ignore[no-untyped-def]
        return value if value == HASHED else handler(value)


class Select(Strict):
    """A budget of rows, chosen among those that pass all rules and are no duplicates.

    budget: rows, or a fraction of those that pass. method:
        deita: walk from the highest score down, leave out what has a cosine similarity above `max_similarity` with a row
            already selected, stop at the budget (Liu et al. 2024, arXiv:2312.15685);
        k_center: always the row that is least similar to what is selected (Sener and Savarese 2018);
        facility_location: greedily the row that raises the sum over all rows of the similarity to the nearest selected;
        clusters: from each topic in proportion to its size, the highest scores first.
    by: a numeric signal (`name` or `name@view`), or several with + - * / between spaces (`scored_complexity * scored_quality`);
        higher is better, rows without a value come last. Without `by`, and among equal values, the order is drawn from the
        ids and `seed`.
    max_similarity: of `deita`. topics: of `clusters`, and of the report; None: from the number of rows.
    neighbours: `exact` compares with every selected row, `approximate` with those in the nearest cells of an index (extra
        `curate`); `auto` is exact up to 20 billion pairs.
    """

    budget: int | float = Field(gt=0)
    method: Literal["deita", "k_center", "facility_location", "clusters"] = "deita"
    by: str | None = None
    max_similarity: float = Field(0.9, gt=-1, le=1)
    topics: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)
    neighbours: Literal["auto", "exact", "approximate"] = "auto"

    @model_validator(mode="after")
    def _fraction_or_rows(self) -> "Select":
        if isinstance(self.budget, float) and self.budget > 1:
            raise ValueError(f"budget: found {self.budget}; expected a whole number of rows, or a fraction up to 1.0")
        return self

    def rows_of(self, candidates: int) -> int:
        """The budget in rows."""
        wanted = self.budget if isinstance(self.budget, int) else int(self.budget * candidates)
        return min(candidates, wanted)


class Contradictions(Strict):
    """Pairs of rows whose prompts (the view of `embed:`) have a cosine similarity of `min_similarity` or more, and whose final
    answers differ: another number, another option's letter, yes and no.

    answers: the view that is answered with; None: `response` of a conversation, `answer` of a prompt.
    neighbours: as in `select:`.
    """

    min_similarity: float = Field(0.95, gt=0, le=1)
    answers: str | None = None
    neighbours: Literal["auto", "exact", "approximate"] = "auto"


class SemanticDedup(Strict):
    """Rows whose vectors (see `embed:`) have a cosine similarity of `min_similarity` or more with a row kept before them.

    Survivors are chosen as among near duplicates: a row goes if and only if it is that similar to a kept one ahead of it
    in survivor order. Every pair is verified. neighbours: as in `select:`.
    """

    min_similarity: float = Field(0.95, gt=0, le=1)
    neighbours: Literal["auto", "exact", "approximate"] = "auto"
