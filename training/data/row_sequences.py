"""Encoded rows as sequences of a model: one to a sequence, or packed, whole, without one seeing another.

Packing is best-fit decreasing (`data.stream.packing`): no row is truncated, none is lost, and which rows share a sequence is a
function of their lengths. In a sequence the positions of each row begin at 0, and so do those of the padding after them,
which is how a model tells them apart (`objectives.causal`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from gristmill.training.data.conversations import EncodedRow
from gristmill.training.data.history import History
from gristmill.training.data.rows import RowPlan, Rows, RowStream
from gristmill.training.data.stream.packing import pack

NO_LABEL = -100


class RowSpan(NamedTuple):
    """Where a row stands in a sequence."""

    doc_id: str
    source: str
    url: None
    start: int
    end: int


@dataclass(frozen=True)
class RowSequences(Sequence[Mapping[str, Any]]):
    """Which rows stand in which sequence. As a sequence of records: what each holds, for the plan's digest.

    members: of each sequence, the numbers of its rows in their order. width: tokens of every sequence; None where a
    batch is as wide as its longest sequence.
    """

    encoded: Sequence[EncodedRow]
    names: Sequence[str]
    source: str
    members: Sequence[np.ndarray]
    width: int | None

    @classmethod
    def of(cls, encoded: Sequence[EncodedRow], rows: Rows, packed_width: int | None) -> "RowSequences":
        """packed_width: of the sequences that rows share; None puts each row into one of its own."""
        if packed_width is None:
            members: list[np.ndarray] = [np.array([number]) for number in range(len(encoded))]
        else:
            lengths = np.array([len(row.ids) for row in encoded], np.int64)
            bins = pack(lengths, packed_width)
            numbers = np.searchsorted(np.cumsum(lengths) - lengths, bins.starts)
            members = np.split(numbers, bins.ends[:-1])
        return cls(encoded, rows.ids, rows.source, members, packed_width)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, number: Any) -> Any:
        rows = [self.encoded[row] for row in self.members[number]]
        return {
            "ids": [row.ids.tolist() for row in rows],
            "targets": [np.packbits(row.targets).tolist() for row in rows],
        }

    def of_one_width(self) -> "RowSequences":
        """The same sequences, each as wide as the longest, so that any of them fit into one batch."""
        if self.width is not None:
            return self
        return replace(self, width=max(len(row.ids) for row in self.encoded))

    @property
    def fill(self) -> float:
        """The part of the sequences that is tokens of rows, 1 where they are as wide as they need to be."""
        tokens = sum(len(row.ids) for row in self.encoded)
        return tokens / (self.width * len(self)) if self.width else 1.0

    @property
    def targets(self) -> float:
        """The part of the tokens that bears the loss."""
        return sum(int(row.targets[1:].sum()) for row in self.encoded) / sum(len(row.ids) for row in self.encoded)

    def rows(self) -> Rows:
        """The sequences as what a plan orders; a sequence has the id of its first row, and the number of others."""
        ids = [self.names[own[0]] + (f" and {len(own) - 1} more" if len(own) > 1 else "") for own in self.members]
        return Rows(self, ids, self.source)

    def windows(self, numbers: Sequence[int], pad_id: int) -> dict[str, np.ndarray]:
        """input_ids, position_ids, labels: int64 (sequences, tokens)."""
        needed = [sum(len(self.encoded[row].ids) for row in self.members[number]) for number in numbers]
        width = self.width or max(needed)
        found = {name: np.zeros((len(numbers), width), np.int64) for name in ("input_ids", "position_ids", "labels")}
        found["input_ids"][:] = pad_id
        found["labels"][:] = NO_LABEL
        for place, number in enumerate(numbers):
            for span, row in zip(self.spans(number), self.members[number], strict=True):
                own = self.encoded[row]
                at = slice(span.start, span.end)
                found["input_ids"][place, at] = own.ids
                found["position_ids"][place, at] = np.arange(len(own.ids))
                found["labels"][place, at] = np.where(own.targets, own.ids, NO_LABEL)
            found["position_ids"][place, needed[place] :] = np.arange(width - needed[place])
        return found

    def spans(self, number: int) -> list[RowSpan]:
        """The rows of a sequence."""
        spans, start = [], 0
        for row in self.members[number]:
            end = start + len(self.encoded[row].ids)
            spans.append(RowSpan(self.names[row], self.source, None, start, end))
            start = end
        return spans


class SequenceStream:
    """What a plan and a history serve of sequences of rows: a stream, as that of token shards is one."""

    def __init__(self, sequences: RowSequences, plan: RowPlan, history: History, pad_id: int) -> None:
        self.sequences, self.pad_id = sequences, pad_id
        self._served = RowStream(plan, history)

    def batch(self, first: int, last: int) -> dict[str, np.ndarray]:
        return self.sequences.windows(self._served.rows(range(first, last)), self.pad_id)

    def positions(self, first: int, last: int) -> np.ndarray:
        return self._served.positions(range(first, last))

    def documents(self, index: int) -> list[RowSpan]:
        return self.sequences.spans(self._served.rows([index])[0])


class SequencesInOrder:
    """The sequences in the order in which they were made: what a run validates on."""

    def __init__(self, sequences: RowSequences, pad_id: int) -> None:
        self.sequences, self.pad_id = sequences, pad_id

    def batch(self, first: int, last: int) -> dict[str, np.ndarray]:
        return self.sequences.windows(range(first, last), self.pad_id)

    def positions(self, first: int, last: int) -> np.ndarray:
        return np.arange(first, last)

    def documents(self, index: int) -> list[RowSpan]:
        return self.sequences.spans(index)
