"""Replaced-token detection: a small generator fills masked positions, the discriminator says which tokens it replaced.

Source: Clark et al. 2020, "ELECTRA", section 2 and 3.2, appendix A: 15 % of the tokens become the mask id, the
generator is trained by maximum likelihood on them, its samples (never its gradients) go to the discriminator, which is
trained on every token; loss = generator + 50 * discriminator; a sample that equals the original counts as original.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from gristmill.schemas.strict import Strict
from gristmill.training.objectives.keyed import uniforms
from gristmill.training.objectives.masked import bidirectional_context, chosen_positions
from gristmill.training.objectives.registry import Setting, TokenLosses
from gristmill.training.objectives.tensors import count_labels, evaluating, on_device, tensor
from gristmill.training.objectives.windows import IGNORED, Windows, candidates, special_table
from pydantic import Field


class ReplacedOptions(Strict):
    """fraction of the candidates that is masked; the weight of the discriminator's loss."""

    fraction: float = Field(0.15, gt=0, lt=1)
    discriminator_weight: float = Field(50.0, gt=0)


class ReplacedToken:
    """For training.models.packed.ReplacedTokenModel, all (rows, window): input_ids (masked), labels (the ids behind the
    masks, -100 elsewhere), judged (True where the discriminator must decide), draws (float32, which sample the
    generator takes), position_ids, and document_ids when a row holds more than one document."""

    shapes: ClassVar[frozenset[str]] = frozenset({"electra"})
    Options: ClassVar[type[Strict]] = ReplacedOptions

    def __init__(self, setting: Setting, options: ReplacedOptions) -> None:
        self.setting, self.options = setting, options
        self.special = special_table(setting.tokenizer)

    def masked(self, windows: Windows, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(input_ids, labels, judged): a pure function of window, seed and position."""
        ids = windows["input_ids"]
        judged = candidates(windows, self.special)
        noise = uniforms(self.setting.seed, "electra which", positions, ids.shape[1])
        chosen = chosen_positions(judged, noise, self.options.fraction)
        return np.where(chosen, self.setting.tokenizer.mask_id, ids), np.where(chosen, ids, IGNORED), judged

    def __call__(self, windows: Windows, positions: np.ndarray) -> dict[str, torch.Tensor | bool | float]:
        hidden, labels, judged = self.masked(windows, positions)
        draws = uniforms(self.setting.seed, "electra sample", positions, hidden.shape[1])
        return {
            "input_ids": tensor(hidden),
            "labels": tensor(labels),
            "judged": tensor(judged),
            "draws": tensor(draws.astype(np.float32)),
            "discriminator_weight": self.options.discriminator_weight,
            **bidirectional_context(windows, self.setting),
        }

    def label_counts(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        """Of the generator (masked tokens) and of the discriminator (judged tokens)."""
        return torch.cat([count_labels(inputs["labels"]), inputs["judged"].sum().reshape(1)])

    def token_losses(self, model: torch.nn.Module, windows: Windows, positions: np.ndarray) -> TokenLosses:
        """The weighted loss of the discriminator on every judged token, plus the generator's where it was masked."""
        inputs = on_device(self(windows, positions), model)
        with evaluating(model):
            output = model(**inputs)
        losses = output.generator_losses + self.options.discriminator_weight * output.discriminator_losses
        return TokenLosses(losses.float().cpu().numpy(), inputs["judged"].cpu().numpy())
