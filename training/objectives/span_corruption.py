# mypy: disallow-untyped-defs=False
"""Span corruption: replace spans by sentinels and write the spans out, an encoder-decoder objective.

Source: Raffel et al. 2020, "Exploring the limits of transfer learning" (T5), section 3.1.4 and 3.3.4: 15 % of the
tokens in spans of mean length 3. How spans are drawn follows the authors' `random_spans_noise_mask` (the length fixes
the number of noise tokens and of spans; noise and text are each split into non-empty parts at random) but for one
thing: there a text begins with text and ends with noise, so a short document would always lose its end and nothing
else; here it may begin and end with either. Each document is corrupted as if it were alone: spans never cross
documents, and each document counts sentinels from the first one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    """bool (rows, window): True for noise; noise (2, rows, window) draws where noise and text are split.

    A document of n candidates gets round(n * fraction) noise tokens, at least 1 and at most n - 1, in
    round(noise / mean_span) spans, at least 1; one of fewer than 2 candidates gets none. Candidates are numbered
    through, so a position that is none (a special id, a forgotten token) inside a span splits it in two.
    """
    hidden = np.zeros(candidate.shape, bool)
    _draw_spans(candidate, documents, noise, fraction, mean_span, hidden)
    return hidden


@kernel
def _draw_spans(candidate, documents, draws, fraction, mean_span, hidden):
    rows, width = candidate.shape
    place = np.empty(width, np.int64)
    text_parts, noise_parts = np.empty(width + 2, np.int64), np.empty(width + 2, np.int64)
    for row in range(rows):
        start = 0
        while start < width:
            count, end = 0, start
            while end < width and documents[row, end] == documents[row, start]:
                if candidate[row, end]:
                    place[count] = end
                    count += 1
                end += 1
            start = end
            if count < 2:
                continue
            noise = min(max(round(count * fraction), 1), count - 1)
            text = count - noise
            spans = min(max(round(noise / mean_span), 1), noise, text + 1)
            # Text, noise, text, ..., noise, text: of the text parts only the first and the last may be empty.
            _random_lengths(text + 2, spans + 1, draws[0, row], place, text_parts)
            text_parts[0] -= 1
            text_parts[spans] -= 1
            _random_lengths(noise, spans, draws[1, row], place, noise_parts)
            at = text_parts[0]
            for span in range(spans):
                for _ in range(noise_parts[span]):
                    hidden[row, place[at]] = True
                    at += 1
                at += text_parts[span + 1]


@kernel
def _random_lengths(total, parts, draws, place, lengths):
    """`total` split into `parts` non-empty lengths, every way equally likely: selection sampling of the places to split."""
    wanted, left, part, length = parts - 1, total - 1, 0, 1
    for i in range(total - 1):
        if draws[place[i]] * left < wanted:
            lengths[part] = length
            part += 1
            length = 0
            wanted -= 1
        left -= 1
        length += 1
    lengths[part] = length


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
    inputs, input_documents = np.full((rows, width), pad_id), np.zeros((rows, width), np.int64)
    longest = 2 * int(noise.sum(axis=1).max(initial=0)) + int(documents.max(initial=0))
    targets, target_documents = np.full((rows, longest), pad_id), np.zeros((rows, longest), np.int64)
    columns = np.full((rows, longest), -1)
    lengths = np.zeros((2, rows), np.int64)
    _write_out(
        input_ids,
        noise,
        documents,
        sentinels,
        eos_id,
        inputs,
        input_documents,
        targets,
        target_documents,
        columns,
        lengths,
    )
    read, written = (-(-max(int(length), 1) // MULTIPLE) * MULTIPLE for length in lengths.max(axis=1))
    return Corrupted(
        _of_width(inputs, read, pad_id),
        _of_width(input_documents, read, 0),
        _of_width(targets, written, pad_id),
        _of_width(target_documents, written, 0),
        _of_width(columns, written, -1),
    )


def _of_width(array: np.ndarray, width: int, filling: int) -> np.ndarray:
    """Truncated, or filled up, to that many columns."""
    result = np.full((len(array), width), filling)
    result[:, : array.shape[1]] = array[:, :width]
    return result


@kernel
def _write_out(
    ids, noise, documents, sentinels, eos_id, inputs, input_documents, targets, target_documents, columns, lengths
):
    rows, width = ids.shape
    for row in range(rows):
        read, written = 0, 0
        span, inside = -1, False
        for column in range(width):
            document = documents[row, column]
            if column and document != documents[row, column - 1]:
                span, inside = -1, False
            if document == 0:
                continue
            hidden = noise[row, column]
            if hidden and not inside:
                span += 1
            inside = hidden
            hidden = hidden and span < len(sentinels)
            opens = hidden and (column == 0 or documents[row, column - 1] != document or not noise[row, column - 1])
            if opens:
                inputs[row, read], input_documents[row, read] = sentinels[span], document
                read += 1
                targets[row, written], target_documents[row, written] = sentinels[span], document
                written += 1
            if hidden:
                targets[row, written], target_documents[row, written] = ids[row, column], document
                columns[row, written] = column
                written += 1
            else:
                inputs[row, read], input_documents[row, read] = ids[row, column], document
                read += 1
            ends = column + 1 == width or documents[row, column + 1] != document
            if ends and span >= 0:
                targets[row, written], target_documents[row, written] = eos_id, document
                written += 1
        lengths[0, row], lengths[1, row] = read, written


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
    the same shapes, from which the model builds its three block masks (training.models.packed); no cache.

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

    def label_counts(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        return count_labels(inputs["labels"])

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
