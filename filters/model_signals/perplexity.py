"""Perplexity by a KenLM model of the document's language, as CCNet computes it.

Every line is normalised (`line_text.ccnet_line`), tokenised and scored with its beginning and end;
perplexity = 10 ** (-sum of log10 probabilities / sum of (tokens + 1)) over the lines, rounded to one digit. Blank lines
are not scored. CCNet itself deletes the line breaks before it tokenises, which joins the words around them; ours scores
line by line, as its scorer does when it is given lines.

A perplexity says how much a text surprises one model: those of two languages, or of two models, cannot be compared. A
document whose language has no model has no perplexity.

Source: Wenzek et al., "CCNet" (2020); cc_net/perplexity.py.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.filters.model_signals.line_text import ccnet_lines
from gristmill.filters.model_signals.line_tokenizer import line_tokenizer
from gristmill.schemas.errors import ModelError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signal_models import LanguageModel, read_model
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import LanguageName, Strict
from pydantic import Field, model_validator

_WHERE = "signals.perplexity"
_NO_MODEL = "there is no model for the document's language, or no line with anything on it"


class PerplexityOptions(Strict):
    """Options of the family `perplexity`."""

    models: dict[LanguageName, RecipePath] = Field(
        min_length=1,
        description="language -> the folder of a model by `gristmill lm train`",
        examples=[{"en": "models/en"}],
    )
    head: int = Field(30, gt=0, lt=100, description="percentile of the reference texts below which a text is `head`")
    tail: int = Field(60, gt=0, lt=100, description="percentile of the reference texts from which a text is `tail`")

    @model_validator(mode="after")
    def _head_is_below_tail(self) -> "PerplexityOptions":
        if self.head >= self.tail:
            raise ValueError(f"head: {self.head}, tail: {self.tail}; expected percents, 0 < head < tail < 100")
        return self


FAMILY = Family(
    name="perplexity",
    version=1,
    signals=(
        Signal("perplexity", "float", "", "perplexity by the KenLM model of the document's language", _NO_MODEL),
        Signal(
            "perplexity_bucket",
            "string",
            "",
            "head, middle or tail: below the reference texts' percentile `head`, below `tail`, or above",
            _NO_MODEL,
        ),
    ),
    measure="gristmill.filters.model_signals.perplexity:measure",
    source="CCNet, cc_net/perplexity.py; models by `gristmill lm train`",
    inputs=("language",),
    isolated=True,  # holds the GIL
    options=PerplexityOptions,
    libraries=("kenlm-ex", "sentencepiece", "tokenizers"),
    check="gristmill.filters.model_signals.perplexity:check",
)


def check(options: Mapping[str, Any]) -> None:
    """Raises ModelError for a model that is missing, broken or of another language."""
    for language, folder in PerplexityOptions.model_validate(options).models.items():
        found = read_model(folder, LanguageModel, f"{_WHERE}.models.{language}")
        if found.language != language:
            raise ModelError(
                f"{folder} is a model of {found.language!r}",
                where=f"{_WHERE}.models.{language}",
                expected=f"a model of {language!r}",
            )
        line_perplexity(folder)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text`, by its `language`. options: see PerplexityOptions; 30 and 60 are CCNet's percentiles."""
    chosen = PerplexityOptions.model_validate(options)
    values: list[float | None] = []
    buckets: list[str | None] = []
    for text, language in zip(batch.column("text").to_pylist(), batch.column("language").to_pylist(), strict=True):
        folder = chosen.models.get(language) if text else None
        value = line_perplexity(folder)(text) if folder else None
        values.append(value)
        buckets.append(bucket(value, folder, chosen.head, chosen.tail) if folder and value is not None else None)
    columns = [pa.array(values, pa.float64()), pa.array(buckets, pa.large_string())]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def bucket(perplexity: float, folder: str, head: int, tail: int) -> str:
    """head, middle or tail among the reference texts of the model."""
    percentiles = _manifest(folder).percentiles
    if perplexity < percentiles[head]:
        return "head"
    return "middle" if perplexity < percentiles[tail] else "tail"


@cache
def _manifest(folder: str) -> LanguageModel:
    return read_model(folder, LanguageModel, _WHERE)


@cache
def line_perplexity(folder: str) -> Callable[[str], float | None]:
    """The perplexity of a text by the model in `folder`; ModelError when its files cannot be loaded."""
    manifest = _manifest(folder)
    tokenize = line_tokenizer(Path(folder) / manifest.tokenizer, manifest.tokenizer_kind)
    score = _scorer(Path(folder) / manifest.model, manifest.order)

    def perplexity(text: str) -> float | None:
        log10, length = 0.0, 0
        for line in tokenize(ccnet_lines(text)):
            log10 += score(line)
            length += len(line.split()) + 1
        return round(10.0 ** min(-log10 / length, 300.0), 1) if length else None

    return perplexity


def _scorer(path: Path, order: int) -> Callable[[str], float]:
    import kenlm

    try:
        model = kenlm.Model(str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"unreadable KenLM model: {str(error)[:200]}", where=str(path)) from error
    if model.order != order or not math.isfinite(model.score("a")):
        raise ModelError(f"a model of order {model.order}", where=str(path), expected=f"order {order}")
    score: Callable[[str], float] = model.score  # the whole line with its beginning and end
    return score
