"""Models to pre-train: one of five shapes from sizes, or a checkpoint folder, checked against the shards' tokenizer.

The classes for BERT, T5 and ELECTRA are those of transformers with two differences: they take document numbers and
build the block masks that keep packed documents apart (training.masks), and their loss is divided by the number of
labels of the whole batch when the Trainer tells it, so splitting a batch into micro-batches changes nothing. Their
names, and what they save, are those of transformers.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.shard_format import TokenizerRecord
from gristmill.schemas.training_recipe import ModelShape
from gristmill.training.masks import block_mask, for_attention
from gristmill.training.objectives.windows import IGNORED
from safetensors import SafetensorError
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers.modeling_outputs import MaskedLMOutput, Seq2SeqLMOutput
from transformers.models.electra.modeling_electra import ElectraPreTrainedModel
from transformers.utils import ModelOutput

MULTIPLE = 8  # a default feed-forward width is rounded up to it


def label_loss(logits: torch.Tensor, labels: torch.Tensor, labels_in_batch: torch.Tensor | int | None) -> torch.Tensor:
    """Cross-entropy of the labels that are not -100: their sum over `labels_in_batch`, or their mean without it."""
    flat = logits.reshape(-1, logits.shape[-1]).float()
    if labels_in_batch is None:
        return cross_entropy(flat, labels.reshape(-1), ignore_index=IGNORED)
    return cross_entropy(flat, labels.reshape(-1), ignore_index=IGNORED, reduction="sum") / labels_in_batch


class BertForMaskedLM(transformers.BertForMaskedLM):
    """BERT over packed rows: `document_ids` (rows, tokens) become a block-diagonal mask."""

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor,
        position_ids: torch.Tensor | None = None,
        document_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **kwargs: Any,
    ) -> MaskedLMOutput:
        if document_ids is not None:
            kwargs["attention_mask"] = _documents_apart(self, document_ids, document_ids)
        output = super().forward(input_ids, position_ids=position_ids, **kwargs)
        if labels is not None:
            output.loss = label_loss(output.logits, labels, num_items_in_batch)
        return output


class T5ForConditionalGeneration(transformers.T5ForConditionalGeneration):
    """T5 over packed rows: `document_ids` (rows, inputs) and `decoder_document_ids` (rows, targets) become the masks
    of encoder, decoder and cross-attention."""

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor | None = None,
        document_ids: torch.Tensor | None = None,
        decoder_document_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **kwargs: Any,
    ) -> Seq2SeqLMOutput:
        if document_ids is not None and decoder_document_ids is not None:
            own = _documents_apart(self, document_ids, document_ids)
            kwargs["encoder_outputs"] = self.encoder(input_ids=input_ids, attention_mask=own)
            kwargs["attention_mask"] = _documents_apart(self, decoder_document_ids, document_ids)
            kwargs["decoder_attention_mask"] = _documents_apart(
                self, decoder_document_ids, decoder_document_ids, causal=True
            )
        if labels is not None and kwargs.get("decoder_input_ids") is None:
            kwargs["decoder_input_ids"] = self._shift_right(labels)
        output = super().forward(input_ids=input_ids, **kwargs)
        if labels is not None:
            output.loss = label_loss(output.logits, labels, num_items_in_batch)
        return output


@dataclass
class ReplacedTokenOutput(ModelOutput):
    """logits: of the discriminator, (rows, tokens), positive for "replaced". replaced: bool, what is true.
    generator_losses, discriminator_losses: of every token, 0 where there is none."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    generator_losses: torch.Tensor | None = None
    discriminator_losses: torch.Tensor | None = None
    replaced: torch.Tensor | None = None


class ReplacedTokenModel(ElectraPreTrainedModel):
    """ELECTRA's generator and discriminator, sharing all embeddings (section 3.2 of the paper), in one module.

    config.generator_fraction: hidden size, heads and feed-forward width of the generator as a part of the
    discriminator's; the paper finds 1/4 to 1/2 best. The loss is a mean over rows of the mean over the row's tokens,
    so that micro-batches average to the batch. `save_parts` writes what transformers loads for fine-tuning.
    """

    accepts_loss_kwargs = False
    _tied_weights_keys = {  # noqa: RUF012
        "generator.electra.embeddings.word_embeddings.weight": "discriminator.electra.embeddings.word_embeddings.weight",
        "generator.electra.embeddings.position_embeddings.weight": (
            "discriminator.electra.embeddings.position_embeddings.weight"
        ),
        "generator.electra.embeddings.token_type_embeddings.weight": (
            "discriminator.electra.embeddings.token_type_embeddings.weight"
        ),
        "generator.electra.embeddings.LayerNorm.weight": "discriminator.electra.embeddings.LayerNorm.weight",
        "generator.electra.embeddings.LayerNorm.bias": "discriminator.electra.embeddings.LayerNorm.bias",
        "generator.generator_lm_head.weight": "discriminator.electra.embeddings.word_embeddings.weight",
    }

    def __init__(self, config: transformers.ElectraConfig) -> None:
        super().__init__(config)
        self.discriminator = transformers.ElectraForPreTraining(config)
        self.generator = transformers.ElectraForMaskedLM(generator_config(config))
        self.post_init()

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.discriminator.electra.embeddings.word_embeddings

    def forward(
        self,
        input_ids: torch.Tensor,
        labels: torch.Tensor,
        judged: torch.Tensor,
        draws: torch.Tensor,
        discriminator_weight: float = 50.0,
        position_ids: torch.Tensor | None = None,
        document_ids: torch.Tensor | None = None,
    ) -> ReplacedTokenOutput:
        context = {"position_ids": position_ids}
        if document_ids is not None:
            context["attention_mask"] = _documents_apart(self, document_ids, document_ids)
        masked = labels != IGNORED
        hidden = self.generator.electra(input_ids, **context)[0][masked]
        scores = self.generator.generator_lm_head(self.generator.generator_predictions(hidden)).float()
        generator_losses = torch.zeros(labels.shape, device=scores.device)
        generator_losses[masked] = cross_entropy(scores, labels[masked], reduction="none")
        original = torch.where(masked, labels, input_ids)
        filled = original.clone()
        filled[masked] = sample(scores.detach(), draws[masked])
        replaced = filled != original
        logits = self.discriminator(filled, **context).logits
        discriminator_losses = binary_cross_entropy_with_logits(logits.float(), replaced.float(), reduction="none")
        discriminator_losses = torch.where(judged, discriminator_losses, 0.0)
        loss = _mean_of_rows(generator_losses, masked) + discriminator_weight * _mean_of_rows(
            discriminator_losses, judged
        )
        return ReplacedTokenOutput(loss, logits, generator_losses, discriminator_losses, replaced)

    def save_parts(self, folder: str | Path) -> None:
        """discriminator/ and generator/ under `folder`, as transformers' own classes load them."""
        self.discriminator.save_pretrained(str(Path(folder) / "discriminator"))
        self.generator.save_pretrained(str(Path(folder) / "generator"))


def sample(scores: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """One id a row of scores (n, vocabulary) from its softmax: the inverse of its distribution function at draws (n,)
    in [0, 1). A function of scores and draws alone, so it is the same wherever it is computed."""
    steps = torch.softmax(scores.double(), dim=-1).cumsum(dim=-1)
    drawn = torch.searchsorted(steps, draws.double()[:, None] * steps[:, -1:], right=True)
    return drawn.squeeze(1).clamp_(max=scores.shape[-1] - 1)


def _mean_of_rows(losses: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    return (losses.sum(dim=1) / counted.sum(dim=1).clamp(min=1)).mean()


def _documents_apart(
    model: transformers.PreTrainedModel, queries: torch.Tensor, keys: torch.Tensor, causal: bool = False
) -> torch.Tensor:
    return for_attention(block_mask(queries, keys, causal), model.config._attn_implementation, model.dtype)


def generator_config(config: transformers.ElectraConfig) -> transformers.ElectraConfig:
    """The generator's configuration: `generator_fraction` of the discriminator's widths, the same embeddings."""
    fraction = getattr(config, "generator_fraction", 0.25)
    smaller = copy.deepcopy(config)
    smaller.num_attention_heads = max(1, round(config.num_attention_heads * fraction))
    head = config.hidden_size // config.num_attention_heads
    smaller.hidden_size = smaller.num_attention_heads * head
    smaller.intermediate_size = max(MULTIPLE, round(config.intermediate_size * fraction))
    return smaller


def build_model(
    shape: ModelShape, tokenizer: TokenizerRecord, window: int, seed: int = 0, attention: str = "sdpa"
) -> transformers.PreTrainedModel:
    """The model of a recipe: freshly initialised from `seed`, or loaded from its checkpoint folder.

    Leaves torch's random state as it was. RecipeError or ModelError when it does not fit the shards' tokenizer.
    """
    if shape.checkpoint is not None:
        return load_model(Path(shape.checkpoint), tokenizer, attention)
    assert shape.shape is not None
    config = _CONFIGS[shape.shape](shape, tokenizer, window)
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _CLASSES[shape.shape](config)


def shape_of(model: transformers.PreTrainedModel) -> str:
    """Which of the shapes a model has: what an objective must be able to train; `causal` for other decoders."""
    kind = model.config.model_type
    return {"qwen2": "qwen", "qwen3": "qwen"}.get(kind, kind if kind in _CLASSES else "causal")


def load_model(folder: Path, tokenizer: TokenizerRecord, attention: str = "sdpa") -> transformers.PreTrainedModel:
    """The model in a checkpoint folder, weights from safetensors; ModelError when it does not fit the tokenizer."""
    if not (folder / "config.json").is_file():
        raise ModelError("no config.json", where=str(folder), expected="a folder written by save_pretrained")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            "no safetensors file", where=str(folder), expected="weights as safetensors: other formats are not loaded"
        )
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    kind = _LOADED.get(config.model_type, transformers.AutoModelForCausalLM)
    if config.model_type == "electra" and "ReplacedTokenModel" not in (config.architectures or []):
        raise ModelError(
            f"{', '.join(config.architectures or ['nothing'])} alone",
            where=str(folder),
            expected="generator and discriminator in one folder, as replaced-token detection saves them",
        )
    try:
        model: transformers.PreTrainedModel = kind.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, attn_implementation=attention
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"cannot be loaded ({error})", where=str(folder)) from error
    _check_vocabulary(model.config, tokenizer, str(folder))
    return model


def _check_vocabulary(config: Any, tokenizer: TokenizerRecord, where: str) -> None:
    if config.vocab_size < tokenizer.vocab_size:
        raise ModelError(
            f"an embedding of {config.vocab_size:,} ids",
            where=where,
            expected=f"at least the {tokenizer.vocab_size:,} of the shards' tokenizer",
            next_step="write the shards with the model's own tokenizer, or enlarge the model's embedding",
        )
    for name in ("eos", "bos"):
        its, ours = getattr(config, f"{name}_token_id", None), getattr(tokenizer, f"{name}_id")
        known = its if isinstance(its, list) else [its]
        if its is not None and ours is not None and ours not in known:
            raise ModelError(
                f"{name} id {its}",
                where=where,
                expected=f"{ours}, that of the shards",
                next_step="write the shards with the model's own tokenizer",
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


def _electra(shape: ModelShape, tokenizer: TokenizerRecord, window: int) -> transformers.ElectraConfig:
    config = transformers.ElectraConfig(**_encoder(shape, tokenizer, window), embedding_size=shape.hidden_size)
    config.generator_fraction = shape.generator_fraction
    return config


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


_CONFIGS: dict[str, Any] = {"llama": _llama, "qwen": _qwen, "bert": _bert, "t5": _t5, "electra": _electra}
_CLASSES: dict[str, Any] = {
    "llama": transformers.LlamaForCausalLM,
    "qwen": transformers.Qwen3ForCausalLM,
    "bert": BertForMaskedLM,
    "t5": T5ForConditionalGeneration,
    "electra": ReplacedTokenModel,
}
_LOADED: dict[str, Any] = {name: _CLASSES[name] for name in ("bert", "t5", "electra")}
