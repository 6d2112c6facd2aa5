"""Span corruption: replace spans by sentinels and write the spans out, an encoder-decoder objective.

Source: Raffel et al. 2020, "Exploring the limits of transfer learning" (T5), section 3.1.4 and 3.3.4: 15 % of the
tokens in spans of mean length 3. How spans are drawn follows the authors' `random_spans_noise_mask` (the length fixes
the number of noise tokens and of spans; noise and text are each cut into non-empty parts at random) but for one
thing: there a text begins with text and ends with noise, so a short document would always lose its end and nothing
else; here it may begin and end with either. Each document is corrupted as if it were alone: spans never cross
documents, and each document counts sentinels from the first one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.strict import Strict
from gristmill.training.objectives.keyed import uniforms
from gristmill.training.objectives.registry import Setting, TokenLosses
from gristmill.training.objectives.tensors import cross_entropy_rows, evaluating, on_device, tensor
from gristmill.training.objectives.windows import (
    IGNORED,
    Windows,
    candidates,
    document_numbers,
    special_table,
)
from pydantic import Field

MULTIPLE = 8  # lengths are rounded up to it


class SpanOptions(Strict):
    """fraction of the candidates that is noise, and the mean length of its spans."""

    fraction: float = Field(0.15, gt=0, lt=1)
    mean_span_tokens: float = Field(3.0, ge=1)


def span_noise(
    candidate: np.ndarray, documents: np.ndarray, noise: np.ndarray, fraction: float, mean_span: float
) -> np.ndarray:
    """bool (rows, window): True for noise; noise (2, rows, window) draws where noise and text are cut.

    A document of n candidates gets round(n * fraction) noise tokens, at least 1 and at most n - 1, in
    round(noise / mean_span) spans, at least 1; one of fewer than 2 candidates gets none. Candidates are numbered
    through, so a position that is none (a special id, a forgotten token) inside a span splits it in two.
    """
    rows, width = candidate.shape
    flat = np.flatnonzero(candidate)
    group_of = (documents + np.arange(rows)[:, None] * (width + 1)).ravel()[flat]
    starts = np.flatnonzero(np.r_[True, group_of[1:] != group_of[:-1]]) if len(flat) else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, len(flat)])
    starts, lengths = starts[lengths > 1], lengths[lengths > 1]
    result = np.zeros(candidate.size, bool)
    if not len(lengths):
        return result.reshape(rows, width)
    hidden = np.clip(np.rint(lengths * fraction).astype(np.int64), 1, lengths - 1)
    text = lengths - hidden
    spans = np.clip(np.rint(hidden / mean_span).astype(np.int64), 1, np.minimum(hidden, text + 1))
    text_draws, noise_draws = noise.reshape(2, -1)[:, flat]
    # Text, noise, text, ..., noise, text: of the text parts only the first and the last may be empty.
    parts = np.empty((2 * spans + 1).sum(), np.int64)
    turn = _ramp(2 * spans + 1)
    text_parts = _cut(text + 2, spans + 1, text_draws, starts)
    ends = np.cumsum(spans + 1)
    text_parts[ends - 1] -= 1
    text_parts[ends - spans - 1] -= 1
    parts[turn % 2 == 0] = text_parts
    parts[turn % 2 == 1] = _cut(hidden, spans, noise_draws, starts)
    flags = np.repeat(turn % 2 == 1, parts)
    chosen = np.repeat(starts, lengths) + _ramp(lengths)
    result[flat[chosen]] = flags
    return result.reshape(rows, width)


def _ramp(lengths: np.ndarray) -> np.ndarray:
    """0 .. length - 1 for each length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)


def _cut(totals: np.ndarray, parts: np.ndarray, draws: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Each total cut into its number of non-empty parts, every cut equally likely: int64 (sum of parts,).

    Of the total - 1 places to cut, those with the least draws are taken; the draws of total i begin at starts[i].
    """
    places = totals - 1
    group = np.repeat(np.arange(len(totals)), places)
    place = _ramp(places) if places.any() else np.zeros(0, np.int64)
    draw = draws[np.repeat(starts, places) + place]
    order = np.lexsort((draw, group))
    rank = np.empty(len(order), np.int64)
    rank[order] = place  # places of a group count up, and so do ranks within it
    is_cut = rank < (parts - 1)[group]
    bounds = np.cumsum(totals) - totals
    cuts = np.sort(np.r_[bounds, bounds[group[is_cut]] + place[is_cut] + 1])
    return np.diff(np.r_[cuts, totals.sum()])


@dataclass(frozen=True)
class Corrupted:
    """What the encoder reads and the decoder writes, padded on the right: int64 (rows, length).

    documents, target_documents: the document of each position, 0 for padding. target_columns: the window column a
    target token came from, -1 for sentinels, document ends and padding.
    """

    inputs: np.ndarray
    documents: np.ndarray
    targets: np.ndarray
    target_documents: np.ndarray
    target_columns: np.ndarray


def corrupt(
    input_ids: np.ndarray, noise: np.ndarray, documents: np.ndarray, sentinels: np.ndarray, eos_id: int, pad_id: int
) -> Corrupted:
    """Noise spans become sentinels in the inputs; targets are, document by document, each sentinel with its span, and
    an EOS. Spans beyond a document's supply of sentinels stay text. Documents without noise have no target."""
    rows, width = input_ids.shape
    new_document = np.ones((rows, width), bool)
    new_document[:, 1:] = documents[:, 1:] != documents[:, :-1]
    opens = noise & (new_document | ~np.roll(noise, 1, axis=1))
    opens[:, 0] = noise[:, 0]
    opened = np.cumsum(opens, axis=1)
    before = np.maximum.accumulate(np.where(new_document, opened - opens, 0), axis=1)
    number = opened - before - 1  # of the span within its document
    noise = noise & (number < len(sentinels))
    opens &= noise
    sentinel = sentinels[np.clip(number, 0, len(sentinels) - 1)]
    real = documents > 0
    inputs, input_documents, _ = _squeezed(
        np.where(opens, sentinel, input_ids), documents, np.zeros_like(documents), real & (~noise | opens), pad_id
    )
    last = np.zeros((rows, width), bool)
    noisy = np.zeros((rows, width), bool)
    at, row = np.nonzero(noise.T)  # the last noise position of each document is written last
    final: np.ndarray = np.full((rows, int(documents.max(initial=0)) + 1), -1)
    final[row, documents[row, at]] = at
    owner, document = np.nonzero(final >= 0)
    last[owner, final[owner, document]] = True
    noisy[row, at] = True
    # Three slots for each position: the sentinel that opens a span, the token itself, the EOS behind the last.
    tokens = np.stack([sentinel, input_ids, np.full_like(input_ids, eos_id)], axis=2).reshape(rows, -1)
    kept = np.stack([opens, noisy, last], axis=2).reshape(rows, -1)
    columns = np.full((rows, width, 3), -1)
    columns[:, :, 1] = np.arange(width)[None, :]
    targets, target_documents, target_columns = _squeezed(
        tokens, np.repeat(documents, 3, axis=1), columns.reshape(rows, -1), kept, pad_id
    )
    return Corrupted(inputs, input_documents, targets, target_documents, target_columns)


def _squeezed(
    tokens: np.ndarray, documents: np.ndarray, columns: np.ndarray, kept: np.ndarray, pad_id: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The kept positions of each row moved to the left; the rest is padding, document 0, column -1."""
    counts = kept.sum(axis=1)
    length = -(-max(int(counts.max(initial=0)), 1) // MULTIPLE) * MULTIPLE
    row, source = np.nonzero(kept)
    column = _ramp(counts) if len(row) else np.zeros(0, np.int64)
    shape = (len(tokens), length)
    squeezed = (np.full(shape, pad_id), np.zeros(shape, np.int64), np.full(shape, -1))
    for result, values in zip(squeezed, (tokens, documents, columns), strict=True):
        result[row, column] = values[row, source]
    return squeezed


def restore(inputs: np.ndarray, targets: np.ndarray, sentinels: np.ndarray, eos_id: int, pad_id: int) -> np.ndarray:
    """The text of one row again: each sentinel of the inputs replaced by what follows it in the targets.

    >>> restore(np.array([5, 90, 6, 91, 1]), np.array([90, 7, 8, 91, 9, 1]), np.array([90, 91]), 1, 0).tolist()
    [5, 7, 8, 6, 9, 1]
    """
    known = {int(sentinel) for sentinel in sentinels}
    spans: list[list[int]] = []
    for token in targets.tolist():
        if token in known:
            spans.append([])
        elif token not in (eos_id, pad_id):
            spans[-1].append(token)
    waiting = iter(spans)
    text: list[int] = []
    for token in inputs.tolist():
        text.extend(next(waiting) if token in known else [token])
    return np.array([token for token in text if token != pad_id], np.int64)


class SpanCorruption:
    """input_ids (rows, inputs), labels and decoder_input_ids (rows, targets), document_ids and decoder_document_ids of
    the same shapes, from which the model builds its three block masks (training.models); no cache.

    Lengths are the batch's longest, rounded up to a multiple of 8. The decoder starts every document with the pad id,
    as T5 does, so a packed document sees what it would see alone.
    """

    shapes: ClassVar[frozenset[str]] = frozenset({"t5"})
    Options: ClassVar[type[Strict]] = SpanOptions

    def __init__(self, setting: Setting, options: SpanOptions) -> None:
        self.setting, self.options = setting, options
        self.special = special_table(setting.tokenizer)
        self.sentinels = np.array(setting.tokenizer.sentinel_ids, np.int64)
        spans = int(np.rint(np.rint(setting.window * options.fraction) / options.mean_span_tokens))
        if len(self.sentinels) < max(spans, 1):
            raise RecipeError(
                f"{len(self.sentinels)} sentinel ids for {max(spans, 1)} spans in a window of {setting.window} tokens",
                where="objective span_corruption",
                expected="a sentinel for every span",
                next_step="reserve more sentinels when writing shards, make spans longer, or the window shorter",
            )

    def corrupted(self, windows: Windows, positions: np.ndarray) -> Corrupted:
        """A pure function of window, seed and position."""
        ids = windows["input_ids"]
        documents = document_numbers(windows, self.setting.tokenizer)
        draws = [
            uniforms(self.setting.seed, purpose, positions, ids.shape[1]) for purpose in ("span text", "span noise")
        ]
        noise = span_noise(
            candidates(windows, self.special),
            documents,
            np.stack(draws),
            self.options.fraction,
            self.options.mean_span_tokens,
        )
        tokenizer = self.setting.tokenizer
        return corrupt(ids, noise, documents, self.sentinels, tokenizer.eos_id, tokenizer.pad_id)

    def __call__(self, windows: Windows, positions: np.ndarray) -> dict[str, torch.Tensor | bool | float]:
        return self._inputs(self.corrupted(windows, positions))

    def _inputs(self, corrupted: Corrupted) -> dict[str, torch.Tensor | bool | float]:
        pad_id = self.setting.tokenizer.pad_id
        targets, documents = corrupted.targets, corrupted.target_documents
        previous = np.full_like(targets, pad_id)
        previous[:, 1:] = np.where(documents[:, 1:] == documents[:, :-1], targets[:, :-1], pad_id)
        return {
            "input_ids": tensor(corrupted.inputs),
            "document_ids": tensor(corrupted.documents),
            "decoder_input_ids": tensor(previous),
            "decoder_document_ids": tensor(documents),
            "labels": tensor(np.where(documents > 0, targets, IGNORED)),
            "use_cache": False,
        }

    def token_losses(self, model: torch.nn.Module, windows: Windows, positions: np.ndarray) -> TokenLosses:
        """Losses of the noise tokens, each at its place in the window; sentinels and ends are not scored."""
        corrupted = self.corrupted(windows, positions)
        inputs = on_device(self._inputs(corrupted), model)
        labels = inputs.pop("labels")
        with evaluating(model):
            target_losses = cross_entropy_rows(model(**inputs).logits, labels)
        shape = windows["input_ids"].shape
        losses, scored = np.zeros(shape, np.float32), np.zeros(shape, bool)
        row, target = np.nonzero(corrupted.target_columns >= 0)
        column = corrupted.target_columns[row, target]
        losses[row, column] = target_losses[row, target]
        scored[row, column] = True
        return TokenLosses(losses, scored)
