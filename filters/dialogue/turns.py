"""The turns of conversations as arrays: whose they are and where their bytes lie, without an object per turn."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.kernels.buffers import string_buffers

SYSTEM, USER, ASSISTANT, TOOL, OTHER = range(5)
ROLES = {
    "system": SYSTEM,
    "developer": SYSTEM,
    "user": USER,
    "assistant": ASSISTANT,
    "tool": TOOL,
    "function": TOOL,
    "ipython": TOOL,
}


@dataclass(frozen=True)
class Turns:
    """Every turn with a text, row after row.

    data: UTF-8 bytes of all texts. edges: int64 (rows + 1,), which turns are of which row. roles: int64 (turns,) in ROLES.
    starts, ends: int64 (turns,), where a turn's bytes lie in `data`.
    """

    data: np.ndarray
    edges: np.ndarray
    roles: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def last(self, role: int) -> np.ndarray:
        """The last turn of a role in each row: int64 (rows,), -1 where there is none."""
        found = np.full(len(self.edges) - 1, -1, np.int64)
        turns = np.flatnonzero(self.roles == role)
        np.maximum.at(found, np.searchsorted(self.edges, turns, side="right") - 1, turns)
        return found

    def span(self, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(starts, ends) of the bytes of these turns; empty for -1."""
        if not len(self.starts):
            return np.zeros(len(turns), np.int64), np.zeros(len(turns), np.int64)
        return np.where(turns < 0, 0, self.starts[turns]), np.where(turns < 0, 0, self.ends[turns])

    def response(self) -> tuple[np.ndarray, np.ndarray]:
        """(starts, ends) of the last assistant's turn of each row; empty where there is none."""
        return self.span(self.last(ASSISTANT))

    def prompt(self) -> tuple[np.ndarray, np.ndarray]:
        """(starts, ends) of everything before the last assistant's turn of each row; of the whole row where there is none."""
        answer, first = self.last(ASSISTANT), self.edges[:-1]
        before = np.where(answer < 0, self.edges[1:], answer)
        starts, _ = self.span(np.where(before > first, first, -1))
        _, ends = self.span(np.where(before > first, before - 1, -1))
        return starts, ends

    def texts(self, starts: np.ndarray, ends: np.ndarray) -> pa.Array:
        """large_string (spans,): the texts of spans that lie in ascending order, or are empty."""
        pieces = [self.data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        offsets = np.zeros(len(pieces) + 1, np.int64)
        np.cumsum(ends - starts, out=offsets[1:])
        joined = np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
        return pa.LargeStringArray.from_buffers(len(pieces), pa.py_buffer(offsets), pa.py_buffer(joined))


def turns_of(batch: pa.RecordBatch) -> Turns:
    """The turns of a batch with the columns `text` and `pieces`; a row without pieces has none."""
    data, offsets = string_buffers(batch.column("text"))
    pieces = batch.column("pieces")
    counts = pc.list_value_length(pieces).fill_null(0).to_numpy(zero_copy_only=False)
    edges = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=edges[1:])
    flat = pieces.flatten()
    labels = flat.field("label").dictionary_encode()
    known = np.array([role_of(label) for label in labels.dictionary.to_pylist()], np.int64)
    roles = known[labels.indices.to_numpy()] if len(known) else np.zeros(0, np.int64)
    base = np.repeat(offsets[:-1], counts)
    starts, ends = (flat.field(name).to_numpy() + base for name in ("start", "end"))
    return Turns(data, edges, roles, starts, ends)


def role_of(label: str) -> int:
    """The role (of ROLES, else OTHER) of a piece's label: `user`, or `chosen.assistant`."""
    return ROLES.get(label.rpartition(".")[2].lower(), OTHER)
