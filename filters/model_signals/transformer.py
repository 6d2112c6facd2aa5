"""A Hugging Face sequence classifier by path, as a signal: `transformer_<name>`.

The model is loaded by the worker processes only (`gristmill.training.score.sequence_classifier`, extra `train`); this
process never imports torch.
"""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gristmill.filters.model_signals.classifier import check_name
from gristmill.filters.options import with_defaults
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.signals import Family, Signal

DEFAULT_OPTIONS: dict[str, Any] = {"model": None, "label": None, "threshold": 0.5, "windows": 8}
_NO_TOKEN = "the text has no token"


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
                "`start-end` of the windows at or above the threshold, apart by spaces",
                "no window is",
            ),
        ),
        measure="gristmill.training.score.sequence_classifier:measure",
        source="a Hugging Face sequence classifier of the user's",
        isolated=True,
        batch_rows=64,
        default_options=DEFAULT_OPTIONS,
        libraries=("torch", "transformers", "tokenizers"),
        check="gristmill.filters.model_signals.transformer:check",
    )


def check(options: Mapping[str, Any]) -> None:
    """ModelError when torch is not installed or the folder holds no sequence classifier with that label."""
    chosen = with_defaults(options, DEFAULT_OPTIONS, "transformer")
    folder, label = chosen["model"], chosen["label"]
    expected = "the folder of a sequence classifier: config.json, *.safetensors, its tokenizer"
    if not folder or not (Path(folder) / "config.json").is_file():
        raise ModelError(f"no model at {folder!r}", where="transformer: model", expected=expected)
    if not list(Path(folder).glob("*.safetensors")):
        raise ModelError("no safetensors weights (others are not loaded)", where=str(folder), expected=expected)
    config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    if not any("ForSequenceClassification" in name for name in config.get("architectures") or []):
        raise ModelError(f"architecture {config.get('architectures')}", where=str(folder), expected=expected)
    labels = list((config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}).values())
    if label not in labels:
        raise RecipeError(f"label: {label!r}", where="transformer", expected=f"one of {', '.join(labels)}")
    for name, least, most in (("threshold", 0.0, 1.0), ("windows", 1, 1 << 20)):
        if not isinstance(chosen[name], int | float) or not least <= chosen[name] <= most:
            raise RecipeError(f"{name}: {chosen[name]!r}", where="transformer", expected=f"{least} to {most}")
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ModelError(
            "torch and transformers are not installed",
            where="transformer",
            next_step='`pip install "gristmill[train]"`',
        )
