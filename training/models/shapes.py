"""From the sizes of a recipe to the configuration of a model, for each shape."""

from typing import Any

import transformers
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.schemas.training.model import ModelShape
from gristmill.training.models.packed import (
    MULTIPLE,
    BertForMaskedLM,
    ReplacedTokenConfig,
    ReplacedTokenModel,
    T5ForConditionalGeneration,
)


def _special(tokenizer: TokenizerRecord) -> dict[str, int | None]:
    return {"bos_token_id": tokenizer.bos_id, "eos_token_id": tokenizer.eos_id, "pad_token_id": tokenizer.pad_id}


def _gated_width(shape: ModelShape) -> int:
    return shape.intermediate_size or -(-shape.hidden_size * 8 // 3 // MULTIPLE) * MULTIPLE


def _decoder(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> dict[str, Any]:
    kv_heads = shape.kv_heads or shape.heads
    if shape.heads % kv_heads:
        raise RecipeError(f"kv_heads {kv_heads}", where="model", expected=f"a divisor of heads {shape.heads}")
    return {
        "vocab_size": tokenizer.vocab_size,
        "hidden_size": shape.hidden_size,
        "intermediate_size": _gated_width(shape),
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": kv_heads,
        "head_dim": shape.hidden_size // shape.heads,
        "max_position_embeddings": window,
        "tie_word_embeddings": shape.tie_embeddings,
        "attention_dropout": shape.dropout,
        "initializer_range": shape.initializer_range,
        **_special(tokenizer),
    }


def _llama(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> transformers.LlamaConfig:
    return transformers.LlamaConfig(**_decoder(shape, tokenizer, window))


def _qwen(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> transformers.Qwen3Config:
    return transformers.Qwen3Config(**_decoder(shape, tokenizer, window))


def _encoder(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> dict[str, Any]:
    if not shape.tie_embeddings:
        raise RecipeError("tie_embeddings: false", where="model", expected="true for this shape: its output is tied")
    return {
        "vocab_size": tokenizer.vocab_size,
        "hidden_size": shape.hidden_size,
        "intermediate_size": shape.intermediate_size or 4 * shape.hidden_size,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": window,
        "hidden_dropout_prob": shape.dropout,
        "attention_probs_dropout_prob": shape.dropout,
        "type_vocab_size": 2,
        "initializer_range": shape.initializer_range,
        **_special(tokenizer),
    }


def _bert(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> transformers.BertConfig:
    return transformers.BertConfig(**_encoder(shape, tokenizer, window))


def _electra(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> ReplacedTokenConfig:
    return ReplacedTokenConfig(
        **_encoder(shape, tokenizer, window),
        embedding_size=shape.hidden_size,
        generator_fraction=shape.generator_fraction,
    )


def _t5(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> transformers.T5Config:
    return transformers.T5Config(  # type: ignore[call-arg]
        vocab_size=tokenizer.vocab_size,
        d_model=shape.hidden_size,
        d_kv=shape.hidden_size // shape.heads,
        d_ff=shape.intermediate_size or 4 * shape.hidden_size,
        num_layers=shape.layers,
        num_decoder_layers=shape.layers,
        num_heads=shape.heads,
        dropout_rate=shape.dropout,
        tie_word_embeddings=shape.tie_embeddings,
        decoder_start_token_id=tokenizer.pad_id,
        eos_token_id=tokenizer.eos_id,
        pad_token_id=tokenizer.pad_id,
    )


CONFIGURATIONS: dict[str, Any] = {"llama": _llama, "qwen": _qwen, "bert": _bert, "t5": _t5, "electra": _electra}
CLASSES: dict[str, Any] = {
    "llama": transformers.LlamaForCausalLM,
    "qwen": transformers.Qwen3ForCausalLM,
    "bert": BertForMaskedLM,
    "t5": T5ForConditionalGeneration,
    "electra": ReplacedTokenModel,
}
