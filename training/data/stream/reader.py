# mypy: disallow-untyped-defs=False
"""From pieces of memory-mapped tokens to rows of input ids, position ids and labels; and a thread that reads ahead.

Position ids start again at 0 with every document; labels equal the input ids (models shift them) but for IGNORED at
the first token of every document in the row, as trl does: what comes before it is another document.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.kernels.memory import int32_at, uint8_at, uint16_at
from gristmill.schemas.shards.format import ShardSetManifest
from gristmill.training.data.stream.layout import LENGTH, ROW, START, Span
from gristmill.training.data.stream.shards import MappedShard
from numba import carray

IGNORED = -100


class SequenceRows(NamedTuple):
    """int64 arrays of shape (rows, window)."""

    input_ids: np.ndarray
    position_ids: np.ndarray
    labels: np.ndarray

    @classmethod
    def empty(cls, rows: int, window: int) -> "SequenceRows":
        return cls(*(np.empty((rows, window), np.int64) for _ in range(3)))


@kernel
def _offset(index, document, item_bytes):
    """The first token of a document: an int64 byte offset of the .idx, which does not align its numbers."""
    value = np.uint64(0)
    for i in range(8):
        value |= np.uint64(index[8 * document + i]) << np.uint64(8 * i)
    return np.int64(value) // item_bytes


@kernel
def _copy(tokens, to):
    for i in range(len(tokens)):  # one array a loop: these vectorise
        to[i] = tokens[i]


@kernel
def _begin_document(positions, labels):
    for i in range(len(positions)):
        positions[i] = i
    labels[0] = IGNORED


@kernel
def _begin_documents(index, documents, item_bytes, first, positions, labels):
    """Begin each document of the tokens from `first` on; the one that holds `first` is found by halving the index."""
    low, high = 0, documents - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _offset(index, middle, item_bytes) <= first:
            low = middle
        else:
            high = middle - 1
    column = 0
    while column < len(positions):
        low += 1
        boundary = len(positions)
        if low < documents:
            boundary = min(boundary, _offset(index, low, item_bytes) - first)
        if boundary > column:  # else a document without tokens
            _begin_document(positions[column:boundary], labels[column:boundary])
            column = boundary


@kernel
def _copy_pieces(pieces, first_row, addresses, item_bytes, whole, pad_id, ids, positions, labels):
    filled = np.zeros(len(ids), np.int64)
    for p in range(len(pieces)):
        row, start, length = pieces[p, ROW] - first_row, pieces[p, START], pieces[p, LENGTH]
        tokens, offsets, loss, documents = addresses[p]
        to = slice(filled[row], filled[row] + length)
        filled[row] += length
        if item_bytes == 2:
            _copy(carray(uint16_at(tokens + 2 * start), length), ids[row, to])
            _copy(carray(uint16_at(tokens + 2 * start), length), labels[row, to])
        else:
            _copy(carray(int32_at(tokens + 4 * start), length), ids[row, to])
            _copy(carray(int32_at(tokens + 4 * start), length), labels[row, to])
        if whole:
            _begin_document(positions[row, to], labels[row, to])
        else:
            index = carray(uint8_at(offsets), 8 * documents)
            _begin_documents(index, documents, item_bytes, start, positions[row, to], labels[row, to])
        if loss:
            learned = carray(uint8_at(loss + start), length)
            for i in range(length):
                if learned[i] == 0:
                    labels[row, to.start + i] = IGNORED
    for row in range(len(ids)):
        for i in range(ids.shape[1] - filled[row]):
            ids[row, filled[row] + i] = pad_id
            positions[row, filled[row] + i] = i
            labels[row, filled[row] + i] = IGNORED


@kernel
def _copy_ids(pieces, first_row, addresses, pad_id, ids):
    filled = np.zeros(len(ids), np.int64)
    for p in range(len(pieces)):
        row, start, length = pieces[p, ROW] - first_row, pieces[p, START], pieces[p, LENGTH]
        to = ids[row, filled[row] : filled[row] + length]
        filled[row] += length
        if ids.itemsize == 2:
            _copy(carray(uint16_at(addresses[p, 0] + 2 * start), length), to)
        else:
            _copy(carray(int32_at(addresses[p, 0] + 4 * start), length), to)
    for row in range(len(ids)):
        ids[row, filled[row] :] = pad_id


def read_ids(
    shape: tuple[int, int],
    pieces: np.ndarray,
    first_row: int,
    shards: Sequence[MappedShard],
    manifest: ShardSetManifest,
) -> np.ndarray:
    """The input ids alone of `read_rows`, in the type in which they are stored."""
    ids = np.empty(shape, manifest.numpy_dtype)
    _copy_ids(pieces, first_row, _addresses(shards), manifest.tokenizer.pad_id, ids)
    return ids


def _addresses(shards: Sequence[MappedShard]) -> np.ndarray:
    """int64 (shards, 4): `MappedShard.addresses`."""
    return np.frombuffer(b"".join([shard.addresses for shard in shards]), np.int64).reshape(-1, 4)


def read_rows(
    shape: tuple[int, int],
    pieces: np.ndarray,
    first_row: int,
    shards: Sequence[MappedShard],
    whole: bool,
    manifest: ShardSetManifest,
) -> SequenceRows:
    """Rows of `shape` made of pieces (as `Layout.pieces` gives them; rows counted from first_row) of shards, one for each.

    whole: each piece is a document; else its documents are those of the shard's index. What no piece fills is padding:
    a document of its own, nothing of it to be learned.
    """
    rows = SequenceRows.empty(*shape)
    item_bytes, pad_id = manifest.numpy_dtype.itemsize, manifest.tokenizer.pad_id
    _copy_pieces(pieces, first_row, _addresses(shards), item_bytes, whole, pad_id, *rows)
    return rows


def boundaries(shard: MappedShard, span: Span) -> list[tuple[int, int, int]]:
    """(document of the shard, first token, end) of every document in a span, in tokens of the shard."""
    offsets = np.frombuffer(shard.offsets.tobytes(), "<i8") // shard.tokens.itemsize
    end = span.start + span.length
    first = int(np.searchsorted(offsets, span.start, side="right")) - 1
    last = int(np.searchsorted(offsets, end, side="left"))
    edges = [*offsets[first:last].tolist(), end]
    pieces = [(first + i, max(a, span.start), b) for i, (a, b) in enumerate(pairwise(edges))]
    return [(document, a, b) for document, a, b in pieces if a < b]


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
