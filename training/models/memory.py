"""How much memory weights, gradients and Adam's moments take, by formula, for a model of any size: nothing of it is loaded.

Bytes: 4 for a weight (they are updated in 32 bits), 4 for the gradient of one that is trained, 8 for its two moments. In
NF4 with double quantisation a weight takes 1/2 byte, with a scale of 1 byte for each block of 64, a scale of 4 bytes for 256
of those, and two tables (Dettmers 2023, section 3). Activations come on top: they depend on the batch, the length and the
implementation of attention.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from gristmill.schemas.errors import ModelError
from gristmill.schemas.training.adapter import Adapter
from gristmill.training.models.adapters import configuration, trained_parameters

WEIGHT, GRADIENT, MOMENTS = 4, 4, 8
BLOCK, SCALES = 64, 256
TABLES = 16 * 4 + 256 * 4 + 4  # of each quantised layer: the values of NF4, those of its scales, their offset
FORMULA = "4 x weights x copies + 4 x trained (gradients) + 8 x trained (Adam's moments); in 4 bits 0.516 a weight"


@dataclass(frozen=True)
class Memory:
    """In bytes. parameters: of one copy, its adapter included; trained: of all copies. weights: of all copies."""

    parameters: int
    trained: int
    weights: int
    gradients: int
    moments: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.moments


def memory(
    folder: str | Path, adapter: Adapter | None, frozen: int = 0, trunks: int = 0, scores: bool = False
) -> Memory:
    """What a run holds. folder: of the model, of which only config.json is read.

    frozen: copies that are not trained, besides the one that is; trunks: copies without an output layer that are. scores: the
    model has one number as its output.
    """
    base = on_meta(folder, scores)
    parameters = sum(parameter.numel() for parameter in base.parameters())
    linear = [module.weight.numel() for name, module in base.named_modules() if _is_quantised(name, module)]
    trunk = base.get_decoder() if trunks else None
    of_trunk = sum(parameter.numel() for parameter in trunk.parameters()) + base.config.hidden_size + 1 if trunk else 0
    one = WEIGHT * parameters
    if adapter is not None:
        shown = adapter.model_copy(update={"method": "lora"}) if adapter.method in ("pissa", "qlora") else adapter
        shown = shown.model_copy(update={"method": "dora"}) if adapter.method == "qdora" else shown
        config = configuration(shown, base.config, "SEQ_CLS" if scores else "CAUSAL_LM")
        wrapped: Any = peft.get_peft_model(base, config)
        trained, whole = trained_parameters(wrapped)
    else:
        trained, whole = parameters, parameters
    added = whole - parameters
    if adapter is not None and adapter.quantizes:
        one = WEIGHT * (parameters - sum(linear)) + sum(four_bit_bytes(numbers) for numbers in linear)
    all_trained = trained + trunks * of_trunk
    return Memory(
        whole,
        all_trained,
        one * (1 + frozen) + WEIGHT * (added + trunks * of_trunk),
        GRADIENT * all_trained,
        MOMENTS * all_trained,
    )


def four_bit_bytes(numbers: int) -> int:
    """Of a matrix of so many weights in NF4 with double quantisation.

    >>> four_bit_bytes(64 * 256)
    9552
    """
    blocks = -(-numbers // BLOCK)
    return -(-numbers // 2) + blocks + WEIGHT * -(-blocks // SCALES) + TABLES


def on_meta(folder: str | Path, scores: bool) -> Any:
    """A model of the folder's shape whose weights take no memory. ModelError where config.json cannot be read."""
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
        kind: Any = transformers.AutoModelForSequenceClassification if scores else transformers.AutoModelForCausalLM
        options = {"num_labels": 1} if scores else {}
        for name, value in options.items():
            setattr(config, name, value)
        with torch.device("meta"):
            return kind.from_config(config)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"its shape cannot be read ({str(error).splitlines()[0]})", where=str(folder), expected="config.json"
        ) from error


def _is_quantised(name: str, module: Any) -> bool:
    return isinstance(module, torch.nn.Linear) and not name.endswith(("lm_head", "score"))
