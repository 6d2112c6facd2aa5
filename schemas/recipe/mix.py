"""The recipe's `mix:`: how often the documents of a corpus are used, by source or language."""

from typing import ClassVar, Literal

from gristmill.schemas.strict import LanguageName, Strict
from pydantic import Field, model_validator


class GroupLimit(Strict):
    """Limits of one source or language. max_repetitions: tokens used, over the tokens it has."""

    max_repetitions: float | None = Field(None, gt=0)
    max_tokens: int | None = Field(None, ge=0)


class Upweight(Strict):
    """Documents of a group are used in proportion to `value ** power`, kept within `min_weight` and `max_weight`.

    by: `cluster_size` (documents that one stands for after removing duplicates) or a numeric signal. Where the value is
    null the weight is 1. Weights are rounded to powers of 2^(1/64), about 1 %.
    """

    renamed: ClassVar = {"least": "min_weight", "most": "max_weight"}

    by: str = "cluster_size"
    power: float = 0.5
    min_weight: float = Field(0.125, gt=0)
    max_weight: float = Field(8.0, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> "Upweight":
        if self.min_weight > self.max_weight:
            raise ValueError(f"found min_weight {self.min_weight} above max_weight {self.max_weight}")
        return self


class Mix(Strict):
    """A mix in tokens.

    shares: of each source or language in the mix, in any unit; groups that are not named are left out. Or temperature T:
    shares in proportion to tokens ** (1 / T), so that 1 keeps the corpus as it is and more evens it out.
    language_temperature: with `by: source`, the same over the languages in each source: the groups of the mix are then
        `source/language`. `limits` may name both.
    tokens: of the whole mix; None: as many as the limits allow.
    max_repetitions: tokens used of a group, over the tokens it has; `limits` says otherwise for some.
    max_copies: of one document; None: max_repetitions rounded up, twice that with `upweight`.
    if_infeasible: a share that a limit does not allow is an `error`, or other groups `adjust` to it.
    seed: None: the recipe's.
    """

    by: Literal["source", "language"] = "source"
    shares: dict[LanguageName, float] = Field(default_factory=dict)
    temperature: float | None = Field(None, gt=0)
    language_temperature: float | None = Field(None, gt=0)
    tokens: int | None = Field(None, ge=1)
    max_repetitions: float = Field(1.0, gt=0)
    limits: dict[LanguageName, GroupLimit] = Field(default_factory=dict)
    max_copies: int | None = Field(None, ge=1, le=1000)
    upweight: Upweight | None = None
    if_infeasible: Literal["error", "adjust"] = "error"
    seed: int | None = None

    @model_validator(mode="after")
    def _shares_or_temperature(self) -> "Mix":
        if self.shares and self.temperature is not None:
            raise ValueError("found shares and a temperature; expected one of them")
        if self.shares and (min(self.shares.values()) < 0 or sum(self.shares.values()) <= 0):
            raise ValueError(f"found shares {self.shares}; expected numbers of at least 0, not all 0")
        return self

    @model_validator(mode="after")
    def _languages_in_sources(self) -> "Mix":
        if self.language_temperature is not None and self.by != "source":
            raise ValueError("found language_temperature with by: language; expected temperature, or by: source")
        return self

    def repetitions(self, group: str) -> float:
        """The most that a group's tokens may be repeated: as said of `source/language`, else of the source, else of all."""
        limit = self.limits.get(group) or self.limits.get(group.rpartition("/")[0])
        return limit.max_repetitions if limit and limit.max_repetitions is not None else self.max_repetitions
