"""Causal language modelling: predict each token from those before it in its document (Radford et al. 2018, GPT)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from gristmill.schemas.strict import Strict
from gristmill.training.objectives.registry import Setting, TokenLosses
from gristmill.training.objectives.tensors import count_labels, cross_entropy_rows, evaluating, on_device, tensor
from gristmill.training.objectives.windows import IGNORED, Windows


class CausalOptions(Strict):
    """None."""


def causal_labels(windows: Windows) -> np.ndarray:
    """int64 (rows, window): the stream's labels, -100 at every document start too: nothing in its document precedes
    it, and the model shifts labels by one, so the document before would be asked for it."""
    return np.where(windows["position_ids"] == 0, IGNORED, windows["labels"])


class CausalRows:
    """input_ids, position_ids, labels: (rows, window). Never an attention mask, and never a cache.

    transformers keeps packed documents apart by their restarting positions alone, and only when it gets neither an
    attention mask nor a cache: with either, documents attend to those before them, without a word.
    """

    shapes: ClassVar[frozenset[str]] = frozenset({"llama", "qwen", "causal"})
    Options: ClassVar[type[Strict]] = CausalOptions

    def __init__(self, positions: bool = True) -> None:
        """positions: False leaves position_ids out, for windows of one document each."""
        self.positions = positions

    def __call__(self, windows: Windows, positions: np.ndarray) -> dict[str, torch.Tensor | bool | float]:
        placed = {"position_ids": tensor(windows["position_ids"])} if self.positions else {}
        return {
            "input_ids": tensor(windows["input_ids"]),
            **placed,
            "labels": tensor(causal_labels(windows)),
            "use_cache": False,
        }

    def label_counts(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        return count_labels(inputs["labels"][:, 1:])  # the model shifts labels: the first of a row is asked of nothing

    def token_losses(self, model: torch.nn.Module, windows: Windows, positions: np.ndarray) -> TokenLosses:
        """A token's loss stands at the token, not at the one it is predicted from."""
        inputs = on_device(self(windows, positions), model)
        labels = inputs.pop("labels")
        losses = np.zeros(labels.shape, np.float32)
        with evaluating(model):
            logits = model(**inputs).logits
        losses[:, 1:] = cross_entropy_rows(logits[:, :-1], labels[:, 1:])
        scored = labels.cpu().numpy() != IGNORED
        scored[:, 0] = False
        return TokenLosses(losses, scored)


class Causal(CausalRows):
    """The same, as an objective of pre-training."""

    def __init__(self, setting: Setting, options: CausalOptions) -> None:
        super().__init__()
