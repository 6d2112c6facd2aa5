"""Adapters: a model whose weights stay as they are, and what is trained beside them (peft).

An adapter over weights in 4 bits (`qlora`, `qdora`) needs its model loaded so: `quantization` gives the option.
"""

from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.training.adapter import LOW_RANK, Adapter
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING as FEEDFORWARD
from peft.utils import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as IA3_TARGETS

ADAPTER = "adapter_config.json"


def quantization(adapter: Adapter | None) -> dict[str, Any]:
    """How `from_pretrained` is called for the weights beneath an adapter. RecipeError where 4 bits cannot be had."""
    if adapter is None or not adapter.quantizes:
        return {}
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise RecipeError(
            f"adapter {adapter.method} without bitsandbytes ({error})",
            expected="bitsandbytes, which holds weights in 4 bits",
            next_step="pip install bitsandbytes, or choose lora",
        ) from error
    return {
        "quantization_config": transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
    }


def with_adapter(model: Any, adapter: Adapter, seed: int, task: str = "CAUSAL_LM") -> Any:
    """The model with a new adapter, drawn from `seed`; nothing else of it is trained, but for a scorer's new head.

    task: CAUSAL_LM or SEQ_CLS. RecipeError for targets that the model does not have.
    """
    keep_trainable(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return peft.get_peft_model(model, configuration(adapter, model.config, task))
        except ValueError as error:
            raise RecipeError(
                f"adapter {adapter.method} does not fit the model ({error})",
                expected="targets that are names of its modules",
            ) from error


def keep_trainable(model: torch.nn.Module) -> None:
    """Keep weights of 4 bits in the layout that gradients pass through.

    On CPUs with AVX-512 bitsandbytes changes it for good at the first call in evaluation mode (its inference kernel), and
    from then on no gradient reaches the layers below, without an error. Completions and validation are such calls.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # type: ignore[assignment]


def configuration(adapter: Adapter, config: Any, task: str) -> Any:
    """peft's configuration of an adapter for a model of a configuration."""
    if adapter.method in LOW_RANK:
        return peft.LoraConfig(
            task_type=task,
            r=adapter.rank,
            lora_alpha=adapter.alpha if adapter.alpha is not None else 2 * adapter.rank,  # type: ignore[arg-type]
            lora_dropout=adapter.dropout,
            target_modules=list(adapter.targets) or "all-linear",
            use_rslora=adapter.method == "rslora",
            use_dora=adapter.method in ("dora", "qdora"),
            init_lora_weights="pissa" if adapter.method == "pissa" else True,
        )
    if adapter.method == "ia3":
        return _ia3(adapter, config, task)
    kinds = {"prompt": peft.PromptTuningConfig, "prefix": peft.PrefixTuningConfig, "p_tuning": peft.PromptEncoderConfig}
    width = {"encoder_hidden_size": config.hidden_size} if adapter.method == "p_tuning" else {}
    return kinds[adapter.method](task_type=task, num_virtual_tokens=adapter.virtual_tokens, **width)


def _ia3(adapter: Adapter, config: Any, task: str) -> Any:
    kind = config.model_type
    targets = list(adapter.targets or IA3_TARGETS.get(kind, ()))
    if not targets:
        raise RecipeError(f"ia3 for a {kind} model", expected="targets, because none are known for it")
    feedforward = [name for name in FEEDFORWARD.get(kind, ("down_proj",)) if name in targets]
    return peft.IA3Config(task_type=task, target_modules=targets, feedforward_modules=feedforward)


def is_adapted(module: Any) -> bool:
    """Whether a layer of a model has an adapter on it."""
    return isinstance(module, BaseTunerLayer)


def trained_parameters(model: torch.nn.Module) -> tuple[int, int]:
    """(numbers that are trained, numbers in all)."""
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, trained in counts if trained), sum(size for size, _ in counts)


def read_configuration(folder: Path) -> Any:
    """peft's configuration of an adapter's folder; ModelError where there is none."""
    if not (folder / ADAPTER).is_file():
        raise ModelError(f"no {ADAPTER}", where=str(folder), expected="the folder of an adapter")
    try:
        return peft.PeftConfig.from_pretrained(str(folder))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ModelError(f"{ADAPTER} cannot be read ({error})", where=str(folder)) from error
