# mypy: disallow-untyped-defs=False
"""From spans of memory-mapped tokens to rows of input ids, position ids and labels; and a thread that reads ahead.

Position ids start again at 0 with every document; labels equal the input ids (models shift them) but for IGNORED at
the first token of every document in the row, as trl does: what comes before it is another document.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from gristmill.training.kernels import kernel
from gristmill.training.stream.plan import Span
from gristmill.training.stream.shards import MappedShard

IGNORED = -100


class Rows(NamedTuple):
    """int64 arrays of shape (rows, window)."""

    input_ids: np.ndarray
    position_ids: np.ndarray
    labels: np.ndarray

    @classmethod
    def empty(cls, rows: int, window: int) -> "Rows":
        return cls(*(np.empty((rows, window), np.int64) for _ in range(3)))


@kernel
def _offset(index, document, item_bytes):
    """The first token of a document: an int64 byte offset of the .idx, which does not align its numbers."""
    value = np.uint64(0)
    for i in range(8):
        value |= np.uint64(index[8 * document + i]) << np.uint64(8 * i)
    return np.int64(value) // item_bytes


@kernel
def _copy_document(tokens, first, length, ids, positions, labels, row, column):
    read = tokens[first : first + length]
    id_row = ids[row, column : column + length]
    label_row = labels[row, column : column + length]
    position_row = positions[row, column : column + length]
    for i in range(length):  # one loop for each array: these vectorise
        id_row[i] = read[i]
    for i in range(length):
        position_row[i] = i
    for i in range(length):
        label_row[i] = read[i]
    label_row[0] = IGNORED


@kernel
def _copy_window(tokens, index, documents, item_bytes, first, length, ids, positions, labels, row, column):
    """Copy tokens across documents: the last one that starts at or before `first` is found by halving the index."""
    low, high = 0, documents - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _offset(index, middle, item_bytes) <= first:
            low = middle
        else:
            high = middle - 1
    end = first + length
    while first < end:
        low += 1
        boundary = end
        if low < documents:
            boundary = min(end, _offset(index, low, item_bytes))
        if boundary > first:  # else a document without tokens
            _copy_document(tokens, first, boundary - first, ids, positions, labels, row, column)
            column += boundary - first
            first = boundary


@kernel
def _pad(ids, positions, labels, row, column, pad_id):
    for i in range(ids.shape[1] - column):
        ids[row, column + i] = pad_id
        positions[row, column + i] = i
        labels[row, column + i] = IGNORED


def copy_span(shard: MappedShard, span: Span, rows: Rows, row: int, column: int) -> None:
    """Write the tokens of a span to a row from `column` on."""
    if span.starts_document:
        _copy_document(shard.tokens, span.start, span.length, *rows, row, column)
    else:
        item = shard.tokens.itemsize
        _copy_window(shard.tokens, shard.offsets, shard.documents, item, span.start, span.length, *rows, row, column)
    if shard.loss is not None:
        silent = shard.loss[span.start : span.start + span.length] == 0
        rows.labels[row, column : column + span.length][silent] = IGNORED


def pad(rows: Rows, row: int, column: int, pad_id: int) -> None:
    """Fill a row from `column` on with padding: a document of its own, nothing of it to be learned."""
    _pad(*rows, row, column, pad_id)


def boundaries(shard: MappedShard, span: Span) -> list[tuple[int, int, int]]:
    """(document of the shard, first token, end) of every document in a span, in tokens of the shard."""
    offsets = np.frombuffer(shard.offsets.tobytes(), "<i8") // shard.tokens.itemsize
    end = span.start + span.length
    first = int(np.searchsorted(offsets, span.start, side="right")) - 1
    last = int(np.searchsorted(offsets, end, side="left"))
    edges = [*offsets[first:last].tolist(), end]
    cut = [(first + i, max(a, span.start), b) for i, (a, b) in enumerate(pairwise(edges))]
    return [(document, a, b) for document, a, b in cut if a < b]


class ReadAhead:
    """Iterates over the results of `read(0)`, `read(1)`, …, computed by one thread up to `depth` ahead.

    An error of the thread is raised where its result would have come. Closing (or leaving the `with`) stops it.
    """

    def __init__(self, read: Callable[[int], object], count: int, depth: int = 2) -> None:
        self._results: queue.Queue = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(read, count), daemon=True, name="read-ahead")
        self._count = count
        self._thread.start()

    def __iter__(self) -> Iterator:
        for _ in range(self._count):
            result, error = self._results.get()
            if error is not None:
                self.close()
                raise error
            yield result

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self, read: Callable[[int], object], count: int) -> None:
        for number in range(count):
            result, failure = None, None
            try:
                result = read(number)
            except BaseException as error:  # raised again in the consumer
                failure = error
            if not self._put((result, failure)) or failure is not None:
                return

    def _put(self, item: tuple) -> bool:
        while not self._stop.is_set():
            try:
                self._results.put(item, timeout=0.05)
                return True
            except queue.Full:
                continue
        return False
