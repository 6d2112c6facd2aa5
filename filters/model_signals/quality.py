"""Quality by a fastText classifier of the user's own; a recipe may name several (`quality_edu`, `quality_code`).

`quality_<name>` is compared with a threshold, for which the model's folder says what share it keeps. A rule
`quality_<name>_pareto > 0` keeps at random, the better the likelier, as GPT-3's corpus did: the score exceeds 1 - p for a
Pareto draw p. The draw is a function of the document's id and the seed, so every run and engine keeps the same.

Sources: Li et al., "DataComp-LM" (2024) for the classifier; Brown et al. (2020), appendix A, for the Pareto rule.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import pyarrow as pa
from gristmill.filters.model_signals.classifier import check_classifier, check_name, probability_of
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field

_NO_WORD = "the text has no word"
_RANGE = float(1 << 53)


class QualityOptions(Strict):
    """Options of a family `quality_<name>`."""

    model: RecipePath = Field(min_length=1, description="the folder of a classifier by `gristmill classifier train`")
    pareto_alpha: float = Field(9.0, gt=0, description="shape of the Pareto draws: 9 in GPT-3, 3 in NeMo Curator")
    seed: int = Field(0, description="seed of the Pareto draws")


def named_family(name: str) -> Family:
    """`quality_<name>`."""
    check_name("quality", name, ("pareto",))
    return Family(
        name=f"quality_{name}",
        version=2,
        signals=(
            Signal(
                f"quality_{name}", "float", "fraction", "calibrated probability of being like the positives", _NO_WORD
            ),
            Signal(
                f"quality_{name}_pareto",
                "float",
                "",
                "a Pareto draw by doc_id and seed, plus the probability, minus 1: above 0 is kept",
                _NO_WORD,
            ),
        ),
        measure="gristmill.filters.model_signals.quality:measure",
        source="a classifier by `gristmill classifier train`",
        reads=("text", "doc_id"),
        isolated=True,  # making one line of a text holds the GIL
        options=QualityOptions,
        check="gristmill.filters.model_signals.quality:check",
    )


def check(options: Mapping[str, Any]) -> None:
    """Raises ModelError for a model that cannot be used."""
    check_classifier(QualityOptions.model_validate(options).model, "quality: model")


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text`. options: see QualityOptions."""
    chosen = QualityOptions.model_validate(options)
    probability = probability_of(chosen.model)
    values: list[float | None] = []
    margins: list[float | None] = []
    for text, doc_id in zip(batch.column("text").to_pylist(), batch.column("doc_id").to_pylist(), strict=True):
        value = probability(text) if text else None
        values.append(value)
        margins.append(
            None if value is None else round(pareto(doc_id, chosen.seed, chosen.pareto_alpha) + value - 1.0, 9)
        )
    arrays = [pa.array(values, pa.float64()), pa.array(margins, pa.float64())]
    return pa.RecordBatch.from_arrays(arrays, names=["quality", "pareto"])


def pareto(doc_id: str, seed: int, alpha: float) -> float:
    """A draw from the Pareto distribution (Lomax, from 0 up) that depends on the id and the seed alone."""
    digest = blake2b(f"{seed}:{doc_id}".encode(), digest_size=8, person=b"quality").digest()
    uniform = (int.from_bytes(digest, "little") >> 11) / _RANGE  # in [0, 1)
    return float((1.0 - uniform) ** (-1.0 / alpha) - 1.0)
