"""The served sequences of a plan as a map-style dataset: `[k]`, `batch(first, last)`, `batches(…)`; no torch needed.

Index k is the k-th *served* sequence: skipped positions are left out, and k may pass the end of an epoch. A global
batch of B sequences at step s is [s * B, (s + 1) * B) whatever the number of processes; each takes its rows of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.layout import ROW, SHARD, Span
from gristmill.training.data.stream.plan import Plan
from gristmill.training.data.stream.reader import IGNORED, ReadAhead, boundaries, read_ids, read_rows
from gristmill.training.data.stream.shards import MappedShard

Windows = dict[str, np.ndarray]
NOTHING = np.zeros((0, 3), np.int64)
LOOK_AHEAD = 1024  # sequences that are located at once: one by one costs more


class DocumentSpan(NamedTuple):
    """Tokens start .. end - 1 of a sequence come from this document, from its token `offset` on."""

    doc_id: str
    source: str
    url: str | None
    start: int
    end: int
    offset: int


class Located(NamedTuple):
    """Where served sequences lie under a history: pieces as `Layout.pieces` gives them, the first piece of each row (and
    the end), the name of each piece's shard, the most lines of tombstones that hold for one of them."""

    head: str
    served: np.ndarray
    pieces: np.ndarray
    begins: np.ndarray
    shards: list[str]
    most_tombstones: int

    @property
    def first(self) -> int:
        return int(self.served[0]) if len(self.served) else 0


class PlanDataset:
    """What a plan and its history serve.

    Items and batches: input_ids, position_ids, labels, int64 of shape (window,) or (sequences, window). labels are not
    shifted; IGNORED (-100) at the first token of each document, in padding, under a loss mask and in forgotten text.
    """

    def __init__(self, plan: Plan, history: StreamHistory | None = None, length: int | None = None) -> None:
        """length: what `len()` says; default: one epoch of every source."""
        self.plan, self.history = plan, history or StreamHistory.open(None, plan)
        self._length = length
        self._found, self._reached = self._locate(np.zeros(0, np.int64)), 0
        self._forgotten: tuple[int, dict[str, np.ndarray]] = (0, {})

    def __len__(self) -> int:
        return self.plan.sequences if self._length is None else self._length

    def __getitem__(self, served: int) -> Windows:
        if not 0 <= served < len(self):
            raise IndexError(f"sequence {served}; there are {len(self)}")
        return {name: values[0] for name, values in self.batch(served, served + 1).items()}

    def __getitems__(self, served: Sequence[int]) -> list[Windows]:
        """The items of a batch at once, as a torch DataLoader asks for them."""
        batch = self._read(self._locate(np.asarray(served, np.int64)), 0, len(served))
        return [{name: values[i] for name, values in batch.items()} for i in range(len(served))]

    def batch(self, first: int, last: int) -> Windows:
        """The served sequences first .. last - 1."""
        found, row = self._located(first, last)
        return self._read(found, row, row + last - first)

    def ids(self, first: int, last: int) -> np.ndarray:
        """The input ids alone of `batch(first, last)`, in the type in which they are stored: uint16 or int32."""
        found, row = self._located(first, last)
        pieces, shards = self._pieces(found, row, row + last - first)
        shape = (last - first, self.plan.config.window)
        manifest = self.plan.shards.manifest
        ids = read_ids(shape, pieces, row, shards, manifest)
        for at, covered in self.forgotten_in(found, pieces, row, last - first):
            ids[at, covered] = manifest.tokenizer.separator_id
        return ids

    def batches(self, size: int, first: int, last: int, rank: int = 0, ranks: int = 1) -> Iterator[Windows]:
        """This rank's equal share of every global batch of `size`, over served sequences first .. last - 1, read ahead.

        Rank r of R has rows [r * size / R, (r + 1) * size / R) of each global batch.
        """
        if size % ranks or (last - first) % size:
            raise ValueError(f"batches of {size} over {last - first} sequences in {ranks} ranks; expected whole shares")
        share = size // ranks

        def read(step: int) -> Windows:
            start = first + step * size + rank * share
            return self.batch(start, start + share)

        with ReadAhead(read, (last - first) // size) as ahead:
            yield from ahead

    def positions(self, first: int, last: int) -> np.ndarray:
        """Plan positions (int64) of served sequences first .. last - 1."""
        return self.history.positions(first, last)

    def state(self, position: int) -> dict[str, Any]:
        """What to keep in a checkpoint after `position` served sequences."""
        return self.history.state(position)

    def spans(self, served: int) -> list[Span]:
        """Where the tokens of a sequence lie."""
        sources, _, places = self.plan.locate(self.positions(served, served + 1), self.history.phases)
        return self.plan.layout.spans(int(sources[0]), int(places[0]))

    def documents(self, served: int) -> list[DocumentSpan]:
        """The documents of a sequence, in order; padding is none's."""
        found, column = [], 0
        for span in self.spans(served):
            shard = self.plan.shards.mapped(span.shard)
            pieces = boundaries(shard, span)
            table = self.plan.shards.documents(span.shard, pieces[0][0], pieces[-1][0]).to_pylist()
            for document, start, end in pieces:
                row = table[document - pieces[0][0]]
                found.append(
                    DocumentSpan(
                        row["doc_id"], row["source"], row["url"], column, column + end - start, start - row["offset"]
                    )
                )
                column += end - start
        return found

    def _read(self, found: Located, first: int, last: int) -> Windows:
        """The served sequences first .. last - 1 of those that were located."""
        pieces, shards = self._pieces(found, first, last)
        layout, manifest = self.plan.layout, self.plan.shards.manifest
        rows = read_rows((last - first, layout.window), pieces, first, shards, layout.documents_are_whole, manifest)
        for row, covered in self.forgotten_in(found, pieces, first, last - first):
            rows.input_ids[row, covered] = manifest.tokenizer.separator_id
            rows.labels[row, covered] = IGNORED
        return rows._asdict()

    def _pieces(self, found: Located, first: int, last: int) -> tuple[np.ndarray, list[MappedShard]]:
        """The pieces of some of the located sequences, and the shard of each."""
        a, b = int(found.begins[first]), int(found.begins[last])
        mapped = self.plan.shards.mapped
        return found.pieces[a:b], [mapped(name) for name in found.shards[a:b]]

    def _locate(self, served: np.ndarray) -> Located:
        sources, _, places = self.plan.locate(self.history.served_positions(served), self.history.phases)
        pieces = self.plan.layout.pieces(sources, places)
        names = self.plan.layout.shard_names
        return Located(
            self.history.head,
            served,
            pieces,
            np.searchsorted(pieces[:, ROW], np.arange(len(served) + 1)),
            [names[number] for number in pieces[:, SHARD].tolist()],
            self.history.tombstone_lines(int(served.max(initial=0))),
        )

    def _located(self, first: int, last: int) -> tuple[Located, int]:
        """Where served sequences first .. last - 1 lie, and the row of the first.

        For a reader that goes on near where the last one stopped, LOOK_AHEAD sequences are located at once.
        """
        found, reached, self._reached = self._found, self._reached, last
        if found.head != self.history.head or not (found.first <= first and last <= found.first + len(found.served)):
            goes_on = 0 <= first - reached < LOOK_AHEAD // 8
            end = max(last, first + LOOK_AHEAD) if goes_on else last
            found = self._found = self._locate(np.arange(first, end, dtype=np.int64))
        return found, first - found.first

    def forgotten_in(
        self, found: Located, pieces: np.ndarray, first_row: int, rows: int
    ) -> Iterator[tuple[int, slice]]:
        """(row, columns) of forgotten tokens: served as separators with nothing to learn; the geometry stays."""
        if not found.most_tombstones:
            return
        lines = [self.history.tombstone_lines(k) for k in found.served[first_row : first_row + rows].tolist()]
        filled = [0] * rows
        for number, shard, start, length in pieces.tolist():
            row = number - first_row
            column, filled[row] = filled[row], filled[row] + length
            forgotten = self._tombstones(lines[row]).get(self.plan.layout.shard_names[shard], NOTHING)
            touching = (forgotten[:, 0] < start + length) & (forgotten[:, 1] > start) & (forgotten[:, 2] < lines[row])
            for first, end, _ in forgotten[touching].tolist():
                yield row, slice(column + max(first, start) - start, column + min(end, start + length) - start)

    def _tombstones(self, lines: int) -> dict[str, np.ndarray]:
        """Shard -> int64 (tombstones, 3): start, end, line; read again when the history knows of more lines."""
        if self._forgotten[0] < lines:
            found: dict[str, list[tuple[int, int, int]]] = {}
            stones = self.history.tombstones()
            for line, stone in enumerate(stones):
                found.setdefault(stone.shard, []).append((stone.start, stone.end, line))
            self._forgotten = len(stones), {name: np.array(spans, np.int64) for name, spans in found.items()}
        return self._forgotten[1]
