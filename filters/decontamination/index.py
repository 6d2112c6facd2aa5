# mypy: disallow-untyped-defs=False
"""The index of evaluation sets: every n-gram of their passages, sorted by hash, with the places it stands at.

A passage is one string of an item. Its n-grams are its runs of min(n, words) words, hashed as gram_hash says. A passage
of fewer than `min_words` words has none. An n-gram that is in more than `max_items` items of one set is that set's
template and has no place in it.

The arrays are written once as .npy files and memory-mapped by every process: about 60 bytes for each word of the sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import IO, Any

import numpy as np
import pyarrow as pa
from gristmill.filters.decontamination.gram_hash import fill_prefixes, gram_hash, powers
from gristmill.filters.decontamination.words import cut_words, room, scratch, word_table
from gristmill.filters.dedup.normalise import Normalisation
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel

MAX_REPEATS = 16  # places of one n-gram in one passage that are remembered
BITMAP_BITS_PER_GRAM = 16


@dataclass(frozen=True)
class Index:
    """n-grams of evaluation passages; see the fields' shapes: H n-grams, O occurrences, P passages, W words.

    n: the length of an n-gram; lengths: those that occur, as short passages are one shorter n-gram each, rising.
    hashes: uint64 (H), rising. posting_edges (H + 1), posting_passage (O), posting_at (O): where each stands.
    bitmap: one bit for each of 2^k leading hash bits; buckets: first n-gram of each group of leading bits.
    passage_edges (P + 1): words of each passage; word_starts (W + 1), words: word w is words[starts[w]:starts[w+1]-1].
    grams (W): the n-gram that starts at a word, -1 where none counts. item_counts (W): items of the set that hold it.
    passage_item (P): the item that a passage belongs to.
    """

    n: int
    lengths: np.ndarray
    hashes: np.ndarray
    posting_edges: np.ndarray
    posting_passage: np.ndarray
    posting_at: np.ndarray
    bitmap: np.ndarray
    buckets: np.ndarray
    passage_edges: np.ndarray
    word_starts: np.ndarray
    words: np.ndarray
    grams: np.ndarray
    item_counts: np.ndarray
    passage_item: np.ndarray

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "n"}

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())


@kernel
def _cut_passages(data, offsets, target, edges, expansions, out, starts, first, last, words, word_starts, word_edges):
    at, count = 0, 0
    for passage in range(len(offsets) - 1):
        found = cut_words(
            data, offsets[passage], offsets[passage + 1], target, edges, expansions, out, starts, first, last
        )
        for k in range(found):
            word_starts[count + k] = at + starts[k]
        count += found
        size = starts[found] if found else 0
        words[at : at + size] = out[:size]
        if size:
            words[at + size - 1] = 32
        at += size
        word_edges[passage + 1] = count
    word_starts[count] = at
    return count


@kernel
def _hash_grams(words, word_starts, word_edges, n, min_words, base_powers, prefixes, hashes, passages, places):
    at = 0
    for passage in range(len(word_edges) - 1):
        first, count = word_edges[passage], word_edges[passage + 1] - word_edges[passage]
        if count < min_words:
            continue
        size = min(n, count)
        fill_prefixes(words, word_starts, first, count, prefixes)
        for i in range(count - size + 1):
            hashes[at] = gram_hash(prefixes, i, size, base_powers[size])
            passages[at], places[at] = passage, i
            at += 1
    return at


def build_index(
    passages: pa.Array,
    passage_item: np.ndarray,
    item_set: np.ndarray,
    *,
    n: int,
    min_words: int,
    max_items: int,
    normalisation: Normalisation,
) -> Index:
    """The index of `passages` (large_string); item of each passage, set of each item."""
    data, offsets = string_buffers(passages)
    table = word_table(normalisation)
    total = int(offsets[-1] - offsets[0])
    words = np.zeros(room(total, table), np.uint8)
    word_starts = np.empty(room(total, table), np.int64)
    passage_edges = np.zeros(len(offsets), np.int64)
    spare = scratch(int(np.diff(offsets).max(initial=0)), table)
    count = _cut_passages(data, offsets, *table[:3], *spare, words, word_starts, passage_edges)
    word_starts = word_starts[: count + 1].copy()
    words = words[: word_starts[-1] + 8].copy()
    hashes, passage, place = np.empty(count, np.uint64), np.empty(count, np.int64), np.empty(count, np.int64)
    prefixes = np.empty(int(np.diff(passage_edges).max(initial=0)) + 1, np.uint64)
    found = _hash_grams(
        words, word_starts, passage_edges, n, max(min_words, 1), powers(n), prefixes, hashes, passage, place
    )
    hashes, passage, place = hashes[:found], passage[:found], place[:found]

    item = passage_item[passage]
    items_with = _items_of_set(hashes, item, item_set[item] if len(item) else item)
    counts = items_with <= max_items
    hashes, passage, place, items_with = hashes[counts], passage[counts], place[counts], items_with[counts]
    unique, gram = np.unique(hashes, return_inverse=True)
    grams, item_counts = np.full(count, -1, np.int32), np.ones(count, np.int32)
    grams[passage_edges[passage] + place] = gram
    item_counts[passage_edges[passage] + place] = items_with

    order = np.lexsort((place, passage, gram))
    gram, passage, place = gram[order], passage[order], place[order]
    kept = _rank_in_group(gram, passage) < MAX_REPEATS
    gram, passage, place = gram[kept], passage[kept], place[kept]
    sizes = np.minimum(n, np.diff(passage_edges)[passage])
    bitmap, buckets = _lookup_tables(unique)
    return Index(
        n,
        np.unique(sizes).astype(np.int64),
        unique,
        np.searchsorted(gram, np.arange(len(unique) + 1)).astype(np.int64),
        passage.astype(np.int32),
        place.astype(np.int32),
        bitmap,
        buckets,
        passage_edges,
        word_starts,
        words,
        grams,
        item_counts,
        passage_item.astype(np.int64),
    )


def _items_of_set(hashes: np.ndarray, item: np.ndarray, group: np.ndarray) -> np.ndarray:
    """For each occurrence of an n-gram: in how many items of its set the n-gram is."""
    if not len(hashes):
        return np.zeros(0, np.int64)
    order = np.lexsort((item, group, hashes))
    h, g, i = hashes[order], group[order], item[order]
    new_pair = np.concatenate(([True], (h[1:] != h[:-1]) | (g[1:] != g[:-1])))
    new_item = new_pair | np.concatenate(([True], i[1:] != i[:-1]))
    pair = np.cumsum(new_pair) - 1
    answer = np.empty(len(hashes), np.int64)
    answer[order] = np.bincount(pair, weights=new_item)[pair].astype(np.int64)
    return answer


def _rank_in_group(gram: np.ndarray, passage: np.ndarray) -> np.ndarray:
    """Number of each occurrence among those of its n-gram in its passage; both sorted."""
    if not len(gram):
        return np.zeros(0, np.int64)
    new = np.concatenate(([True], (gram[1:] != gram[:-1]) | (passage[1:] != passage[:-1])))
    first = np.maximum.accumulate(np.where(new, np.arange(len(gram)), 0))
    rank: np.ndarray = np.arange(len(gram)) - first
    return rank


def _lookup_tables(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(bitmap of leading bits that occur, first n-gram of each bucket of leading bits)."""
    bits = max(3, int(max(len(hashes), 1) * BITMAP_BITS_PER_GRAM - 1).bit_length())
    bitmap = np.zeros(1 << (bits - 3), np.uint8)
    leading = (hashes >> np.uint64(64 - bits)).astype(np.int64)
    np.bitwise_or.at(bitmap, leading >> 3, (1 << (leading & 7)).astype(np.uint8))
    bucket_bits = max(1, bits - 4)
    edges = np.arange((1 << bucket_bits) + 1, dtype=np.int64)
    leading = (hashes >> np.uint64(64 - bucket_bits)).astype(np.int64)
    return bitmap, np.searchsorted(leading, edges).astype(np.int64)


def write_array(file: IO[bytes], array: np.ndarray) -> None:
    """One array of an index as .npy."""
    np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def index_of(n: int, arrays: Mapping[str, Any]) -> Index:
    """An index from its arrays by name."""
    return Index(n, **arrays)


ARRAY_NAMES = tuple(field.name for field in fields(Index) if field.name != "n")
