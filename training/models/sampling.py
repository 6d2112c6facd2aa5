"""Completions, drawn so that each depends on its own key alone: not on the batch, the process, or what was drawn before.

A token is drawn by the Gumbel-max trick: to the logits, tempered and limited to top_k and top_p, noise of the completion's own
generator is added, and the largest wins; that is exactly a draw from their softmax (Gumbel 1954; Maddison 2014). So a run that
is resumed writes the same completions again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from gristmill.training.objectives.tensors import evaluating
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList


@dataclass(frozen=True)
class Sampling:
    """max_new_tokens: of a completion, its end included. top_k: 0 for all. rows: completions that are drawn at once."""

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    rows: int = 64


def key_of(*parts: int) -> int:
    """A key that is a hash of numbers, as seed, step and row."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class KeyedDraw(LogitsProcessor):
    """Leaves one token possible in each row: the one that the row's generator draws."""

    def __init__(self, keys: Sequence[int], sampling: Sampling, device: Any) -> None:
        self.sampling = sampling
        self.generators = [torch.Generator(device).manual_seed(key) for key in keys]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        tempered = keep_likeliest(scores.float() / self.sampling.temperature, self.sampling.top_k, self.sampling.top_p)
        noise = [
            torch.empty_like(row).exponential_(generator=g).log_()
            for row, g in zip(tempered, self.generators, strict=True)
        ]
        drawn = (tempered - torch.stack(noise)).argmax(dim=-1, keepdim=True)
        return torch.full_like(tempered, -torch.inf).scatter_(1, drawn, 0.0)


def keep_likeliest(scores: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Scores (rows, vocabulary), minus infinity outside the top_k likeliest and the fewest that hold top_p of the mass.

    >>> keep_likeliest(torch.tensor([[2.0, 1.0, 0.0]]), 2, 1.0).tolist()
    [[2.0, 1.0, -inf]]
    """
    if 0 < top_k < scores.shape[-1]:
        least = scores.topk(top_k).values[:, -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    if top_p < 1:
        ordered, places = scores.sort(dim=-1, descending=True)
        mass = ordered.softmax(-1)
        beyond = mass.cumsum(-1) - mass >= top_p  # what stands before the token holds enough already
        scores = scores.masked_fill(torch.zeros_like(beyond).scatter_(1, places, beyond), -torch.inf)
    return scores


def draw_completions(
    model: Any,
    prompts: Sequence[Sequence[int]],
    keys: Sequence[int],
    sampling: Sampling,
    ends: Sequence[int],
    pad_id: int,
) -> list[list[int]]:
    """The ids of one completion of each prompt, its end included where it came to one.

    keys: one for each prompt. ends: ids that end a completion. The model's mode and the global random state stay as they are.
    """
    found: list[list[int]] = []
    device = next(model.parameters()).device
    for first in range(0, len(prompts), sampling.rows):
        some = prompts[first : first + sampling.rows]
        width = max(len(ids) for ids in some)
        ids = torch.tensor([[pad_id] * (width - len(own)) + list(own) for own in some], device=device)
        mask = torch.tensor([[0] * (width - len(own)) + [1] * len(own) for own in some], device=device)
        config = GenerationConfig(
            do_sample=False, max_new_tokens=sampling.max_new_tokens, eos_token_id=list(ends), pad_token_id=pad_id
        )
        draw = KeyedDraw(keys[first : first + sampling.rows], sampling, device)
        with evaluating(model):
            written = model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=config,
                logits_processor=LogitsProcessorList([draw]),
            )
        found += [_up_to_end(row, ends) for row in written[:, width:].tolist()]
    return found


def _up_to_end(ids: list[int], ends: Sequence[int]) -> list[int]:
    place = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[: place + 1]
