# mypy: disallow-untyped-defs=False
"""The answers of a fastText classifier: words and n-grams hashed, their rows averaged, the likeliest labels of the mean.

A text ends at its first line feed, which is a word itself (`</s>`). A word counts by its own row, if it was learnt, and by
those of the n-grams of its letters, `<` before it and `>` behind it; runs of words count by rows of theirs. Additions are
made in fastText's order and width, so that probabilities are its own but for the last bits. Labels that are equally likely
come in any order.

Sources: Joulin et al., "Bag of tricks for efficient text classification" (2017) and "FastText.zip" (2016); Morin and Bengio,
"Hierarchical probabilistic neural network language model" (2005), for the tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np
from gristmill.filters.fasttext.file import HIERARCHICAL_SOFTMAX, SOFTMAX, ModelFile, read_file
from gristmill.filters.fasttext.ngrams import (
    EVERY_HASH,
    FNV_START,
    HASHES,
    KEPT_HASHES,
    LOSS,
    MAX_LETTERS,
    NO_HASH,
    WORD_NGRAMS,
    WORDS,
    add_ngrams,
    add_runs,
    expect_letters,
    hashed,
    letter_room,
    take_row,
    take_word,
)
from gristmill.kernels.compile import helper, inlined, kernel

NO_LABEL = -1
_LEAST = 1e-5  # added to each probability before its logarithm is taken
_UNSEEN = 10**15  # count of an inner node before it is made
_SIGMOID_STEPS, _SIGMOID_END = 512, 8
_LINE_FEED = 0x0A
_LINE_END = np.frombuffer(b"</s>", np.uint8)
_LABEL_PREFIX = np.frombuffer(b"__label__", np.uint8)


@dataclass(frozen=True)
class FasttextClassifier:
    """A classifier ready to be asked; labels as in its file (`__label__en`)."""

    labels: tuple[str, ...]
    tables: tuple[np.ndarray, ...]

    def classify(self, data: np.ndarray, offsets: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """(numbers of labels int32, probabilities float32) of n texts, n x most, the likeliest first.

        data, offsets: bytes uint8 and int64 of n + 1. NO_LABEL and 0 behind the last: a text without anything that was
        learnt has none. A probability may be above 1 by 0.00001.
        """
        count = len(offsets) - 1
        labels = np.full((count, most), NO_LABEL, np.int32)
        probabilities = np.zeros((count, most), np.float32)
        numbers, rows = self.tables[0], self.tables[6]
        room = letter_room(int(numbers[MAX_LETTERS]), rows.shape[1])
        _classify(data, offsets, *self.tables, room, labels, probabilities)
        return labels, probabilities


@cache
def fasttext_classifier(path: Path) -> FasttextClassifier:
    """The classifier of a file; ModelError for one that cannot be read."""
    model = read_file(path)
    return FasttextClassifier(tuple(model.labels), _tables(model))


def _tables(model: ModelFile) -> tuple[np.ndarray, ...]:
    """What the kernel reads, in its order."""
    entries = [*model.words, *(label.encode("utf-8", "surrogateescape") for label in model.labels)]
    data = np.frombuffer(b"".join(entries) or b"\0", np.uint8).copy()
    edges = np.array([0, *accumulate(map(len, entries))], np.int64)
    hashes = np.empty(len(entries), np.uint32)
    places = np.full(_table_size(len(entries)), -1, np.int32)
    _place_words(data, edges, hashes, places)
    rows, ranks = _in_order(model)
    which = EVERY_HASH if model.kept is None else (KEPT_HASHES if len(model.kept) else NO_HASH)
    numbers = len(model.words), model.bucket, model.min_letters, model.max_letters, model.word_ngrams, model.loss, which
    tree = _tree(model.label_counts) if model.loss == HIERARCHICAL_SOFTMAX else np.empty((0, 2), np.int32)
    return np.array(numbers, np.int64), data, edges, hashes, places, ranks, rows, model.output, tree


def _in_order(model: ModelFile) -> tuple[np.ndarray, np.ndarray]:
    """(rows with those of kept n-grams in the order of their hashes, uint64 of every 32 hashes: which of them are kept, the
    first in the lowest bit, and above these 32 bits how many are kept before them)."""
    if model.kept is None:
        return model.rows, np.zeros(1, np.uint64)
    order = np.argsort(model.kept[:, 0], kind="stable")
    slots, of_slots = model.kept[order].T.astype(np.int64)
    words = len(model.words)
    rows = np.concatenate([model.rows[:words], model.rows[words + of_slots]])
    ranks = np.searchsorted(slots, np.arange(model.bucket // 32 + 1) << 5).astype(np.uint64) << np.uint64(32)
    np.bitwise_or.at(ranks, slots >> 5, np.uint64(1) << (slots & 31).astype(np.uint64))
    return rows, ranks


def _table_size(count: int) -> int:
    return 1 << max(4, (2 * count).bit_length())


def _tree(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """int32 inner nodes x (left, right): numbers of labels, or len(counts) + number of an inner node; the last is the root.

    The two rarest nodes that are left become one; labels are in falling order of their counts.
    """
    leaves = len(counts)
    waiting = [*map(int, counts), *[_UNSEEN] * (leaves - 1)]
    children = np.empty((leaves - 1, 2), np.int32)
    leaf, node = leaves - 1, leaves
    for made in range(leaves - 1):
        for side in range(2):
            if leaf >= 0 and (node >= len(waiting) or waiting[leaf] < waiting[node]):
                children[made, side] = leaf
                leaf -= 1
            else:
                children[made, side] = node
                node += 1
        waiting[leaves + made] = waiting[children[made, 0]] + waiting[children[made, 1]]
    return children


@kernel
def _place_words(data, edges, hashes, places):
    """Fill hashes and the table of numbers by hash; the first of equal words stays."""
    mask = np.int64(len(places) - 1)
    for word in range(len(hashes)):
        hashes[word] = _hash(data, edges[word], edges[word + 1])
        place = np.int64(hashes[word]) & mask
        while places[place] >= 0:
            place = (place + 1) & mask
        places[place] = word


@inlined
def _hash(data, start, stop):
    h = np.uint32(FNV_START)
    for i in range(start, stop):
        h = hashed(h, data[i])
    return h


@inlined
def _find(data, start, size, h, words, edges, hashes, places):
    """The number of the word data[start:start + size] among words and labels, -1 if it is none."""
    mask = np.int64(len(places) - 1)
    place = np.int64(h) & mask
    while places[place] >= 0:
        word = places[place]
        if hashes[word] == h and edges[word + 1] - edges[word] == size:
            k = 0
            while k < size and words[edges[word] + k] == data[start + k]:
                k += 1
            if k == size:
                return np.int64(word)
        place = (place + 1) & mask
    return np.int64(-1)


@inlined
def _begins(data, start, size, text):
    """Whether data[start:start + size] begins with the text."""
    k = 0
    while k < len(text) and k < size and data[start + k] == text[k]:
        k += 1
    return k == len(text)


@inlined
def _separates(b):
    return b <= 0x20 and (b == 0x20 or 0x09 <= b <= 0x0D or b == 0)


@kernel
def _classify(
    data, offsets, numbers, words, edges, hashes, places, ranks, rows, output, tree, room, labels, probabilities
):  # fmt: skip
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    with_letters = numbers[MAX_LETTERS] > 0 and numbers[HASHES] != NO_HASH
    runs = numbers[WORD_NGRAMS] if numbers[HASHES] != NO_HASH else 1
    word_hashes = np.empty(longest // 2 + 2, np.int32)
    model, mean, added = (numbers, ranks, rows), room[6], room[7]
    expect_letters(0, numbers, room)
    line_end_hash = _hash(_LINE_END, 0, len(_LINE_END))
    line_end = _find(_LINE_END, 0, len(_LINE_END), line_end_hash, words, edges, hashes, places)
    scores = np.empty(len(output), np.float32)
    stack, stack_scores = np.empty(len(tree) + 2, np.int32), np.empty(len(tree) + 2, np.float32)
    for row in range(len(offsets) - 1):
        mean[:] = added[0] = 0
        word_count = letters = 0
        i, end = offsets[row], offsets[row + 1]
        ended = False
        while i < end and not ended:
            start, h = i, np.uint32(FNV_START)
            while i < end and not _separates(data[i]):
                h = hashed(h, data[i])
                i += 1
            size = i - start
            if size == 0:
                i += 1
                if data[start] != _LINE_FEED:
                    continue
                number, h, ended = line_end, line_end_hash, True
            else:
                number = _find(data, start, size, h, words, edges, hashes, places)
                if number >= numbers[WORDS] or (number < 0 and _begins(data, start, size, _LABEL_PREFIX)):
                    continue  # a label
                ended = size == len(_LINE_END) and _begins(data, start, size, _LINE_END)
            if runs > 1:
                word_hashes[word_count] = np.int32(h)
                word_count += 1
            if ended or not with_letters:
                letters = take_row(data, number, letters, model, room)
            else:
                letters = take_word(data, start, i, number, letters, model, room)
        add_ngrams(data, letters, 0, model, room)
        add_runs(word_hashes, word_count, runs, model, room)
        if added[0] == 0:
            continue
        share = np.float32(1.0 / added[0])
        for d in range(len(mean)):
            mean[d] *= share
        if numbers[LOSS] == HIERARCHICAL_SOFTMAX:
            _descend(mean, output, tree, stack, stack_scores, labels[row], probabilities[row])
        else:
            _weigh_all(mean, output, numbers[LOSS] == SOFTMAX, scores)
            for label in range(len(scores)):
                _rank(label, _log(scores[label]), labels[row], probabilities[row])
        for k in range(labels.shape[1]):
            if labels[row, k] != NO_LABEL:
                probabilities[row, k] = np.exp(probabilities[row, k])


@inlined
def _log(value):
    return np.float32(np.log(np.float64(value) + _LEAST))


@inlined
def _product(mean, output, row):
    total = np.float32(0)
    for d in range(len(mean)):
        total += output[row, d] * mean[d]
    return total


@inlined
def _rank(label, score, labels, scores):
    """Put a label into the list of the likeliest, which is in falling order."""
    k = len(labels) - 1
    if labels[k] != NO_LABEL and score <= scores[k]:
        return
    while k > 0 and (labels[k - 1] == NO_LABEL or scores[k - 1] < score):
        labels[k], scores[k] = labels[k - 1], scores[k - 1]
        k -= 1
    labels[k], scores[k] = label, score


@helper
def _descend(mean, output, tree, stack, stack_scores, labels, scores):
    """The likeliest leaves of the tree, passing over branches that cannot hold one."""
    leaves = len(output)
    stack[0], stack_scores[0] = leaves + len(tree) - 1, 0
    top, last, least = 1, len(labels) - 1, _log(np.float32(0))
    while top > 0:
        top -= 1
        node, score = stack[top], stack_scores[top]
        if score < least or (labels[last] != NO_LABEL and score < scores[last]):
            continue
        if node < leaves:
            _rank(node, score, labels, scores)
            continue
        inner = node - leaves
        right = np.float32(1.0 / (np.float32(1) + np.exp(-_product(mean, output, inner))))
        stack[top], stack_scores[top] = tree[inner, 1], np.float32(score + _log(right))
        stack[top + 1], stack_scores[top + 1] = tree[inner, 0], np.float32(score + _log(np.float32(1.0 - right)))
        top += 2


@helper
def _weigh_all(mean, output, softmax, scores):
    """The probability of every label: softmax, or each by itself from fastText's table of the logistic function."""
    most = np.float32(-np.inf)
    for label in range(len(scores)):
        scores[label] = _product(mean, output, label)
        most = max(most, scores[label])
    if softmax:
        total = np.float32(0)
        for label in range(len(scores)):
            scores[label] = np.exp(scores[label] - most)
            total += scores[label]
        for label in range(len(scores)):
            scores[label] /= total
        return
    for label in range(len(scores)):
        x = scores[label]
        if x < -_SIGMOID_END:
            scores[label] = 0
        elif x > _SIGMOID_END:
            scores[label] = 1
        else:
            step = np.int64((x + np.float32(_SIGMOID_END)) * _SIGMOID_STEPS / _SIGMOID_END / 2)
            at = np.float32(step * 2 * _SIGMOID_END) / np.float32(_SIGMOID_STEPS) - np.float32(_SIGMOID_END)
            scores[label] = np.float32(1.0 / (1.0 + np.exp(-np.float64(at))))
