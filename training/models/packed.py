"""Models over packed rows: BERT, T5 and ELECTRA as transformers has them, with two differences.

They take document numbers and build the block masks that keep packed documents apart (training.models.masks), and their loss is
divided by the number of labels of the whole batch when the Trainer tells it, so splitting a batch into micro-batches
changes nothing. BERT and T5 have the names of transformers' classes and save what those load. ELECTRA is two models in
one; what it saves while training is its own, and `save_parts` writes what transformers loads.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from gristmill.training.models.masks import block_mask, for_attention
from gristmill.training.objectives.windows import IGNORED
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers.modeling_outputs import MaskedLMOutput, Seq2SeqLMOutput
from transformers.models.electra.modeling_electra import ElectraPreTrainedModel
from transformers.utils import ModelOutput

GENERATOR = "generator"
MULTIPLE = 8  # a default feed-forward width is rounded up to it
_SIZES = ("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers")


def label_loss(logits: torch.Tensor, labels: torch.Tensor, labels_in_batch: torch.Tensor | int | None) -> torch.Tensor:
    """Cross-entropy of the labels that are not -100: their sum over `labels_in_batch`, or their mean without it.

    Where there is no label the mean is 0, not NaN.
    """
    flat = logits.reshape(-1, logits.shape[-1]).float()
    if labels_in_batch is None:
        labels_in_batch = (labels != IGNORED).sum().clamp(min=1)
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
            kwargs["attention_mask"] = _documents_apart(self, decoder_document_ids, document_ids, padding_sees_all=True)
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


class ReplacedTokenConfig(transformers.ElectraConfig):
    """ELECTRA's configuration, of the discriminator, with the sizes of the generator in `generator`.

    generator_fraction: hidden size, heads and feed-forward width of the generator as a part of the discriminator's, for a
    generator without sizes of its own; the paper finds 1/4 to 1/2 best. The model type is none that transformers knows,
    because the Auto classes would load such a folder with fresh weights.
    """

    model_type = "replaced_token"
    generator_fraction: float = 0.25
    generator: dict[str, Any] | None = None

    def of_discriminator(self) -> transformers.ElectraConfig:
        """The configuration of the discriminator alone."""
        own = {"model_type", "architectures", "generator_fraction", "generator", "transformers_version"}
        config = transformers.ElectraConfig(**{key: value for key, value in self.to_dict().items() if key not in own})
        config._attn_implementation = self._attn_implementation
        return config

    def of_generator(self) -> transformers.ElectraConfig:
        """The configuration of the generator alone: the same embeddings, other widths."""
        config = self.of_discriminator()
        for name, value in (self.generator or self._fraction_of_sizes()).items():
            setattr(config, name, value)
        return config

    def _fraction_of_sizes(self) -> dict[str, int]:
        heads = max(1, round(self.num_attention_heads * self.generator_fraction))
        return {
            "num_attention_heads": heads,
            "hidden_size": heads * (self.hidden_size // self.num_attention_heads),
            "intermediate_size": max(MULTIPLE, round(self.intermediate_size * self.generator_fraction)),
        }


class ReplacedTokenModel(ElectraPreTrainedModel):
    """ELECTRA's generator and discriminator, sharing all embeddings (section 3.2 of the paper), in one module.

    The loss is the generator's mean over masked tokens plus the
    weighted mean of the discriminator over judged tokens, those of the whole batch: `num_items_in_batch` (2,) says how
    many there are of each.
    """

    config_class = ReplacedTokenConfig
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

    def __init__(self, config: ReplacedTokenConfig) -> None:
        super().__init__(config)
        self.discriminator = transformers.ElectraForPreTraining(config.of_discriminator())
        self.generator = transformers.ElectraForMaskedLM(config.of_generator())
        self.post_init()

    @classmethod
    def of_parts(
        cls, discriminator: transformers.ElectraForPreTraining, generator: transformers.ElectraForMaskedLM
    ) -> "ReplacedTokenModel":
        """The model made of a discriminator and its generator, which must have the same embeddings."""
        own = discriminator.config.to_dict()
        config = ReplacedTokenConfig(**{key: own[key] for key in own if key not in ("model_type", "architectures")})
        config.generator = {name: getattr(generator.config, name) for name in _SIZES}
        config._attn_implementation = discriminator.config._attn_implementation
        model = cls(config)
        model.discriminator.load_state_dict(discriminator.state_dict())
        model.generator.load_state_dict(generator.state_dict())
        model.tie_weights()
        return model

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
        num_items_in_batch: torch.Tensor | None = None,
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
        counts = torch.stack([masked.sum(), judged.sum()]).clamp(min=1)
        of_generator, of_discriminator = counts if num_items_in_batch is None else num_items_in_batch
        loss = generator_losses.sum() / of_generator
        loss = loss + discriminator_weight * discriminator_losses.sum() / of_discriminator
        return ReplacedTokenOutput(loss, logits, generator_losses, discriminator_losses, replaced)

    def save_parts(self, folder: str | Path) -> None:
        """Write what transformers loads: the discriminator into `folder`, the generator into `folder`/generator."""
        self.discriminator.save_pretrained(str(folder))
        self.generator.save_pretrained(str(Path(folder) / GENERATOR))


def sample(scores: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """One id a row of scores (n, vocabulary) from its softmax: the inverse of its distribution function at draws (n,)
    in [0, 1). A function of scores and draws alone, so it is the same wherever it is computed."""
    steps = torch.softmax(scores.double(), dim=-1).cumsum(dim=-1)
    drawn = torch.searchsorted(steps, draws.double()[:, None] * steps[:, -1:], right=True)
    return drawn.squeeze(1).clamp_(max=scores.shape[-1] - 1)


def _documents_apart(
    model: transformers.PreTrainedModel,
    queries: torch.Tensor,
    keys: torch.Tensor,
    causal: bool = False,
    padding_sees_all: bool = False,
) -> torch.Tensor:
    """The mask as this model's attention reads it. padding_sees_all: a query of padding, from which nothing is learned,
    may have no key of its own kind, and attention over nothing is NaN in some kernels."""
    mask = block_mask(queries, keys, causal)
    if padding_sees_all:
        mask = mask | (queries == 0)[:, None, :, None]
    return for_attention(mask, model.config._attn_implementation, model.dtype)
