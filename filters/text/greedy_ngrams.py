# mypy: disallow-untyped-defs=False
"""datatrove's duplicated n-grams: a greedy walk, n-grams compared as their words written together.

Left to right, an n-gram seen before adds its characters and the walk jumps over its n words; any other is remembered
and the walk moves by one word. As the words are joined by nothing, `ab c` equals `a bc`, so identity of words will not
do: the joined characters are hashed by prefix and compared. Only candidates are looked up: two equal n-grams of n >= 5
words share their first characters, so one whose first HEAD characters occur nowhere else cannot have been seen before,
and nothing later can equal it. N-grams shorter than HEAD are always candidates.
"""

import numpy as np
from gristmill.filters.text.ngrams import count_marks, prefix_span_hash, same_characters, slot_mask
from gristmill.kernels.compile import helper, kernel

HEAD = 12
SMALLEST = 5


@helper
def join_words(cps, starts, ends, words, joined, edges):
    """The characters of the words one after the other; edges[w] is where word w begins. Returns their number."""
    length = 0
    for w in range(words):
        edges[w] = length
        for i in range(starts[w], ends[w]):
            joined[length] = cps[i]
            length += 1
    edges[words] = length
    return length


@kernel
def candidates(edges, words, prefixes, powers, hashes, marks, positions):
    """Fill `positions` with the words at which an n-gram that has an equal may start; returns their number."""
    grams = max(words - SMALLEST + 1, 0)
    for w in range(grams):
        hashes[w] = prefix_span_hash(prefixes, powers, edges[w], min(edges[w] + HEAD, edges[words]))
    mask = count_marks(hashes, grams, marks)
    m = 0
    for w in range(grams):
        positions[m] = w
        m += (marks[np.int64(hashes[w]) & mask] > 1) | (edges[w + SMALLEST] - edges[w] < HEAD)
    return m


@helper
def greedy_duplicate_characters(joined, edges, words, n, positions, m, prefixes, powers, hashes, slots):
    """Characters of the n-grams (n >= SMALLEST) found again by the walk; positions[:m] from `candidates`."""
    mask = slot_mask(m)
    slots[: mask + 1] = 0
    characters = 0
    next_word = 0
    for k in range(m):
        p = positions[k]
        if p < next_word:
            continue
        if p > words - n:
            break
        start, length = edges[p], edges[p + n] - edges[p]
        h = prefix_span_hash(prefixes, powers, start, start + length)
        at = np.int64(h) & mask
        while True:
            q = slots[at] - 1
            if q < 0:
                slots[at] = p + 1
                hashes[p] = h
                break
            if (
                hashes[q] == h
                and edges[q + n] - edges[q] == length
                and same_characters(joined, edges[q], start, length)
            ):
                characters += length
                next_word = p + n
                break
            at = (at + 1) & mask
    return characters
