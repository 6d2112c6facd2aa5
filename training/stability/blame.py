"""Which documents made a batch bad: the loss of every document, compared with documents of the clean batches before.

Losses are taken without gradients, in evaluation mode, with the masks of training, so no document sees its neighbours.
Where a sequence's loss is not finite, its documents are run again one to a row: a NaN passes through attention weights
of zero.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gristmill.training.data.inputs import Span, Stream, Windows
from gristmill.training.objectives.registry import Objective, TokenLosses
from gristmill.training.objectives.tensors import batch_loss, evaluating, on_device
from gristmill.training.objectives.windows import IGNORED
from gristmill.training.stability.detect import robust_centre

ROWS = 8
BLAME_SIGMA = 4.0
LEAST_RISE = 0.1
FEWEST_TOKENS = 4


@dataclass(frozen=True)
class DocumentLoss:
    """Mean loss of the part of a document that lies in one sequence."""

    doc_id: str
    source: str
    url: str | None
    served: int
    position: int
    tokens: int
    loss: float


class Losses:
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

    def _windows(self, indices: Sequence[int]) -> tuple[Windows, np.ndarray]:
        singles = [self.stream.batch(index, index + 1) for index in indices]
        positions = np.concatenate([self.stream.positions(index, index + 1) for index in indices])
        return {name: np.concatenate([one[name] for one in singles]) for name in singles[0]}, positions

    def _measure(self, windows: Windows, positions: np.ndarray) -> TokenLosses:
        return self.objective.token_losses(self.model, windows, positions)


def outstanding(suspects: Iterable[DocumentLoss], clean: Sequence[DocumentLoss]) -> list[tuple[DocumentLoss, float]]:
    """The suspects whose loss no clean document explains, each with the limit it passed.

    A short document's mean is noisier than a long one's, so the limit allows for both: the spread between documents,
    and the spread of a mean over n tokens, which falls with the root of n.
    """
    known = [one for one in clean if np.isfinite(one.loss) and one.tokens >= FEWEST_TOKENS]
    limit = _limit(known)
    return [
        (one, limit(one.tokens))
        for one in suspects
        if not np.isfinite(one.loss) or (one.tokens >= FEWEST_TOKENS and one.loss > limit(one.tokens))
    ]


def _limit(clean: Sequence[DocumentLoss]) -> Callable[[float], float]:
    if not clean:
        return lambda tokens: float("inf")
    weights = np.array([one.tokens for one in clean])
    losses = np.array([one.loss for one in clean])
    centre, _ = robust_centre(losses)
    _, noise = robust_centre((losses - centre) * np.sqrt(weights))
    long = weights >= np.median(weights)
    _, of_long = robust_centre(losses[long])
    spread = float(np.sqrt(max(0.0, of_long**2 - noise**2 / np.median(weights[long]))))
    least = LEAST_RISE * abs(centre)

    def limit(tokens: float) -> float:
        return centre + max(least, BLAME_SIGMA * float(np.sqrt(spread**2 + noise**2 / tokens)))

    return limit


def _one_document(windows: Windows, span: Span) -> Windows:
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
