"""A Hugging Face sequence classifier by path, as a signal: `transformer_<name>`.

The model is loaded by the worker processes only (`gristmill.scorers.sequence_classifier`, extra `train`); this
process never imports torch.
"""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gristmill.filters.model_signals.classifier import check_name
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field

_NO_TOKEN = "the text has no token"


class TransformerOptions(Strict):
    """Options of a family `transformer_<name>`."""

    model: RecipePath = Field(
        min_length=1, description="the folder of a sequence classifier: config.json, *.safetensors, its tokenizer"
    )
    label: str = Field(description="the label of the classifier whose probability is measured")
    threshold: float = Field(0.5, ge=0, le=1, description="probability from which a window is listed")
    windows: int = Field(8, ge=1, le=1 << 20, description="most windows of tokens of a text that are read")


def named_family(name: str) -> Family:
    """`transformer_<name>`."""
    check_name("transformer", name, ("spans",))
    return Family(
        name=f"transformer_{name}",
        version=1,
        signals=(
            Signal(
                f"transformer_{name}",
                "float",
                "fraction",
                "the classifier's probability of the label, the highest of the windows of tokens that it read",
                _NO_TOKEN,
            ),
            Signal(
                f"transformer_{name}_spans",
                "string",
                "characters",
                "`start-end` of the windows at or above the threshold, separated by spaces",
                "no window is",
            ),
        ),
        measure="gristmill.scorers.sequence_classifier:measure",
        source="a Hugging Face sequence classifier of the user's",
        isolated=True,
        batch_rows=64,
        options=TransformerOptions,
        libraries=("torch", "transformers", "tokenizers"),
        check="gristmill.filters.model_signals.transformer:check",
    )


def check(options: Mapping[str, Any]) -> None:
    """ModelError when torch is not installed or the folder holds no sequence classifier with that label."""
    chosen = TransformerOptions.model_validate(options)
    folder, label = chosen.model, chosen.label
    expected = "the folder of a sequence classifier: config.json, *.safetensors, its tokenizer"
    if not (Path(folder) / "config.json").is_file():
        raise ModelError(f"no model at {folder!r}", where="transformer: model", expected=expected)
    if not list(Path(folder).glob("*.safetensors")):
        raise ModelError("no safetensors weights (others are not loaded)", where=str(folder), expected=expected)
    config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    if not any("ForSequenceClassification" in name for name in config.get("architectures") or []):
        raise ModelError(f"architecture {config.get('architectures')}", where=str(folder), expected=expected)
    labels = list((config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}).values())
    if label not in labels:
        raise RecipeError(f"label: {label!r}", where="transformer", expected=f"one of {', '.join(labels)}")
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ModelError(
            "torch and transformers are not installed",
            where="transformer",
            next_step='`pip install "gristmill[train]"`',
        )
