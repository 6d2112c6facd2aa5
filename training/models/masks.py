"""Keeping packed documents apart: what each kind of model needs, and the proof that it works.

Two documents in one row must not see each other. Measured against the same documents run alone:

- decoder-only models need positions that restart, no attention mask and `use_cache=False` on every call; with a mask
  or a cache transformers no longer looks at the positions and the second document attends to the first;
- BERT and ELECTRA never look at the positions: they need a block-diagonal mask, or one document a row;
- T5 has no positions at all: it needs block masks in encoder, decoder and cross-attention.

`refuse_what_leaks` runs the very model on two documents, together and alone, before any training or scoring.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gristmill.schemas.errors import ModelError
from gristmill.training.objectives.registry import Objective
from gristmill.training.objectives.tensors import batch_loss, evaluating, on_device
from gristmill.training.objectives.windows import IGNORED

PROMPT_LEARNING = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING")
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}  # rounding between two shapes, of the logits' spread
HALF_TOLERANCE = 5e-2
OWN_MEAN_TOLERANCE = 1e-2
INFLUENCE = 1e-6  # rounding between two runs of one shape: none was seen


def block_mask(queries: torch.Tensor, keys: torch.Tensor, causal: bool = False) -> torch.Tensor:
    """bool (rows, 1, queries, keys): True where both are of one document, and with `causal` not after the query.

    queries, keys: document numbers, (rows, length).

    >>> block_mask(torch.tensor([[1, 1, 2]]), torch.tensor([[1, 1, 2]]), causal=True).int()[0, 0].tolist()
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    """
    mask = queries[:, :, None] == keys[:, None, :]
    if causal:
        mask = mask & torch.ones(mask.shape[1:], dtype=torch.bool, device=mask.device).tril()
    return mask[:, None]


def for_attention(mask: torch.Tensor, implementation: str | None, dtype: torch.dtype) -> torch.Tensor:
    """The mask as the attention implementation reads it: sdpa as it is, eager as numbers to add."""
    if implementation == "sdpa":
        return mask
    if implementation == "eager":
        return torch.where(mask, 0.0, torch.finfo(dtype).min).to(dtype)
    raise ModelError(
        f"attention {implementation!r} with packed rows of this model",
        expected="sdpa or eager: they take a mask of documents",
        next_step="load the model with attn_implementation='sdpa', or put one document in a row",
    )


@dataclass(frozen=True)
class Leak:
    """How far two documents in one row disturb each other, as a part of the spread of the logits.

    alone: largest difference from the same document run alone. influence: largest change of a document's logits when
    only the other document's tokens change; nothing but a leak can cause one, whatever the precision.
    """

    alone: float
    influence: float
    tolerance: float

    def __bool__(self) -> bool:
        """True when there is one, NaN included."""
        return not (self.alone <= self.tolerance and self.influence <= INFLUENCE)

    def __str__(self) -> str:
        return f"logits differ by {self.alone:.2g} of their spread from the same documents run alone" + (
            f", and by {self.influence:.2g} when only the other document changes"
        )


Run = Callable[[torch.nn.Module, dict[str, Any]], torch.Tensor]


def refuse_what_leaks(model: torch.nn.Module, objective: Objective, ordinary: np.ndarray, window: int) -> None:
    """ModelError when two documents in one row of this model see each other, or when it cannot be run that way.

    ordinary: ids the probe may be made of. Costs four forward passes over at most 64 tokens.
    """
    _refuse_prompt_learning(model)
    found = leak(model, objective, ordinary, min(window, 64))
    if found:
        raise ModelError(
            f"packed documents see each other: {found}",
            where=type(model).__name__,
            expected="no difference but rounding",
            next_step="use a model built or loaded by gristmill, attention sdpa or eager, or one document a row",
        )


def refuse_own_mean(model: torch.nn.Module, objective: Objective, ordinary: np.ndarray, window: int) -> None:
    """ModelError when the model's loss is a mean of its own, not the sum over the number of labels that it is given.

    Such a model would weight each micro batch alike, however few tokens of it have a label.
    """
    length = min(window, 64) // 2
    ids = np.random.default_rng(0).choice(ordinary, (1, 2 * length)).astype(np.int64)
    inputs = on_device(objective(_probe(ids), np.zeros(1, np.int64)), model)
    counts = objective.label_counts(inputs)
    with evaluating(model):
        once, half = (float(batch_loss(model, inputs, counts * times)) for times in (1, 2))
    if not abs(once - 2 * half) <= OWN_MEAN_TOLERANCE * abs(once):
        raise ModelError(
            f"its loss is {once:.6g} for {counts.tolist()} labels and {half:.6g} for twice as many",
            where=type(model).__name__,
            expected="half of it: the sum of the tokens' losses over the number of labels in the whole batch",
            next_step="use a model whose forward takes num_items_in_batch",
        )


def leak(
    model: torch.nn.Module, objective: Objective, ordinary: np.ndarray, window: int, run: Run | None = None
) -> Leak:
    """Two random documents of half a window each, in one row, against each alone and against the other changed.

    run: how the model is called to give logits; by default in evaluation mode. An objective that rearranges documents
    (`probed_as`) is probed with rows in which they stand as they are: what keeps documents apart is the same.
    """
    objective = getattr(objective, "probed_as", objective)
    length = window // 2
    ids, other = np.random.default_rng(0).choice(ordinary, (2, 1, 2 * length)).astype(np.int64)
    run = run or evaluated
    inputs = on_device(objective(_probe(ids), np.zeros(1, np.int64)), model)
    together = run(model, inputs).float()
    spread = float(together.std()) or 1.0
    alone = influence = 0.0
    for number, half in ((1, slice(0, length)), (2, slice(length, None))):
        # The document alone must wear the same disguise (masks, sentinels): it is cut out of the row's own inputs.
        own, at = _document(inputs, number, length)
        alone = max(alone, float((run(model, own).float() - together[:, at]).abs().max()))
        changed = other.copy()
        changed[:, half] = ids[:, half]
        beside = run(model, on_device(objective(_probe(changed), np.zeros(1, np.int64)), model)).float()
        influence = max(influence, float((beside[:, at] - together[:, at]).abs().max()))
    precision = next(model.parameters()).dtype
    return Leak(alone / spread, influence / spread, TOLERANCE.get(precision, HALF_TOLERANCE))


def _probe(ids: np.ndarray) -> dict[str, np.ndarray]:
    places = np.tile(np.arange(ids.shape[1] // 2), 2)[None, :]
    return {"input_ids": ids, "position_ids": places, "labels": np.where(places == 0, IGNORED, ids)}


def evaluated(model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
    """The logits in evaluation mode."""
    with evaluating(model):
        output: torch.Tensor = model(**inputs).logits
    return output


def _document(inputs: dict[str, Any], number: int, length: int) -> tuple[dict[str, Any], torch.Tensor]:
    """The inputs of one document of the probe's row, alone, and where its logits are in the row's."""
    encoder_side = torch.zeros(2 * length, dtype=torch.bool)
    encoder_side[(number - 1) * length : number * length] = True
    if "decoder_document_ids" not in inputs:
        own = {key: _columns(value, encoder_side) for key, value in inputs.items()}
        own.pop("document_ids", None)
        return own, encoder_side
    encoder_side = inputs["document_ids"][0] == number
    decoder_side = inputs["decoder_document_ids"][0] == number
    decoder = {"labels", "decoder_input_ids", "decoder_document_ids"}
    own = {key: _columns(value, decoder_side if key in decoder else encoder_side) for key, value in inputs.items()}
    return {key: value for key, value in own.items() if not key.endswith("document_ids")}, decoder_side


def _columns(value: Any, chosen: torch.Tensor) -> Any:
    return value[:, chosen.to(value.device)] if isinstance(value, torch.Tensor) else value


def _refuse_prompt_learning(model: torch.nn.Module) -> None:
    for name, adapter in getattr(model, "peft_config", {}).items():
        kind = str(getattr(adapter, "peft_type", "")).rpartition(".")[2]
        if kind in PROMPT_LEARNING:
            raise ModelError(
                f"adapter {name!r} is {kind}: it drops the positions that keep packed documents apart",
                expected="LoRA or another adapter that leaves positions alone",
                next_step="put one document in a row, or choose another adapter",
            )
