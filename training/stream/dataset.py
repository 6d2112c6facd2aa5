"""The served sequences of a plan as a map-style dataset: `[k]`, `batch(first, last)`, `batches(…)`; no torch needed.

Index k is the k-th *served* sequence: skipped positions are left out, and k may pass the end of an epoch. A global
batch of B sequences at step s is [s * B, (s + 1) * B) whatever the number of processes; each takes its rows of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from gristmill.training.stream.history import History
from gristmill.training.stream.plan import Plan, Span
from gristmill.training.stream.reader import IGNORED, ReadAhead, Rows, boundaries, copy_span, pad

Windows = dict[str, np.ndarray]


class DocumentSpan(NamedTuple):
    """Tokens start .. end - 1 of a sequence come from this document, from its token `offset` on."""

    doc_id: str
    source: str
    url: str | None
    start: int
    end: int
    offset: int


class PlanDataset:
    """What a plan and its history serve.

    Items and batches: input_ids, position_ids, labels, int64 of shape (window,) or (sequences, window). labels are not
    shifted; IGNORED (-100) at the first token of each document, in padding, under a loss mask and in forgotten text.
    """

    def __init__(self, plan: Plan, history: History | None = None, length: int | None = None) -> None:
        """length: what `len()` says; default: one epoch of every source."""
        self.plan, self.history = plan, history or History.open(None, plan)
        self._length = length
        self._forgotten: tuple[int, dict[str, np.ndarray]] = (0, {})

    def __len__(self) -> int:
        return self.plan.sequences if self._length is None else self._length

    def __getitem__(self, served: int) -> Windows:
        if not 0 <= served < len(self):
            raise IndexError(f"sequence {served}; there are {len(self)}")
        return {name: values[0] for name, values in self.batch(served, served + 1).items()}

    def __getitems__(self, served: Sequence[int]) -> list[Windows]:
        """The items of a batch at once, as a torch DataLoader asks for them."""
        batch = self._read(np.asarray(served, np.int64))
        return [{name: values[i] for name, values in batch.items()} for i in range(len(served))]

    def batch(self, first: int, last: int) -> Windows:
        """The served sequences first .. last - 1."""
        return self._read(np.arange(first, last, dtype=np.int64))

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
        return self.plan.spans(int(sources[0]), int(places[0]))

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

    def _read(self, served: np.ndarray) -> Windows:
        positions = self.history.served_positions(served)
        sources, _, places = self.plan.locate(positions, self.history.phases)
        rows = Rows.empty(len(served), self.plan.config.window)
        for row, (k, source, place) in enumerate(zip(served.tolist(), sources.tolist(), places.tolist(), strict=True)):
            self._fill(rows, row, k, self.plan.spans(source, place))
        return rows._asdict()

    def _fill(self, rows: Rows, row: int, served: int, spans: Sequence[Span]) -> None:
        column = 0
        record = self.plan.shards.manifest.tokenizer
        lines = self.history.tombstone_lines(served)
        for span in spans:
            copy_span(self.plan.shards.mapped(span.shard), span, rows, row, column)
            if lines:
                self._forget(rows, row, column, span, lines)
            column += span.length
        if column < self.plan.config.window:
            pad(rows, row, column, record.pad_id)

    def _forget(self, rows: Rows, row: int, column: int, span: Span, lines: int) -> None:
        """Serve forgotten tokens of a span as separators with nothing to learn; the geometry stays."""
        forgotten = self._tombstones(lines).get(span.shard)
        if forgotten is None:
            return
        end = span.start + span.length
        touching = (forgotten[:, 0] < end) & (forgotten[:, 1] > span.start) & (forgotten[:, 2] < lines)
        for first, last, _ in forgotten[touching].tolist():
            covered = slice(column + max(first, span.start) - span.start, column + min(last, end) - span.start)
            rows.input_ids[row, covered] = self.plan.shards.manifest.tokenizer.separator_id
            rows.labels[row, covered] = IGNORED

    def _tombstones(self, lines: int) -> dict[str, np.ndarray]:
        """Shard -> int64 (tombstones, 3): start, end, line; read again when the history knows of more lines."""
        if self._forgotten[0] < lines:
            found: dict[str, list[tuple[int, int, int]]] = {}
            stones = self.history.tombstones()
            for line, stone in enumerate(stones):
                found.setdefault(stone.shard, []).append((stone.start, stone.end, line))
            self._forgotten = len(stones), {name: np.array(spans, np.int64) for name, spans in found.items()}
        return self._forgotten[1]
