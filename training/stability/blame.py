"""Which documents made a batch bad: the loss of every document, compared with documents of the clean batches before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from gristmill.training.stability.detect import robust_centre

BLAME_SIGMA = 4.0
LEAST_RISE = 0.1
FEWEST_TOKENS = 4


@dataclass(frozen=True)
class DocumentLoss:
    """Mean loss of the part of a document that lies in one served sequence; of a row, where rows are served."""

    doc_id: str
    source: str
    url: str | None
    served: int
    position: int
    tokens: int
    loss: float


class Losses(Protocol):
    """Losses of what a run is served, under the model as it is now: what the watch asks a kind of training for.

    Indices are those of served sequences. No random number is drawn, and the model is left as it was.
    """

    def batch(self, indices: Sequence[int]) -> float | None:
        """The training loss of these sequences as one batch; None where nothing of them has a label."""
        ...

    def sequences(self, indices: Sequence[int]) -> list[float | None]:
        """Mean loss of each sequence: NaN where it is not finite, None where nothing is learned from it."""
        ...

    def documents(self, indices: Sequence[int]) -> Iterator[DocumentLoss]:
        """The loss of every document of these sequences that bears any."""
        ...

    def source(self, index: int) -> str:
        """The source that most of a sequence comes from."""
        ...

    def positions(self, indices: Sequence[int]) -> list[int]:
        """The plan positions of these sequences."""
        ...


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
