# mypy: disallow-untyped-defs=False
"""Vectors of texts without a model: hashed TF-IDF of words and of characters in words, projected to a few dimensions.

Features of a text, lower-cased: its words (runs of letters and digits), pairs of words that follow each other, and, of words
of more than GRAM letters, the runs of GRAM letters in them, so that forms of a word are near; a character of Chinese,
Japanese or Thai is a word. A feature is one of 2^20 buckets. It weighs (1 + ln tf) * (ln((1 + n) / (1 + df)) + 1), runs of
letters half of that; n texts were counted, df of them have a feature in this bucket. Every bucket is the sum of SPARSE unit
vectors with signs, chosen by its number and the seed: a fixed sparse random projection (Achlioptas 2003; Li et al. 2006), which
keeps angles without reading the corpus a third time. Vectors have length 1.

Counts are whole numbers and sums run in the order of the buckets, so a vector depends on the text, the counts and the seed.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.unicode_tables import ALNUM, CLASS, LOWER
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.hashing import FNV_START, fnv1a, murmur64, splitmix64
from gristmill.kernels.utf8 import decode_utf8

BUCKETS = 1 << 20
GRAM = 4
SPARSE = 4
WORD, PAIR, LETTERS = 1, 2, 3  # kinds of features; the kind is part of the hash and decides the weight
_BUCKET_MASK = np.uint64(BUCKETS - 1)


@helper
def _is_alone(cp):
    """Whether a character is a word of its own: scripts without spaces between words."""
    return (
        0x0E00 <= cp <= 0x0EFF  # Thai, Lao
        or 0x1000 <= cp <= 0x109F  # Burmese
        or 0x1780 <= cp <= 0x17FF  # Khmer
        or 0x3040 <= cp <= 0x30FF  # kana
        or 0x3400 <= cp <= 0x9FFF
        or 0xF900 <= cp <= 0xFAFF
        or 0x20000 <= cp <= 0x3FFFF
    )


@helper
def _bucket(key, kind):
    return np.int64(murmur64(fnv1a(key, kind)) & _BUCKET_MASK) * 4 + kind


@helper
def features(cps, n, classes, lower, out):
    """Write bucket * 4 + kind of each feature of cps[:n] to out (3 n + 3 entries); returns their number."""
    found, i = 0, 0
    before, has_before = FNV_START, False
    while i < n:
        if not classes[cps[i]] & ALNUM:
            i += 1
            continue
        start, key = i, FNV_START
        while i < n and classes[cps[i]] & ALNUM and (i == start or not (_is_alone(cps[i]) or _is_alone(cps[i - 1]))):
            key = fnv1a(key, lower[cps[i]])
            i += 1
        out[found] = _bucket(key, WORD)
        found += 1
        if has_before:
            out[found] = _bucket(fnv1a(murmur64(before), key), PAIR)
            found += 1
        before, has_before = key, True
        if i - start > GRAM:
            for at in range(start, i - GRAM + 1):
                key = FNV_START
                for k in range(GRAM):
                    key = fnv1a(key, lower[cps[at + k]])
                out[found] = _bucket(key, LETTERS)
                found += 1
    return found


@kernel
def count_documents(data, offsets, longest, classes, lower, counts):
    """Add to counts (BUCKETS,) in how many of the texts each bucket has a feature."""
    cps = np.empty(longest, np.int32)
    found = np.empty(3 * longest + 3, np.int64)
    seen = np.full(BUCKETS, -1, np.int64)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        for f in range(features(cps, n, classes, lower, found)):
            bucket = found[f] >> 2
            if seen[bucket] != row:
                seen[bucket] = row
                counts[bucket] += 1


@kernel
def project(data, offsets, longest, classes, lower, idf, seed, out, defined):
    """Fill out (rows, dimension) float32 with the vectors of the texts, and `defined` where a text has a feature."""
    cps = np.empty(longest, np.int32)
    found = np.empty(3 * longest + 3, np.int64)
    dimension = out.shape[1]
    total = np.empty(dimension, np.float64)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], cps)
        count = features(cps, n, classes, lower, found)
        if not count:
            continue
        ordered = np.sort(found[:count])
        total[:] = 0.0
        first = 0
        while first < count:
            last = first
            while last < count and ordered[last] == ordered[first]:
                last += 1
            bucket = ordered[first] >> 2
            weight = (1.0 + np.log(last - first)) * idf[bucket]
            if ordered[first] & 3 == LETTERS:
                weight *= 0.5
            state = splitmix64(np.uint64(ordered[first]) ^ (np.uint64(seed) << np.uint64(32)))
            for _ in range(SPARSE):
                state = splitmix64(state + np.uint64(0x9E3779B97F4A7C15))
                place = np.int64((state >> np.uint64(1)) % np.uint64(dimension))
                total[place] += weight if state & np.uint64(1) else -weight
            first = last
        length = 0.0
        for k in range(dimension):
            length += total[k] * total[k]
        if length > 0.0:
            defined[row] = True
            length = np.sqrt(length)
            for k in range(dimension):
                out[row, k] = total[k] / length


def document_counts(texts: pa.Array) -> np.ndarray:
    """int64 (BUCKETS,): in how many of the texts each bucket has a feature."""
    data, offsets = string_buffers(texts)
    counts = np.zeros(BUCKETS, np.int64)
    count_documents(data, offsets, longest_document_bytes(offsets), CLASS, LOWER, counts)
    return counts


def inverse_frequencies(counts: np.ndarray, documents: int) -> np.ndarray:
    """float64 (BUCKETS,): ln((1 + documents) / (1 + count)) + 1."""
    return np.log((1.0 + documents) / (1.0 + counts)) + 1.0


def hashed_vectors(texts: pa.Array, idf: np.ndarray, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(float32 (texts, dimension) of length 1, bool (texts,): where a text has a feature at all)."""
    data, offsets = string_buffers(texts)
    out = np.zeros((len(texts), dimension), np.float32)
    defined = np.zeros(len(texts), bool)
    project(data, offsets, longest_document_bytes(offsets), CLASS, LOWER, idf, seed, out, defined)
    return out, defined


def features_plainly(text: str) -> list[tuple[int, str]]:
    """(kind, feature) of a text, as strings: the reference of `features`."""
    ranges = (
        *((0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF)),
        *((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
    )

    def is_alone(char: str) -> bool:
        return any(first <= ord(char) <= last for first, last in ranges)

    words: list[str] = []
    word = ""
    for char in text:
        if not CLASS[ord(char)] & ALNUM or is_alone(char) or (word and is_alone(word[-1])):
            words += [word] if word else []
            word = ""
        if CLASS[ord(char)] & ALNUM:
            word += char
    words += [word] if word else []
    words = ["".join(chr(LOWER[ord(char)]) for char in word) for word in words]
    found = [(WORD, word) for word in words]
    found += [(PAIR, f"{left} {right}") for left, right in pairwise(words)]
    return found + [(LETTERS, w[at : at + GRAM]) for w in words if len(w) > GRAM for at in range(len(w) - GRAM + 1)]
