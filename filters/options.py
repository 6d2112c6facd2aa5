"""Options of transforms, checked against their defaults, and those that several signal families share."""

from collections.abc import Mapping
from typing import Any

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.strict import Strict
from pydantic import Field


class SpacyOptions(Strict):
    """Options of the families that split texts as spaCy does."""

    exact: bool = Field(
        False, description="spaCy itself splits the texts, which is slow, not the rules that agree with it"
    )


def with_defaults(options: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`defaults` overlaid with `options`; RecipeError for a key that is no option of `where`.

    >>> with_defaults({"form": "NFKC"}, {"form": "NFC"}, "unicode_normal_form")
    {'form': 'NFKC'}
    """
    for key in options:
        if key not in defaults:
            raise RecipeError(f"option {key!r}", expected=f"one of {', '.join(sorted(defaults))}", where=where)
    return {**defaults, **options}
