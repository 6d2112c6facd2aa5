"""Losses of the sequences of a stream and of their documents: what the watch looks at when a step is a spike.

Losses are taken without gradients, in evaluation mode, with the masks of training, so no document sees its neighbours.
Where a sequence's loss is not finite, its documents are run again one to a row: a NaN passes through attention weights
of zero.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from gristmill.training.data.inputs import Stream, Windows, WindowSpan
from gristmill.training.objectives.registry import Objective, TokenLosses
from gristmill.training.objectives.tensors import batch_loss, evaluating, on_device
from gristmill.training.objectives.windows import IGNORED
from gristmill.training.stability.blame import DocumentLoss

ROWS = 8


class StreamLosses:
    """Losses of served sequences and of their documents under the model as it is now."""

    def __init__(self, stream: Stream, objective: Objective, model: Any) -> None:
        self.stream, self.objective, self.model = stream, objective, model

    def batch(self, indices: Sequence[int]) -> float | None:
        """The training loss of these sequences as one batch; None where no token of them has a label."""
        micro_batches = [self.objective(*self._windows(some)) for some in _chunks(indices)]
        counts = torch.stack([self.objective.label_counts(inputs) for inputs in micro_batches]).sum(dim=0)
        if not int(counts.sum()):
            return None
        counts = counts.to(next(self.model.parameters()).device)
        with evaluating(self.model):
            shares = [batch_loss(self.model, on_device(inputs, self.model), counts) for inputs in micro_batches]
        return sum(float(share) for share in shares)

    def sequences(self, indices: Sequence[int]) -> list[float | None]:
        """Mean loss of each sequence: NaN where it is not finite, None where nothing is learned from it."""
        found: list[float | None] = []
        for some in _chunks(indices):
            measured = self._measure(*self._windows(some))
            found += [_mean(measured, row) for row in range(len(some))]
        return found

    def documents(self, indices: Sequence[int]) -> Iterator[DocumentLoss]:
        """The loss of every document of these sequences that bears any."""
        for index in indices:
            windows, positions = self._windows([index])
            measured = self._measure(windows, positions)
            whole = _mean(measured, 0)
            finite = whole is None or np.isfinite(whole)
            for span in self.stream.documents(index):
                start, end, own = span.start, span.end, measured
                if not finite:
                    own = self._measure(_one_document(windows, span), positions)
                    start, end = 0, span.end - span.start
                tokens = int(own.scored[0, start:end].sum())
                if tokens:
                    loss = own.mean(0, start, end)
                    yield DocumentLoss(span.doc_id, span.source, span.url, index, int(positions[0]), tokens, loss)

    def source(self, index: int) -> str:
        """The source that most of the sequence's tokens come from."""
        tokens: dict[str, int] = {}
        for span in self.stream.documents(index):
            tokens[span.source] = tokens.get(span.source, 0) + span.end - span.start
        return max(sorted(tokens), key=lambda name: tokens[name]) if tokens else ""

    def positions(self, indices: Sequence[int]) -> list[int]:
        """The plan positions of these sequences."""
        return [int(self.stream.positions(index, index + 1)[0]) for index in indices]

    def _windows(self, indices: Sequence[int]) -> tuple[Windows, np.ndarray]:
        singles = [self.stream.batch(index, index + 1) for index in indices]
        positions = np.concatenate([self.stream.positions(index, index + 1) for index in indices])
        return {name: np.concatenate([one[name] for one in singles]) for name in singles[0]}, positions

    def _measure(self, windows: Windows, positions: np.ndarray) -> TokenLosses:
        return self.objective.token_losses(self.model, windows, positions)


def _one_document(windows: Windows, span: WindowSpan) -> Windows:
    """A window that holds only this document: its tokens first, then its last token again with no label."""
    length = span.end - span.start
    alone = {}
    for name, values in windows.items():
        row = np.empty_like(values)
        row[0, :length] = values[0, span.start : span.end]
        row[0, length:] = IGNORED if name == "labels" else values[0, span.end - 1]
        alone[name] = row
    alone["position_ids"][0] = np.concatenate([np.arange(length), np.arange(row.shape[1] - length)])
    return alone


def _mean(measured: TokenLosses, row: int) -> float | None:
    return measured.mean(row, 0, measured.losses.shape[1]) if measured.scored[row].any() else None


def _chunks(indices: Sequence[int]) -> Iterator[list[int]]:
    for first in range(0, len(indices), ROWS):
        yield list(indices[first : first + ROWS])
