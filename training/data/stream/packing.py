# mypy: disallow-untyped-defs=False
"""Best-fit packing: documents into sequences of `window` tokens, kept on disk as a memory-mapped index of bins.

A document up to the window stays whole; a longer one becomes full windows and a remainder, which is packed like a short
document; no token is lost or repeated. Within a block of documents the pieces are placed longest first, each into the
bin with the least space that still holds it (best-fit decreasing), so a block's bins depend on that block's lengths
only. Equal lengths are placed in document order.

Index of a source: one file, block after block: int64 starts[pieces] (token offsets in the source), int32
lengths[pieces], int32 ends[bins] (pieces up to and with each bin), padded to 8 bytes. `index.json` holds each block's
counts and checksum and is written last.
"""

import fcntl
import json
import shutil
import uuid
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xxhash
from gristmill.kernels.compile import kernel
from gristmill.schemas.errors import RunError

INDEX = "index.json"


class Bins(NamedTuple):
    """Packed pieces: starts int64 and lengths int32 of each piece, bin after bin; ends int32: pieces up to each bin."""

    starts: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray


@kernel
def _mark(tree, leaves, free, used):
    """Note in the tree of remaining spaces whether a bin with `free` tokens left exists."""
    node = leaves + free
    tree[node] = used
    node //= 2
    while node >= 1:
        tree[node] = tree[2 * node] or tree[2 * node + 1]
        node //= 2


@kernel
def _least_space(tree, leaves, needed):
    """The least space of any open bin that is at least `needed`, or -1."""
    node = leaves + needed
    if tree[node]:
        return needed
    while node > 1:
        if node % 2 == 0 and tree[node + 1]:
            node += 1
            while node < leaves:
                node = 2 * node if tree[2 * node] else 2 * node + 1
            return node - leaves
        node //= 2
    return -1


@kernel
def _best_fit(lengths, window, order, bins):
    """Set bins[i] for the pieces in `order` (longest first); returns the number of bins."""
    leaves = 1
    while leaves < window + 1:
        leaves *= 2
    tree = np.zeros(2 * leaves, np.bool_)
    newest = np.full(window + 1, -1, np.int64)  # of the open bins with this space: the newest, chained by `older`
    older = np.empty(len(order), np.int64)
    count = 0
    for piece in order:
        length = lengths[piece]
        space = _least_space(tree, leaves, length)
        if space < 0:
            chosen, space = count, window
            count += 1
        else:
            chosen = newest[space]
            newest[space] = older[chosen]
            if newest[space] < 0:
                _mark(tree, leaves, space, False)
        bins[piece] = chosen
        left = space - length
        if left > 0:
            older[chosen] = newest[left]
            newest[left] = chosen
            _mark(tree, leaves, left, True)
    return count


def pack(lengths: np.ndarray, window: int, first: int = 0) -> Bins:
    """Pack documents that lie one after the other from token `first` on.

    >>> pack(np.array([3, 9, 1]), 4).lengths.tolist()
    [4, 4, 3, 1, 1]
    """
    lengths = lengths.astype(np.int64)
    offsets = first + np.cumsum(lengths) - lengths
    full = lengths // window
    rest = lengths % window
    whole = np.repeat(offsets, full) + window * _within(full)
    has_rest = rest > 0
    rest_starts, rest_lengths = (offsets + full * window)[has_rest], rest[has_rest]
    bins = np.empty(len(rest_lengths), np.int64)
    count = _best_fit(rest_lengths, window, np.argsort(-rest_lengths, kind="stable"), bins)
    order = np.lexsort((np.arange(len(bins)), -rest_lengths, bins))  # a bin's pieces in the order of their placing
    ends = len(whole) + np.cumsum(np.bincount(bins, minlength=count))
    return Bins(
        np.concatenate([whole, rest_starts[order]]),
        np.concatenate([np.full(len(whole), window), rest_lengths[order]]).astype(np.int32),
        np.concatenate([np.arange(1, len(whole) + 1), ends]).astype(np.int32),
    )


def _within(counts: np.ndarray) -> np.ndarray:
    """0 .. count - 1 for each count, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


class Block(NamedTuple):
    """What index.json says of a block: its bins, its pieces, the checksum of its part of the file."""

    bins: int
    pieces: int
    checksum: str


def _block_bytes(bins: int, pieces: int) -> int:
    return -(-(12 * pieces + 4 * bins) // 8) * 8


class PackedSource:
    """The bins of one source, read from its file; a block's checksum is verified when it is first touched."""

    def __init__(self, path: Path, blocks: list[Block]) -> None:
        self.path, self.blocks = path, blocks
        self._first_bin = [0]
        self._offset = [0]
        for block in blocks:
            self._first_bin.append(self._first_bin[-1] + block.bins)
            self._offset.append(self._offset[-1] + _block_bytes(block.bins, block.pieces))
        if not path.exists() or path.stat().st_size != self._offset[-1]:
            found = f"{path.stat().st_size:,} bytes" if path.exists() else "missing"
            raise _damaged(path, f"{found}; expected {self._offset[-1]:,} bytes")
        self._data = np.asarray(np.memmap(path, np.uint8, "r")) if self._offset[-1] else np.zeros(0, np.uint8)
        self._read: dict[int, Bins] = {}

    @property
    def bins(self) -> int:
        return self._first_bin[-1]

    def pieces(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(starts int64, lengths int32) of the pieces of a bin."""
        block = bisect_right(self._first_bin, number) - 1
        starts, lengths, ends = self._block(block)
        inside = number - self._first_bin[block]
        first, last = ends[inside - 1] if inside else 0, ends[inside]
        return starts[first:last], lengths[first:last]

    def touching(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(bin, start, end) of every piece that holds a token of [start, end) of the source; reads the whole index."""
        for number in range(len(self.blocks)):
            starts, lengths, ends = self._block(number)
            for piece in np.flatnonzero((starts < end) & (starts + lengths > start)):
                inside = int(np.searchsorted(ends, piece, side="right"))
                yield self._first_bin[number] + inside, int(starts[piece]), int(starts[piece] + lengths[piece])

    def _block(self, number: int) -> Bins:
        if number in self._read:
            return self._read[number]
        block = self.blocks[number]
        data = self._data[self._offset[number] : self._offset[number + 1]]
        if xxhash.xxh3_128_hexdigest(data.data) != block.checksum:
            raise _damaged(self.path, f"block {number} is not as it was written")
        starts, lengths, ends = np.split(
            data[: 12 * block.pieces + 4 * block.bins], [8 * block.pieces, 12 * block.pieces]
        )
        self._read[number] = Bins(starts.view("<i8"), lengths.view("<i4"), ends.view("<i4"))
        return self._read[number]


def _damaged(path: Path, found: str) -> RunError:
    return RunError(
        found, where=str(path), next_step="delete the folder; it is built again from the shards' .idx files"
    )


def packed_sources(
    folder: Path, key: str, sources: Iterable[tuple[str, Iterator[np.ndarray]]], window: int, block_documents: int
) -> dict[str, PackedSource]:
    """The bin indexes of sources, built under `folder`/packing-`key` unless they are there.

    sources: (name, document lengths of its shards, shard after shard). Of several processes on a machine one builds and
    the others wait; machines that share a folder without sharing locks build equal folders, and the first to finish
    gives its own the name.
    """
    home = folder / f"packing-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"packing-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _read_index(home) is None:  # not there, or damaged: it follows from the documents' lengths
            shutil.rmtree(home, ignore_errors=True)
            _build(home, sources, window, block_documents)
    content = _read_index(home)
    if content is None:
        raise _damaged(home / INDEX, "it cannot be read")
    return {
        name: PackedSource(home / entry["file"], [Block(*block) for block in entry["blocks"]])
        for name, entry in content.items()
    }


def _read_index(home: Path) -> dict | None:
    try:
        return json.loads((home / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _build(home: Path, sources: Iterable[tuple[str, Iterator[np.ndarray]]], window: int, block_documents: int) -> None:
    """Write a folder of bin indexes under another name, then give it its own."""
    building = home.with_name(f"{home.name}.{uuid.uuid4().hex}.part")
    building.mkdir()
    try:
        built = {}
        for number, (name, lengths) in enumerate(sources):
            file = f"source-{number:03d}.bins"
            built[name] = {"file": file, "blocks": _write(building / file, lengths, window, block_documents)}
        (building / INDEX).write_text(json.dumps(built))
        building.replace(home)
    except OSError:
        if not (home / INDEX).exists():  # else another machine was faster
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(path: Path, shards: Iterator[np.ndarray], window: int, block_documents: int) -> list[Block]:
    """Pack and write a source block by block, holding one block in memory."""
    written = []
    first = 0
    with path.open("wb") as file:
        for lengths in _blocks(shards, block_documents):
            bins = pack(lengths, window, first)
            first += int(lengths.sum(dtype=np.int64))
            content = b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in bins)
            content += bytes(-len(content) % 8)
            file.write(content)
            written.append(Block(len(bins.ends), len(bins.starts), xxhash.xxh3_128_hexdigest(content)))
    return written


def _blocks(shards: Iterator[np.ndarray], block_documents: int) -> Iterator[np.ndarray]:
    """The lengths in blocks of `block_documents`; a last block that would be smaller is part of the one before it."""
    waiting: list[np.ndarray] = []
    held = 0
    for lengths in shards:
        waiting.append(np.asarray(lengths))
        held += len(lengths)
        while held >= 2 * block_documents:
            joined = np.concatenate(waiting)
            yield joined[:block_documents]
            waiting, held = [joined[block_documents:]], held - block_documents
    if held:
        yield np.concatenate(waiting)
