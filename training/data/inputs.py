"""The served sequences of a run as the map-style dataset a Trainer reads in order."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

Windows = dict[str, np.ndarray]
ToInputs = Callable[
    [Windows, np.ndarray], dict[str, Any]
]  # windows and plan positions -> what the model is called with


class WindowSpan(Protocol):
    """The part of a window that comes from one document: tokens start to end of the window."""

    doc_id: str
    source: str
    url: str | None
    start: int
    end: int


class Stream(Protocol):
    """What a run needs of a stream: sequences, plan positions and documents by served index."""

    def batch(self, first: int, last: int) -> Windows: ...

    def positions(self, first: int, last: int) -> np.ndarray: ...

    def documents(self, index: int) -> Sequence[WindowSpan]: ...


class ModelInputs(torch.utils.data.Dataset):
    """`count` served sequences from `first` on, a micro batch at a time, as model inputs.

    The Trainer sees one epoch of exactly steps x batch sequences, so its own ideas of epochs, shuffling and remainders
    never come into play; where the plan's epochs end is the stream's business.
    """

    def __init__(self, stream: Stream, objective: ToInputs, count: int) -> None:
        self.stream, self.objective, self.count = stream, objective, count

    def __len__(self) -> int:
        return self.count

    def __getitems__(self, indices: list[int]) -> dict[str, Any]:
        """A batch at once; a sampler in order asks for consecutive indices."""
        if indices == list(range(indices[0], indices[-1] + 1)):
            windows = self.stream.batch(indices[0], indices[-1] + 1)
            positions = self.stream.positions(indices[0], indices[-1] + 1)
        else:
            singles = [self.stream.batch(index, index + 1) for index in indices]
            windows = {name: np.concatenate([one[name] for one in singles]) for name in singles[0]}
            positions = np.concatenate([self.stream.positions(index, index + 1) for index in indices])
        return self.objective(windows, positions)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])


def as_collated(batch: dict[str, Any]) -> dict[str, Any]:
    """The collator: `ModelInputs` hands out whole batches already."""
    return batch
