"""Packed documents do not see each other: every model shape, every way a model is called; and the check sees leaks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gristmill.schemas.errors import ModelError
from gristmill.training.models.build import build_model
from gristmill.training.models.masks import block_mask, evaluated, leak, refuse_own_mean, refuse_what_leaks
from gristmill.training.objectives.registry import make
from gristmill.training.objectives.windows import ordinary_ids

from tests.training.objective_cases import SHAPES, TOKENIZER, tiny, window_of

WIDTH = 64
ORDINARY = ordinary_ids(TOKENIZER)


def trained(model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
    """The logits of a training step: training mode, gradients, activation checkpointing."""
    model.train()
    model.activation_checkpointing_enable()
    output = model(**inputs)
    output.loss.backward()
    model.activation_checkpointing_disable()
    return output.logits.detach()


def half_precision(model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return evaluated(model, inputs)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("run", [evaluated, trained, half_precision])
@pytest.mark.parametrize("shape", SHAPES)
def test_documents_in_a_row_are_what_they_are_alone(shape: str, run: Callable, attention: str) -> None:
    model = build_model(tiny(shape), TOKENIZER, WIDTH, attention=attention)
    found = leak(model, make(SHAPES[shape], TOKENIZER, WIDTH), ORDINARY, WIDTH, run)
    assert found.influence == 0
    assert found.alone <= (5e-2 if run is half_precision else 1e-5)


def _without(*names: str) -> Callable:
    return lambda model, inputs: evaluated(model, {key: value for key, value in inputs.items() if key not in names})


def _with(**extra: Any) -> Callable:
    def run(model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
        made = {key: value(inputs) if callable(value) else value for key, value in extra.items()}
        return evaluated(model, {**inputs, **made})

    return run


def _ones(inputs: dict[str, Any]) -> torch.Tensor:
    return torch.ones_like(inputs["input_ids"])


def _one_document(name: str) -> Callable:
    return lambda inputs: torch.ones_like(inputs[name]) if name in inputs else None


LEAKS = {
    "llama with an attention mask": ("llama", _with(attention_mask=_ones)),
    "llama with a cache": ("llama", _with(use_cache=True)),
    "llama called as evaluation loops do": ("llama", _without("use_cache")),
    "llama without positions": ("llama", _without("position_ids")),
    "qwen with an attention mask": ("qwen", _with(attention_mask=_ones)),
    "qwen with a cache": ("qwen", _with(use_cache=True)),
    "bert without documents": ("bert", _without("document_ids")),
    "bert without positions": ("bert", _without("position_ids")),
    "electra without documents": ("electra", _without("document_ids")),
    "t5 without documents": ("t5", _without("document_ids", "decoder_document_ids")),
}


@pytest.mark.parametrize("case", LEAKS)
def test_the_check_sees_a_leak(case: str) -> None:
    shape, run = LEAKS[case]
    model = build_model(tiny(shape), TOKENIZER, WIDTH)
    assert leak(model, make(SHAPES[shape], TOKENIZER, WIDTH), ORDINARY, WIDTH, run)


@pytest.mark.parametrize("left_out", ["encoder", "decoder", "cross"])
def test_each_of_the_masks_of_t5_is_needed(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"encoder": (0, False), "cross": (1, False), "decoder": (2, True)}
    number = 0

    def loose(queries: torch.Tensor, keys: torch.Tensor, causal: bool = False) -> torch.Tensor:
        nonlocal number
        at, number = number % 3, number + 1
        if (at, causal) == calls[left_out]:
            queries, keys = torch.ones_like(queries), torch.ones_like(keys)
        return block_mask(queries, keys, causal)

    monkeypatch.setattr("gristmill.training.models.packed.block_mask", loose)
    model = build_model(tiny("t5"), TOKENIZER, WIDTH)
    assert leak(model, make("span_corruption", TOKENIZER, WIDTH), ORDINARY, WIDTH)
    assert number % 3 == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_losses_of_a_document_do_not_depend_on_its_neighbours(shape: str) -> None:
    """`token_losses`, which blame and scoring read: neither order nor content of what else is in the row matters."""
    model = build_model(tiny(shape), TOKENIZER, WIDTH)
    model.train()  # as blame finds it
    objective = make(SHAPES[shape], TOKENIZER, WIDTH)
    random = np.random.default_rng(3)
    first, second, other = (random.integers(0, 100, 25).tolist() for _ in range(3))
    beside = objective.token_losses(model, window_of([first, second], WIDTH), np.zeros(1, np.int64))
    changed = objective.token_losses(model, window_of([other, second], WIDTH), np.zeros(1, np.int64))
    assert model.training
    assert beside.scored[0, 26:52].any()
    assert np.array_equal(beside.losses[0, 26:52], changed.losses[0, 26:52])
    assert not np.array_equal(beside.losses[0, :26], changed.losses[0, :26])
    if SHAPES[shape] == "clm":
        alone = objective.token_losses(model, window_of([second], WIDTH), np.zeros(1, np.int64))
        assert np.allclose(beside.losses[0, 26:52], alone.losses[0, :26], atol=1e-5)
        assert beside.mean(0, 26, 52) == pytest.approx(alone.mean(0, 0, 26), abs=1e-5)


def test_padding_is_no_part_of_a_document() -> None:
    model = build_model(tiny("bert"), TOKENIZER, WIDTH)
    objective = make("mlm", TOKENIZER, WIDTH)
    document = list(range(30))
    short = objective.token_losses(model, window_of([document], 31), np.zeros(1, np.int64))
    padded = objective.token_losses(model, window_of([document], WIDTH), np.zeros(1, np.int64))
    assert np.array_equal(short.scored[0], padded.scored[0, :31])
    assert np.allclose(short.losses[0], padded.losses[0, :31], atol=1e-5)


def test_a_model_that_leaks_is_refused() -> None:
    class Careless(torch.nn.Module):
        """BERT whose caller dropped the documents, as transformers' own class does."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = build_model(tiny("bert"), TOKENIZER, WIDTH)

        def forward(self, document_ids: torch.Tensor | None = None, **inputs: Any) -> Any:
            return self.inner(**inputs)

    objective = make("mlm", TOKENIZER, WIDTH)
    refuse_what_leaks(build_model(tiny("bert"), TOKENIZER, WIDTH), objective, ORDINARY, WIDTH)
    with pytest.raises(ModelError, match="packed documents see each other"):
        refuse_what_leaks(Careless(), objective, ORDINARY, WIDTH)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_with_a_mean_of_its_own_is_refused(shape: str) -> None:
    """Its loss would weight each micro batch alike, however few tokens of it have a label."""

    class OwnMean(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = build_model(tiny(shape), TOKENIZER, WIDTH)

        def forward(self, num_items_in_batch: torch.Tensor | None = None, **inputs: Any) -> Any:
            return self.inner(**inputs)

    objective = make(SHAPES[shape], TOKENIZER, WIDTH)
    refuse_own_mean(build_model(tiny(shape), TOKENIZER, WIDTH), objective, ORDINARY, WIDTH)
    with pytest.raises(ModelError, match="expected half of it"):
        refuse_own_mean(OwnMean(), objective, ORDINARY, WIDTH)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks for it
@pytest.mark.parametrize("adapter", ["prompt", "prefix", "lora"])
def test_prompt_learning_is_refused_lora_is_not(adapter: str) -> None:
    import peft

    settings = {
        "prompt": peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        "prefix": peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        "lora": peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights=False),
    }
    model = peft.get_peft_model(build_model(tiny("llama"), TOKENIZER, WIDTH), settings[adapter])
    objective = make("clm", TOKENIZER, WIDTH)
    if adapter == "lora":
        refuse_what_leaks(model, objective, ORDINARY, WIDTH)
    else:
        with pytest.raises(ModelError, match="positions"):
            refuse_what_leaks(model, objective, ORDINARY, WIDTH)


def test_attention_that_takes_no_mask_is_refused() -> None:
    model = build_model(tiny("bert"), TOKENIZER, WIDTH)
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ModelError, match="flash_attention_2"):
        refuse_what_leaks(model, make("mlm", TOKENIZER, WIDTH), ORDINARY, WIDTH)
