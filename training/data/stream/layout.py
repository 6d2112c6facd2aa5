# mypy: disallow-untyped-defs=False
"""Where the tokens of a window or bin lie: in which shards, from which token on.

The shards of all sources stand end to end, source after source; a token's number in that row is what ranges are made
of, and the edges between shards split ranges into pieces.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.training.data.stream.packing import PackedSource

ROW, SHARD, START, LENGTH = range(4)  # the columns of pieces


@dataclass(frozen=True)
class PlanSource:
    """The shards of one source, end to end. edges: the source's first token of each shard, and its end.

    sequences: windows or bins; the last window may be short, which is padded.
    """

    name: str
    shards: tuple[str, ...]
    edges: list[int]
    sequences: int
    packed: PackedSource | None

    @property
    def tokens(self) -> int:
        return self.edges[-1]


class Span(NamedTuple):
    """Consecutive tokens of one shard in a sequence."""

    shard: str
    start: int
    length: int


@kernel
def _split_at_shards(rows, starts, lengths, edges):
    """Pieces of the ranges of tokens; edges: the first token of each shard, and the end of the last."""
    firsts = np.searchsorted(edges, starts, side="right") - 1
    lasts = np.searchsorted(edges, starts + lengths - 1, side="right") - 1
    pieces = np.empty(((lasts - firsts + 1).sum(), 4), np.int64)
    count = 0
    for i in range(len(rows)):
        start, end = starts[i], starts[i] + lengths[i]
        for shard in range(firsts[i], lasts[i] + 1):
            length = min(end, edges[shard + 1]) - start
            pieces[count, ROW] = rows[i]
            pieces[count, SHARD] = shard
            pieces[count, START] = start - edges[shard]
            pieces[count, LENGTH] = length
            start += length
            count += 1
    return pieces


class Layout:
    """How sources are split into windows (or bins, where sources are packed) of `window` tokens."""

    def __init__(self, sources: Sequence[PlanSource], window: int) -> None:
        self.sources, self.window = tuple(sources), window
        self.shard_names = tuple(name for source in sources for name in source.shards)
        totals = [0, *np.cumsum([source.tokens for source in sources]).tolist()]
        self._firsts, self._ends = np.array(totals[:-1], np.int64), np.array(totals[1:], np.int64)
        starts = [first + edge for first, source in zip(totals, sources, strict=False) for edge in source.edges[:-1]]
        self._edges = np.array([*starts, totals[-1]], np.int64)

    @property
    def documents_are_whole(self) -> bool:
        """Every piece is a document or a part of one that counts as a document: bins, not windows."""
        return self.sources[0].packed is not None

    def pieces(self, sources: np.ndarray, places: np.ndarray) -> np.ndarray:
        """int64 (pieces, 4) of these windows or bins of sources, row after row, in the order of their tokens.

        Columns: the row, the shard (as in `shard_names`), its first token, how many. They may end before the window.
        """
        if self.documents_are_whole:
            rows, starts, lengths = self._packed(sources, places)
        else:
            rows, starts = np.arange(len(places)), self._firsts[sources] + places * self.window
            lengths = np.minimum(self._ends[sources] - starts, self.window)
        return _split_at_shards(rows, starts, lengths, self._edges)

    def spans(self, source: int, place: int) -> list[Span]:
        """The tokens of one window or bin, in order."""
        pieces = self.pieces(np.array([source]), np.array([place]))
        return [Span(self.shard_names[shard], start, length) for _, shard, start, length in pieces.tolist()]

    def places_of(self, shard: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(source, window or bin) of every sequence that holds one of the tokens [start, end) of a shard."""
        for number, source in enumerate(self.sources):
            if shard not in source.shards or start >= end:
                continue
            first = source.edges[source.shards.index(shard)]
            if source.packed is None:
                places = list(range((first + start) // self.window, (first + end - 1) // self.window + 1))
            else:
                places = [place for place, _, _ in source.packed.touching(first + start, first + end)]
            yield from ((number, place) for place in places)

    def _packed(self, sources: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(row, first token, length) of every piece of these bins."""
        bins = [(np.zeros(0, np.int64), np.zeros(0, np.int32))]  # of no row: there may be none
        for source, place in zip(sources.tolist(), places.tolist(), strict=True):
            packed = self.sources[source].packed
            assert packed is not None  # all sources are packed, or none
            bins.append(packed.pieces(place))
        rows = np.repeat(np.arange(len(bins)), [len(lengths) for _, lengths in bins]) - 1
        starts = np.concatenate([starts for starts, _ in bins]) + self._firsts[sources][rows]
        return rows, starts, np.concatenate([lengths for _, lengths in bins])
