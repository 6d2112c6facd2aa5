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
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.vectors import set_bits

NO_LABEL = -1
_FNV_START, _FNV_PRIME = 2166136261, 16777619
_WORD_STEP = 116049371  # of the hash of a run of words
_AT_ONCE = 1 << 12  # rows that are found before they are added
_LEAST = 1e-5  # added to each probability before its logarithm is taken
_UNSEEN = 10**15  # count of an inner node before it is made
_SIGMOID_STEPS, _SIGMOID_END = 512, 8
_BEFORE, _BEHIND = ord("<"), ord(">")
_LINE_END = np.frombuffer(b"</s>", np.uint8)
_LABEL_PREFIX = np.frombuffer(b"__label__", np.uint8)
EVERY_HASH, KEPT_HASHES, NO_HASH = range(3)  # which hashes of n-grams have a row
WORDS, BUCKET, MIN_LETTERS, MAX_LETTERS, WORD_NGRAMS, LOSS, HASHES = range(7)  # places in `numbers`


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
        _classify(data, offsets, *self.tables, labels, probabilities)
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
    """(rows with those of kept n-grams in the order of their hashes, uint64 n x 2: 64 bits, whether a hash is kept, and how
    many are before them)."""
    if model.kept is None:
        return model.rows, np.zeros((1, 2), np.uint64)
    order = np.argsort(model.kept[:, 0], kind="stable")
    slots, of_slots = model.kept[order].T.astype(np.int64)
    words = len(model.words)
    rows = np.concatenate([model.rows[:words], model.rows[words + of_slots]])
    ranks = np.zeros((model.bucket // 64 + 1, 2), np.uint64)
    np.bitwise_or.at(ranks[:, 0], slots >> 6, np.uint64(1) << (slots & 63).astype(np.uint64))
    ranks[:, 1] = np.searchsorted(slots, np.arange(len(ranks)) << 6)
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
def _hashed(h, byte):
    """FNV-1a of 32 bits with one byte more, which fastText takes to be signed."""
    return np.uint32(np.uint32(h ^ np.uint32(np.int32(np.int8(byte)))) * np.uint32(_FNV_PRIME))


@inlined
def _hash(data, start, stop):
    h = np.uint32(_FNV_START)
    for i in range(start, stop):
        h = _hashed(h, data[i])
    return h


@inlined
def _find(data, size, h, words, edges, hashes, places):
    """The number of the word data[1:size + 1] among words and labels, -1 if it is none."""
    mask = np.int64(len(places) - 1)
    place = np.int64(h) & mask
    while places[place] >= 0:
        word = places[place]
        if hashes[word] == h and edges[word + 1] - edges[word] == size:
            k = 0
            while k < size and words[edges[word] + k] == data[1 + k]:
                k += 1
            if k == size:
                return np.int64(word)
        place = (place + 1) & mask
    return np.int64(-1)


@inlined
def _is(data, size, text):
    """Whether data[1:size + 1] begins with the text."""
    k = 0
    while k < len(text) and k < size and data[1 + k] == text[k]:
        k += 1
    return k == len(text)


@inlined
def _separates(b):
    return b == 0x20 or 0x09 <= b <= 0x0D or b == 0


@inlined
def _put(slot, numbers, ranks, found, count):
    """Put the row of an n-gram behind the others, if it has one; returns how many there are. Without a branch."""
    if numbers[HASHES] == EVERY_HASH:
        found[count] = numbers[WORDS] + slot
        return count + 1
    bits, place = ranks[slot >> 6, 0], np.uint64(slot & 63)
    below = bits & ((np.uint64(1) << place) - np.uint64(1))
    found[count] = numbers[WORDS] + np.int64(ranks[slot >> 6, 1]) + set_bits(below)
    return count + np.int64((bits >> place) & np.uint64(1))


@helper
def _put_letters(word, size, edges, numbers, ranks, rows, found, count, mean, added):
    """Put the rows of the n-grams of letters of word[:size]; edges: room for where letters begin."""
    letters = 0
    for j in range(size):
        edges[letters] = j
        letters += word[j] & 0xC0 != 0x80
    edges[letters] = size
    bucket, least, most = numbers[BUCKET], numbers[MIN_LETTERS], numbers[MAX_LETTERS]
    inverse = 1.0 / bucket
    for first in range(letters):
        if count + most > len(found):
            count = _add_rows(rows, found, count, mean, added)
        h = np.uint32(_FNV_START)
        for last in range(first, min(first + most, letters)):
            for j in range(edges[last], edges[last + 1]):
                h = _hashed(h, word[j])
            length = last - first + 1
            if length >= least and not (length == 1 and (first == 0 or last == letters - 1)):
                slot = np.int64(h) - np.int64(np.float64(h) * inverse) * bucket  # the remainder, without a division
                slot += bucket if slot < 0 else 0
                slot -= bucket if slot >= bucket else 0
                count = _put(slot, numbers, ranks, found, count)
    return count


@inlined
def _add_rows(rows, found, count, mean, added):
    """Add found[:count] to the mean, and how many they are to added[0]; returns 0, how many are left."""
    for n in range(count):
        row = found[n]
        for d in range(len(mean)):
            mean[d] += rows[row, d]
    added[0] += count
    return 0


@kernel
def _classify(
    data, offsets, numbers, words, edges, hashes, places, ranks, rows, output, tree, labels, probabilities
):  # fmt: skip
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    word = np.empty(longest + 6, np.uint8)
    letter_edges = np.empty(longest + 7, np.int64)
    word_hashes = np.empty(longest // 2 + 2, np.int32)
    found = np.empty(_AT_ONCE + numbers[MAX_LETTERS], np.int64)
    mean, added = np.empty(rows.shape[1], np.float32), np.zeros(1, np.int64)
    scores = np.empty(len(output), np.float32)
    stack, stack_scores = np.empty(len(tree) + 2, np.int32), np.empty(len(tree) + 2, np.float32)
    for row in range(len(offsets) - 1):
        mean[:] = added[0] = 0
        count = word_count = 0
        i, end = offsets[row], offsets[row + 1]
        ended = False
        while i < end and not ended:
            size = 0
            if data[i] == 0x0A:
                for b in _LINE_END:
                    size += 1
                    word[size] = b
                i += 1
            elif _separates(data[i]):
                i += 1
                continue
            else:
                while i < end and not _separates(data[i]):
                    size += 1
                    word[size] = data[i]
                    i += 1
            ended = size == len(_LINE_END) and _is(word, size, _LINE_END)
            h = _hash(word, 1, size + 1)
            number = _find(word, size, h, words, edges, hashes, places)
            if number >= numbers[WORDS] or (number < 0 and _is(word, size, _LABEL_PREFIX)):
                continue  # a label
            if count == len(found):
                count = _add_rows(rows, found, count, mean, added)
            found[count] = number
            count += number >= 0
            word_hashes[word_count] = np.int32(h)
            word_count += 1
            if not ended and numbers[MAX_LETTERS] > 0 and numbers[HASHES] != NO_HASH:
                word[0], word[size + 1] = _BEFORE, _BEHIND
                count = _put_letters(word, size + 2, letter_edges, numbers, ranks, rows, found, count, mean, added)
        for first in range(word_count if numbers[WORD_NGRAMS] > 1 and numbers[HASHES] != NO_HASH else 0):
            run = np.uint64(np.int64(word_hashes[first]))
            for last in range(first + 1, min(first + numbers[WORD_NGRAMS], word_count)):
                run = run * np.uint64(_WORD_STEP) + np.uint64(np.int64(word_hashes[last]))
                slot = np.int64(run % np.uint64(numbers[BUCKET]))
                if count == len(found):
                    count = _add_rows(rows, found, count, mean, added)
                count = _put(slot, numbers, ranks, found, count)
        _add_rows(rows, found, count, mean, added)
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
