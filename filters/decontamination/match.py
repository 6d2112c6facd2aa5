# mypy: disallow-untyped-defs=False
"""Matches: maximal runs of words that a document shares with a passage of an evaluation set, word by word.

Found left to right in the document. At a word where an n-gram of a passage begins that does not lie inside an earlier
match with that passage, the place of the passage with the longest run is taken (the first of equals): the n-gram and the
words after it for as long as they are equal and each new n-gram counts. Hashes only propose; words are compared.
`matches_plainly` is the definition the kernel is tested against.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.filters.decontamination.gram_hash import fill_prefixes, gram_hash, powers
from gristmill.filters.decontamination.index import MAX_REPEATS, Index
from gristmill.filters.decontamination.words import cut_words, scratch, word_table, words_plainly
from gristmill.filters.dedup.normalise import Normalisation
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, inlined, kernel


class Matches(NamedTuple):
    """row of the document, passage, first word in the passage, words; bytes [start, end) of the document; int64 each."""

    rows: np.ndarray
    passages: np.ndarray
    places: np.ndarray
    words: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def matches_plainly(
    text: str,
    passages: list[list[str]],
    counted: list[list[bool]],
    n: int,
    options: Normalisation,
) -> list[tuple[int, int, int, int, int]]:
    """(passage, first word in it, words, start, end) of every match of a text, by comparing everything with everything.

    counted: for each word of each passage, whether the n-gram that begins there counts.
    """
    found: list[tuple[int, int, int, int, int]] = []
    words = words_plainly(text, options)
    plain = [word for word, _, _ in words]
    until = [0] * len(passages)
    for i in range(len(words)):
        for p, passage in enumerate(passages):
            size = min(n, len(passage))
            if i + size <= until[p]:
                continue
            gram = plain[i : i + size]
            places = [at for at in range(len(passage)) if counted[p][at] and passage[at : at + size] == gram]
            best, best_at = 0, 0
            for at in places[:MAX_REPEATS]:
                length = size
                while (
                    i + length < len(words)
                    and at + length < len(passage)
                    and counted[p][at + length - size + 1]
                    and plain[i + length] == passage[at + length]
                ):
                    length += 1
                if length > best:
                    best, best_at = length, at
            if best:
                until[p] = i + best
                found.append((p, best_at, best, words[i][1], words[i + best - 1][2]))
    return found


@helper
def _same(a, a_start, a_end, b, b_start, b_end):
    if a_end - a_start != b_end - b_start:
        return False
    for k in range(a_end - a_start):  # noqa: SIM110 (any() of a generator does not compile)
        if a[a_start + k] != b[b_start + k]:
            return False
    return True


@helper
def _shared_words(out, starts, count, i, size, words, word_starts, grams, first, at, passage_words):
    """Words of the run that begins at word i of the document and word `at` of the passage; 0: the n-grams differ."""
    w = first + at
    if not _same(out, starts[i], starts[i + size] - 1, words, word_starts[w], word_starts[w + size] - 1):
        return 0
    length = size
    while i + length < count and at + length < passage_words and grams[w + length - size + 1] >= 0:
        a, b = i + length, w + length
        if not _same(out, starts[a], starts[a + 1] - 1, words, word_starts[b], word_starts[b + 1] - 1):
            break
        length += 1
    return length


@inlined
def _find(h, hashes, bitmap, bitmap_shift, buckets, bucket_shift):
    """The n-gram with hash h, -1 when there is none."""
    leading = np.int64(h >> np.uint64(bitmap_shift))
    if not (bitmap[leading >> 3] >> np.uint8(leading & 7)) & 1:
        return -1
    bucket = np.int64(h >> np.uint64(bucket_shift))
    for k in range(buckets[bucket], buckets[bucket + 1]):
        if hashes[k] == h:
            return k
    return -1


@kernel
def _match_batch(
    data, offsets, target, edges, expansions, n, lengths, base_powers, prefixes, hashes, posting_edges,
    posting_passage, posting_at, bitmap, bitmap_shift, buckets, bucket_shift, passage_edges, word_starts, words,
    grams, out, starts, first_bytes, last_bytes, until, found,
):  # fmt: skip
    """Fill `found` (matches, 6) as far as it reaches; returns the number of matches."""
    matches, base = 0, 0
    for row in range(len(offsets) - 1):
        count = cut_words(
            data, offsets[row], offsets[row + 1], target, edges, expansions, out, starts, first_bytes, last_bytes
        )
        fill_prefixes(out, starts, 0, count, prefixes)
        for i in range(count):
            for size in lengths:
                if i + size > count:
                    break
                h = gram_hash(prefixes, i, size, base_powers[size])
                gram = _find(h, hashes, bitmap, bitmap_shift, buckets, bucket_shift)
                if gram < 0:
                    continue
                p, stop = posting_edges[gram], posting_edges[gram + 1]
                while p < stop:
                    passage = posting_passage[p]
                    first = passage_edges[passage]
                    passage_words = passage_edges[passage + 1] - first
                    open_ = min(n, passage_words) == size and base + i + size > until[passage]
                    best, best_at = 0, 0
                    while p < stop and posting_passage[p] == passage:
                        if open_:
                            at = posting_at[p]
                            length = _shared_words(
                                out, starts, count, i, size, words, word_starts, grams, first, at, passage_words
                            )
                            if length > best:
                                best, best_at = length, at
                        p += 1
                    if best:
                        until[passage] = base + i + best
                        if matches < len(found):
                            found[matches, 0], found[matches, 1], found[matches, 2] = row, passage, best_at
                            found[matches, 3] = best
                            found[matches, 4], found[matches, 5] = first_bytes[i], last_bytes[i + best - 1]
                        matches += 1
        base += count
    return matches


def find_matches(texts: pa.Array, index: Index, normalisation: Normalisation) -> Matches:
    """Every match of every text, in order of row and place. Time depends on the texts, not on the size of the index."""
    data, offsets = string_buffers(texts)
    table = word_table(normalisation)
    spare = scratch(int(np.diff(offsets).max(initial=0)), table)
    prefixes = np.empty(len(spare[1]) + 1, np.uint64)
    bitmap_shift = 64 - ((len(index.bitmap) << 3).bit_length() - 1)
    bucket_shift = 64 - ((len(index.buckets) - 1).bit_length() - 1)
    size = 4096 + int(offsets[-1] - offsets[0]) // 64  # rarely too few; then the texts are gone through once more
    while True:
        found = np.empty((size, 6), np.int64)
        matches = _match_batch(
            data, offsets, *table[:3], index.n, index.lengths, powers(index.n), prefixes, index.hashes,
            index.posting_edges, index.posting_passage, index.posting_at, index.bitmap, bitmap_shift, index.buckets,
            bucket_shift, index.passage_edges, index.word_starts, index.words, index.grams, *spare,
            np.zeros(len(index.passage_item), np.int64), found,
        )  # fmt: skip
        if matches <= size:
            return Matches(*np.ascontiguousarray(found[:matches].T))
        size = matches
