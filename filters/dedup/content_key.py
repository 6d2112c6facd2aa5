"""The key under which documents count as exact duplicates: a 128-bit hash of their normalised content.

Family `content_key`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
from gristmill.filters.dedup.normalise import Normalisation, normalised_content_hash
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field


class ContentKeyOptions(Strict):
    """Options of the family `content_key`."""

    normalise: tuple[Literal["case", "whitespace", "digits", "punctuation", "accents"], ...] = Field(
        (), description="differences between texts that do not count"
    )


def chosen_normalisation(names: Sequence[str]) -> Normalisation:
    """The differences named do not count; deleted punctuation leaves a space, so that words stay apart."""
    return Normalisation(
        case="case" in names,
        accents="accents" in names,
        digits="digits" in names,
        punctuation="space" if "punctuation" in names else "keep",
        whitespace="whitespace" in names or "punctuation" in names,
    )


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """content_key: 32 hex digits, equal for texts that are equal after normalisation."""
    keys = normalised_content_hash(
        batch.column("text"), chosen_normalisation(ContentKeyOptions.model_validate(options).normalise)
    )
    return pa.record_batch({"content_key": keys})


FAMILY = Family(
    name="content_key",
    version=1,
    signals=(Signal("content_key", "string", "hash", "XXH3-128 of the normalised text, 32 hex digits"),),
    measure="gristmill.filters.dedup.content_key:measure",
    source="exact duplicate detection",
    options=ContentKeyOptions,
    libraries=("xxhash",),
)
