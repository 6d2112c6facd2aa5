"""Toxicity by a fastText classifier of the user's own labelled texts: of the document, and of its sentences.

A linear classifier over words and letters knows which words stand in toxic texts. It does not understand: it calls
quoted, denied or reclaimed words toxic, and misses hate in plain words. Word lists (`toxic_words`) are blunter still;
a `transformer_<name>` reads the order of words.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from gristmill.filters.model_signals.classifier import check_classifier, check_name, probability_of
from gristmill.filters.model_signals.spans import spans_text
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field

_SENTENCE = re.compile(r"[^\n.!?。！？…]*[\n.!?。！？…]*")
_NO_WORD = "the text has no word"


class ToxicityOptions(Strict):
    """Options of a family `toxicity_<name>`."""

    model: RecipePath = Field(min_length=1, description="the folder of a classifier by `gristmill classifier train`")
    threshold: float | None = Field(
        None, gt=0, le=1, description="probability from which a sentence is listed; by default the model's own"
    )


def named_family(name: str) -> Family:
    """`toxicity_<name>`."""
    check_name("toxicity", name, ("worst", "spans"))
    return Family(
        name=f"toxicity_{name}",
        version=2,
        signals=(
            Signal(f"toxicity_{name}", "float", "fraction", "calibrated probability that the text is toxic", _NO_WORD),
            Signal(f"toxicity_{name}_worst", "float", "fraction", "the same of its most toxic sentence", _NO_WORD),
            Signal(
                f"toxicity_{name}_spans",
                "string",
                "characters",
                "`start-end` of the sentences at or above the threshold, separated by spaces",
                "no sentence is",
            ),
        ),
        measure="gristmill.filters.model_signals.toxicity:measure",
        source="a classifier by `gristmill classifier train`",
        isolated=True,  # making one line of a text holds the GIL
        options=ToxicityOptions,
        check="gristmill.filters.model_signals.toxicity:check",
    )


def check(options: Mapping[str, Any]) -> None:
    """Raises ModelError for a model that cannot be used."""
    check_classifier(ToxicityOptions.model_validate(options).model, "toxicity: model")


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text`. options: see ToxicityOptions."""
    chosen = ToxicityOptions.model_validate(options)
    probability, threshold = probability_of(chosen.model), chosen.threshold
    if threshold is None:
        threshold = check_classifier(chosen.model, "toxicity: model").threshold
    rows: list[tuple[float | None, float | None, str | None]] = []
    for text in batch.column("text").to_pylist():
        whole = probability(text) if text else None
        scored = [(p, span) for span in sentences(text or "") if (p := probability(text[slice(*span)])) is not None]
        worst = max((p for p, _ in scored), default=None)
        rows.append((whole, worst, spans_text([span for p, span in scored if p >= threshold])))
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = (pa.float64(), pa.float64(), pa.large_string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=["toxicity", "worst", "spans"])


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of pieces that end in a line end or a mark of a sentence's end, none of them blank.

    >>> list(sentences("One. Two!\\n\\nThree"))
    [(0, 4), (4, 11), (11, 16)]
    """
    for match in _SENTENCE.finditer(text):
        if match.group() and not match.group().isspace():
            yield match.span()
