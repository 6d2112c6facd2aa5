# mypy: disallow-untyped-defs=False
"""Overlaps: how much of an item's n-grams a document's matches hold, counted and weighted by rarity.

The weight of an n-gram of the shortest length is 1 / (d * i): d the different contents of the corpus that hold it (at
least 1), i the items of its set that do. So an n-gram that stands everywhere weighs next to nothing, and a document that
holds the whole of an item still holds all of its weight. A longer n-gram is as rare as the rarest short one in it; it
counts if all short ones in it do. Weights are integers (2^32 / (d * i), rounded down, at least 1), so sums do not
depend on any order.
"""

from typing import NamedTuple

import numpy as np
from gristmill.filters.decontamination.index import Index
from gristmill.kernels.compile import kernel

ONE = 1 << 32


class Weights(NamedTuple):
    """weights[k, w]: of the n-gram of length number k that starts at word w of the sets, 0 where none counts.

    lengths: n of each k. counts, totals: (k, items) n-grams that count and their weight.
    """

    lengths: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    totals: np.ndarray


@kernel
def _longer_weights(base, passage_edges, seed, n, out):
    for passage in range(len(passage_edges) - 1):
        first, count = passage_edges[passage], passage_edges[passage + 1] - passage_edges[passage]
        size, short = min(n, count), min(seed, count)
        for at in range(count - size + 1):
            greatest, all_count = np.int64(0), True
            for k in range(at, at + size - short + 1):
                weight = base[first + k]
                all_count = all_count and weight > 0
                greatest = max(greatest, weight)
            out[first + at] = greatest if all_count else 0


def weigh(index: Index, lengths: tuple[int, ...], document_counts: np.ndarray, items: int) -> Weights:
    """document_counts: for each n-gram of the index, the different contents that hold it."""
    base = np.zeros(len(index.grams), np.int64)
    counted = index.grams >= 0
    documents = np.maximum(document_counts, 1)[index.grams[counted]]
    base[counted] = np.maximum(ONE // (documents * index.item_counts[counted].astype(np.int64)), 1)
    weights = np.zeros((len(lengths), len(base)), np.int64)
    word_item = np.repeat(index.passage_item, np.diff(index.passage_edges))
    counts, totals = np.zeros((len(lengths), items), np.int64), np.zeros((len(lengths), items), np.int64)
    for k, n in enumerate(lengths):
        _longer_weights(base, index.passage_edges, index.n, n, weights[k])
        np.add.at(totals[k], word_item, weights[k])
        np.add.at(counts[k], word_item, (weights[k] > 0).astype(np.int64))
    return Weights(np.array(lengths, np.int64), weights, counts, totals)


@kernel
def _held(groups, passages, places, words, passage_edges, lengths, weights, matched, held, longest):
    for g in range(len(groups) - 1):
        for k in range(len(lengths)):
            passage, done = -1, 0
            for m in range(groups[g], groups[g + 1]):
                if passages[m] != passage:
                    passage, done = passages[m], 0
                first = passage_edges[passage]
                size = min(lengths[k], passage_edges[passage + 1] - first)
                for at in range(max(places[m], done), places[m] + words[m] - size + 1):
                    if weights[k, first + at] > 0:
                        matched[g, k] += 1
                        held[g, k] += weights[k, first + at]
                    done = at + 1
        for m in range(groups[g], groups[g + 1]):
            longest[g] = max(longest[g], words[m])


class Held(NamedTuple):
    """For each group of matches: (groups, k) n-grams of the item they hold and their weight; words of the longest."""

    matched: np.ndarray
    weight: np.ndarray
    longest: np.ndarray


def held_by(
    groups: np.ndarray, passages: np.ndarray, places: np.ndarray, words: np.ndarray, index: Index, weights: Weights
) -> Held:
    """groups: edges (int64) of the matches of one document and one item, in them sorted by passage, then place."""
    shape = (len(groups) - 1, len(weights.lengths))
    matched, held = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    longest = np.zeros(len(groups) - 1, np.int64)
    _held(
        groups, passages, places, words, index.passage_edges, weights.lengths, weights.weights, matched, held, longest
    )
    return Held(matched, held, longest)


def document_counts_plainly(pairs: list[tuple[int, str]], grams: int) -> list[int]:
    """For each n-gram, the different contents among (n-gram, content): the definition of what is counted by shuffle."""
    contents: list[set[str]] = [set() for _ in range(grams)]
    for gram, content in pairs:
        contents[gram].add(content)
    return [len(found) for found in contents]
