# mypy: disallow-untyped-defs=False
"""Masked language modelling: hide 15 % of the tokens and predict them from both sides.

Source: Devlin et al. 2019, "BERT", section 3.1 and appendix A: of the chosen tokens 80 % become the mask id, 10 % a
random id, 10 % stay; whole-word masking is that of the authors' later release (all pieces of a word together).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from gristmill.kernels.compile import kernel
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.strict import Strict
from gristmill.training.objectives.keyed import uniforms
from gristmill.training.objectives.registry import Setting, TokenLosses
from gristmill.training.objectives.tensors import count_labels, cross_entropy_rows, evaluating, on_device, tensor
from gristmill.training.objectives.windows import (
    IGNORED,
    Windows,
    candidates,
    document_numbers,
    ordinary_ids,
    special_table,
)
from gristmill.training.objectives.words import TokenWordTable
from pydantic import Field, model_validator


class MaskedOptions(Strict):
    """fraction of the candidates that is predicted; of those, what becomes the mask id and what a random id."""

    fraction: float = Field(0.15, gt=0, lt=1)
    mask_fraction: float = Field(0.8, ge=0, le=1)
    random_fraction: float = Field(0.1, ge=0, le=1)
    whole_words: bool = False

    @model_validator(mode="after")
    def _fractions(self) -> "MaskedOptions":
        if self.mask_fraction + self.random_fraction > 1:
            raise ValueError("mask_fraction and random_fraction are more than 1 together")
        return self


def chosen_positions(candidate: np.ndarray, draws: np.ndarray, fraction: float) -> np.ndarray:
    """bool (rows, window): in each row round(fraction * n), at least one, of its n candidates, all sets alike likely.

    Selection sampling (Fan, Muller and Rezucha 1962; Knuth, volume 2, 3.4.2, algorithm S): going through the
    candidates, each is taken with probability wanted / left.
    """
    chosen = np.zeros(candidate.shape, bool)
    _choose(candidate, draws, fraction, chosen)
    return chosen


@kernel
def _choose(candidate, draws, fraction, chosen):
    for row in range(candidate.shape[0]):
        left = 0
        for column in range(candidate.shape[1]):
            left += candidate[row, column]
        wanted = max(1, round(left * fraction))
        for column in range(candidate.shape[1]):
            if candidate[row, column]:
                if draws[row, column] * left < wanted:
                    chosen[row, column] = True
                    wanted -= 1
                left -= 1


def chosen_words(candidate: np.ndarray, inside: np.ndarray, noise: np.ndarray, fraction: float) -> np.ndarray:
    """bool (rows, window): like `chosen_positions`, but whole words, in order of the noise at their first token.

    inside: True where a token goes on with the word of the token before it. Words are taken as long as they fit into the
    number of tokens; one that does not is left out, as in the authors' code, and the next is tried. Where none fits, the
    first is taken.
    """
    chosen = np.zeros(candidate.shape, bool)
    _choose_words(candidate, inside, noise, fraction, chosen)
    return chosen


@kernel
def _choose_words(candidate, inside, noise, fraction, chosen):
    rows, width = candidate.shape
    for row in range(rows):
        starts, sizes = np.zeros(width, np.int64), np.zeros(width, np.int64)
        words = 0
        for column in range(width):
            if candidate[row, column]:
                if words == 0 or column == 0 or not (inside[row, column] and candidate[row, column - 1]):
                    starts[words] = column
                    words += 1
                sizes[words - 1] += 1
        left = max(1, round(sizes.sum() * fraction))
        order = np.argsort(noise[row][starts[:words]], kind="mergesort")
        taken = 0
        for place in range(words + 1):
            if place == words and (taken or not words):
                break
            word = order[place % words]  # after the last, the first: it is taken whatever its size
            if sizes[word] <= left or place == words:
                chosen[row, starts[word] : starts[word] + sizes[word]] = True
                left -= sizes[word]
                taken += 1


def hide(
    input_ids: np.ndarray,
    chosen: np.ndarray,
    noise: np.ndarray,
    ordinary: np.ndarray,
    mask_id: int,
    options: MaskedOptions,
) -> np.ndarray:
    """int64 (rows, window): the chosen ids replaced; noise (2, rows, window) decides how, and by which random id."""
    fate, draw = noise
    random_ids = ordinary[(draw * len(ordinary)).astype(np.int64)]
    masked = fate < options.mask_fraction
    random = ~masked & (fate < options.mask_fraction + options.random_fraction)
    return np.where(chosen & masked, mask_id, np.where(chosen & random, random_ids, input_ids))


class Masked:
    """input_ids, labels, position_ids: (rows, window); document_ids too when a row holds more than one document, from
    which the model builds its block-diagonal mask (training.models.packed)."""

    shapes: ClassVar[frozenset[str]] = frozenset({"bert"})
    Options: ClassVar[type[Strict]] = MaskedOptions

    def __init__(self, setting: Setting, options: MaskedOptions) -> None:
        self.setting, self.options = setting, options
        self.special = special_table(setting.tokenizer)
        self.ordinary = ordinary_ids(setting.tokenizer)
        self.words = _word_table(setting) if options.whole_words else None

    def masked(self, windows: Windows, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(input_ids, labels), int64 (rows, window): a pure function of window, seed and position."""
        ids = windows["input_ids"]
        candidate = candidates(windows, self.special)
        seed, width = self.setting.seed, ids.shape[1]
        which = uniforms(seed, "mlm which", positions, width)
        if self.words is None:
            chosen = chosen_positions(candidate, which, self.options.fraction)
        else:
            inside = self.words.inside(ids) & (windows["position_ids"] != 0)
            chosen = chosen_words(candidate, inside, which, self.options.fraction)
        how = np.stack([uniforms(seed, purpose, positions, width) for purpose in ("mlm fate", "mlm draw")])
        hidden = hide(ids, chosen, how, self.ordinary, self.setting.tokenizer.mask_id, self.options)
        return hidden, np.where(chosen, ids, IGNORED)

    def __call__(self, windows: Windows, positions: np.ndarray) -> dict[str, torch.Tensor | bool | float]:
        hidden, labels = self.masked(windows, positions)
        return {
            "input_ids": tensor(hidden),
            "labels": tensor(labels),
            **bidirectional_context(windows, self.setting),
        }

    def label_counts(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        return count_labels(inputs["labels"])

    def token_losses(self, model: torch.nn.Module, windows: Windows, positions: np.ndarray) -> TokenLosses:
        """Losses of the hidden tokens; the others are not scored."""
        inputs = on_device(self(windows, positions), model)
        labels = inputs.pop("labels")
        with evaluating(model):
            losses = cross_entropy_rows(model(**inputs).logits, labels)
        return TokenLosses(losses, labels.cpu().numpy() != IGNORED)


def bidirectional_context(windows: Windows, setting: Setting) -> dict[str, torch.Tensor]:
    """position_ids, and document_ids unless every row is one document: both (rows, window)."""
    context = {"position_ids": tensor(windows["position_ids"])}
    documents = document_numbers(windows, setting.tokenizer)
    if (documents != documents[:, :1]).any():
        context["document_ids"] = tensor(documents)
    return context


def _word_table(setting: Setting) -> TokenWordTable:
    if setting.tokenizer_folder is None:
        raise RecipeError(
            "whole_words without the tokenizer's folder",
            where="objective mlm",
            next_step="give the shards' tokenizer folder, or leave whole_words out",
        )
    return TokenWordTable.read(setting.tokenizer_folder, setting.tokenizer.vocab_size)
