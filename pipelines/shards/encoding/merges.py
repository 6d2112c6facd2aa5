"""Byte-level BPE as a kernel: the ids of one pre-token, exactly as `tokenizers` merges them.

Merging takes the pair of lowest rank, the leftmost of equals, until no pair has a rank. Pairs wait in a binary heap of
(rank, position), so a pre-token of n bytes costs n log n however long it is.
"""

# mypy: disallow-untyped-defs=False
from dataclasses import dataclass
from typing import Any

import numpy as np
from gristmill.kernels.compile import inlined, kernel
from gristmill.kernels.hashing import GOLDEN

_NONE = np.int64(1) << 62
_MIX = np.uint64(GOLDEN)


@dataclass(frozen=True)
class Merges:
    """byte_ids: the id of each byte. keys, values: open-addressing table from a pair (left << 32 | right) to
    rank << 32 | merged id; an empty place has the key -1."""

    byte_ids: np.ndarray
    keys: np.ndarray
    values: np.ndarray


def byte_characters() -> list[str]:
    """The character by which byte-level BPE writes each byte (as GPT-2's `bytes_to_unicode`)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    table = {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [table[byte] for byte in range(256)]


def read_merges(model: dict[str, Any]) -> Merges | None:
    """The merges of a tokenizer.json's `model`; None when it is not plain byte-level BPE."""
    plain = model.get("type") == "BPE" and not model.get("dropout")
    if not plain or model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return None
    vocabulary = model["vocab"]
    characters = byte_characters()
    if any(character not in vocabulary for character in characters):
        return None
    pairs: dict[int, int] = {}
    for rank, merge in enumerate(model["merges"]):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        pairs[vocabulary[left] << 32 | vocabulary[right]] = rank << 32 | vocabulary[left + right]
    capacity = 1 << max(4, (2 * len(pairs)).bit_length())
    keys, values = np.full(capacity, -1, np.int64), np.zeros(capacity, np.int64)
    _fill(np.array(list(pairs), np.int64), np.array(list(pairs.values()), np.int64), keys, values)
    return Merges(np.array([vocabulary[character] for character in characters], np.int64), keys, values)


@inlined
def _place(key, size):
    return np.int64((np.uint64(key) * _MIX) >> np.uint64(20)) & (size - 1)


@kernel
def _fill(pairs, merged, keys, values):
    for row in range(len(pairs)):
        place = _place(pairs[row], len(keys))
        while keys[place] != -1:
            place = (place + 1) & (len(keys) - 1)
        keys[place] = pairs[row]
        values[place] = merged[row]


@inlined
def _merge_of(left, right, keys, values):
    """rank << 32 | merged id of a pair; _NONE when it does not merge."""
    key = (left << 32) | right
    place = _place(key, len(keys))
    while keys[place] != key:
        if keys[place] == -1:
            return _NONE
        place = (place + 1) & (len(keys) - 1)
    return values[place]


@inlined
def _few(data, start, end, byte_ids, keys, values, merged, out):
    """Merge a short pre-token by looking at every pair again after each merge; writes to `out`, returns how many ids."""
    count = end - start
    for i in range(count):
        out[i] = byte_ids[data[start + i]]
    for i in range(count - 1):
        merged[i] = _merge_of(np.int64(out[i]), np.int64(out[i + 1]), keys, values)
    while count > 1:
        best, where = _NONE, 0
        for i in range(count - 1):
            if merged[i] >> 32 < best >> 32:
                best, where = merged[i], i
        if best == _NONE:
            break
        out[where] = best & 0xFFFFFFFF
        count -= 1
        for i in range(where + 1, count):
            out[i] = out[i + 1]
            merged[i - 1] = merged[i]
        for i in range(max(where - 1, 0), min(where + 1, count - 1)):
            merged[i] = _merge_of(np.int64(out[i]), np.int64(out[i + 1]), keys, values)
    return count


SHORT_BYTES = 48  # above it a heap is faster than looking again


@inlined
def _push(heap, size, entry):
    i = size
    while i > 0 and heap[(i - 1) >> 1] > entry:
        heap[i] = heap[(i - 1) >> 1]
        i = (i - 1) >> 1
    heap[i] = entry


@inlined
def _pop(heap, size):
    """Remove the least of `size` entries and return it."""
    least, moved = heap[0], heap[size - 1]
    i, child = 0, 1
    while child < size - 1:
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= moved:
            break
        heap[i] = heap[child]
        i, child = child, 2 * child + 1
    heap[i] = moved
    return least


@kernel
def _many(data, start, end, byte_ids, keys, values, out):
    """As _few, with a heap of rank << 32 | position; an entry is stale when the rank at its position has changed."""
    count = end - start
    symbols, ranks = np.empty(count, np.int64), np.full(count, -1, np.int64)
    after, before = np.arange(1, count + 1), np.arange(-1, count - 1)
    heap, size = np.empty(3 * count, np.int64), 0
    for i in range(count):
        symbols[i] = byte_ids[data[start + i]]
    for i in range(count - 1):
        merge = _merge_of(symbols[i], symbols[i + 1], keys, values)
        if merge != _NONE:
            ranks[i] = merge >> 32
            _push(heap, size, (ranks[i] << 32) | i)
            size += 1
    while size:
        entry = _pop(heap, size)
        size -= 1
        i = entry & 0xFFFFFFFF
        if ranks[i] != entry >> 32:
            continue
        right = after[i]
        symbols[i] = _merge_of(symbols[i], symbols[right], keys, values) & 0xFFFFFFFF
        ranks[i], ranks[right], symbols[right] = -1, -1, -1
        after[i] = after[right]
        if after[i] < count:
            before[after[i]] = i
        for left in (before[i], i):
            if left >= 0 and after[left] < count:
                merge = _merge_of(symbols[left], symbols[after[left]], keys, values)
                ranks[left] = merge >> 32 if merge != _NONE else -1
                if merge != _NONE:
                    _push(heap, size, (ranks[left] << 32) | left)
                    size += 1
    kept = 0
    for i in range(count):
        if symbols[i] >= 0:
            out[kept] = symbols[i]
            kept += 1
    return kept


@kernel
def merge_bytes(data, start, end, byte_ids, keys, values, scratch, out):
    """Write the ids of data[start:end] to the beginning of `out` (at least end - start long); returns their number.

    scratch: int64, SHORT_BYTES long.
    """
    if end - start <= SHORT_BYTES:
        return _few(data, start, end, byte_ids, keys, values, scratch, out)
    return _many(data, start, end, byte_ids, keys, values, out)
