"""What a recipe may say of language identification."""

from typing import Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import Field

DEFAULT_FLOOR = 0.25
# Signals that hold a language, and the detectors that give it; "chosen": what the option `detector` says.
LANGUAGE_SIGNALS = {
    "language": "chosen",
    "second_language": "chosen",
    "fasttext_language": "fasttext",
    "cld2_language": "cld2",
}


class LanguageOptions(Strict):
    """Options of the family `language`."""

    detector: Literal["combined", "fasttext", "cld2"] = Field("combined", description="what decides `language`")
    model: RecipePath | None = Field(
        None, description="a fastText classifier of languages (lid.176, OpenLID, GlotLID); by default lid.176.ftz"
    )
    min_score: float = Field(
        DEFAULT_FLOOR,
        ge=0,
        le=1,
        description="below it `language` is null, as it is for texts in no language or in one that no detector knows",
    )
    windows: int = Field(6, ge=1, description="most windows of a long document that are read")
    window_bytes: int = Field(1024, ge=1, description="length of a window in bytes")
