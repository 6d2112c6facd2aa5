"""Options of cutting text that repeats inside documents: duplicate substrings, duplicate lines and paragraphs."""

from typing import Any, Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator

DEFAULT_TOKENS = 50  # as in Lee et al. 2022
ONLY_HOW = {"method", "max_memory_bytes"}  # options that change no row of the answer


class LossLimit(Strict):
    """What becomes of a document that loses more than `max_loss_fraction` of its bytes.

    above_max_loss: `drop` the document, `keep` it whole, or `cut` it all the same. At 1.0 no document loses more. A
    document of which cutting leaves nothing but white space is dropped, unless it is kept whole. Dropping a document
    also drops the first copies in it, which later documents have lost to it: so nothing is dropped by default.
    """

    max_loss_fraction: float = Field(1.0, ge=0, le=1)
    above_max_loss: Literal["cut", "drop", "keep"] = "drop"


class Substrings(LossLimit):
    """Windows of `length` units that occur more than once in the survivors' text are cut.

    unit: `bytes` (length 100 unless given), or `tokens` (50) of `tokenizer`, a tokenizer.json.
    policy: `keep-first` leaves the first copy in survivor order, `remove-all` cuts every copy.
    method: the answer is the same; `memory` sorts all suffixes, `partitioned` is for more text than memory holds,
    `auto` takes `memory` while its need (6 bytes a byte, 10 beyond 2 GiB) is below `max_memory_bytes`, which is
    half of what the machine has free unless given.
    """

    unit: Literal["bytes", "tokens"] = "bytes"
    tokenizer: RecipePath | None = None
    length: int = Field(100, ge=8, le=65_536)
    policy: Literal["remove-all", "keep-first"] = "keep-first"
    method: Literal["auto", "memory", "partitioned"] = "auto"
    max_memory_bytes: int | None = Field(None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _length_of_the_unit(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("unit") == "tokens":
            return {"length": DEFAULT_TOKENS, **data}
        return data

    @model_validator(mode="after")
    def _tokens_have_a_tokenizer(self) -> "Substrings":
        if (self.unit == "tokens") != (self.tokenizer is not None):
            raise ValueError("`unit: tokens` and `tokenizer` are given together or not at all")
        return self

    @property
    def unit_bytes(self) -> int:
        """Bytes of one unit, as it is compared."""
        return 4 if self.unit == "tokens" else 1

    @property
    def window_bytes(self) -> int:
        """Bytes of one window, as it is compared."""
        return self.length * self.unit_bytes


class LineDedup(LossLimit):
    """Lines or paragraphs whose normalised text occurred before, in survivor order, are cut.

    Normalised as CCNet does: lower case, accents stripped, digits to 0, punctuation deleted, white space collapsed.
    min_characters: normalised characters below which a line is never cut, so that short repeated lines survive.
    scope: where an earlier line counts: anywhere, in the same source, or in the same snapshot.
    """

    unit: Literal["line", "paragraph"] = "line"
    min_characters: int = Field(30, ge=1)
    scope: Literal["global", "source", "snapshot"] = "global"
