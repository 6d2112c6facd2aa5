# mypy: disallow-untyped-defs=False
"""Exact repetition mechanics: equal spans, repeated word n-grams, and what they cover. Shared by the Gopher families.

No answer rests on a hash: a table slot is accepted only after the characters themselves are compared, and above words
everything is identity of integers. Two facts make it fast on prose, where repetition is rare:

- An n-gram is the pair of the (n-1)-grams at its first and second word, so with dense ids it is one 64-bit key.
- An n-gram can repeat only where both those (n-1)-grams repeat, so each level looks only at what survived the last.
  The first level, pairs of words, leaves out most of what occurs once by counting hashes in a byte map.

Scratch: `slots` (int32, a power of two of at least twice the items) is a table of ids + 1; every function that uses it
clears the part it needs first.
"""

from typing import NamedTuple

import numpy as np
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.hashing import GOLDEN
from gristmill.kernels.memory import item_bytes, load64, low_bytes

# Columns of `count_ngrams`. The most frequent n-gram is the one met first among equals, also when none repeats; the
# most frequent repeated one is the longest among equals. Characters are those of the words, without separators.
TOP_CHARACTERS, TOP_COUNT, TOP_REPEATED, ALL_COPIES, COVERED, ALL_GRAMS = range(6)
GRAM_COLUMNS = 6

MARKS_PER_SLOT = 4

MULTIPLIER = np.uint64(GOLDEN)


def table_size(items: int) -> int:
    """The smallest power of two that holds `items` at a load of at most one half."""
    return 1 << (2 * max(items, 1) - 1).bit_length()


@helper
def slot_mask(items):
    """Mask of the table part used for `items`, never more than `table_size` allots."""
    size = 2
    while size < 2 * items:
        size *= 2
    return size - 1


@kernel
def mixed(h):
    """Spread the entropy of all bits into the low ones."""
    h ^= h >> np.uint64(32)
    h *= MULTIPLIER
    return h ^ (h >> np.uint64(29))


@helper
def hash_words(cps, starts, ends, words, hashes):
    """hashes[w] of each word, read character by character: best for short spans."""
    for w in range(words):
        h = np.uint64(ends[w] - starts[w])
        for i in range(starts[w], ends[w]):
            h = (h ^ np.uint64(cps[i])) * MULTIPLIER
        hashes[w] = mixed(h)


@helper
def hash_byte_words(text, starts, ends, words, hashes):
    """hashes[w] of each word of UTF-8 text with 8 more bytes behind it, read eight bytes at a time."""
    for w in range(words):
        at, length = starts[w], ends[w] - starts[w]
        h = np.uint64(length)
        while length > 8:
            h = (h ^ load64(text, at)) * MULTIPLIER
            h ^= h >> np.uint64(32)
            at += 8
            length -= 8
        hashes[w] = mixed((h * MULTIPLIER) ^ low_bytes(load64(text, at), length))


@helper
def fill_edges(starts, ends, words, edges):
    """edges[w] = characters in the words before word w, whose spans are code points."""
    edges[0] = 0
    for w in range(words):
        edges[w + 1] = edges[w] + ends[w] - starts[w]


@helper
def fill_powers(powers):
    """powers[k] = MULTIPLIER ** k modulo 2 ** 64."""
    power = np.uint64(1)
    for k in range(powers.size):
        powers[k] = power
        power *= MULTIPLIER


@helper
def fill_prefix_hashes(cps, n, prefixes):
    """prefixes[i] = polynomial hash of cps[:i], from which any span's follows in two operations."""
    h = np.uint64(0)
    prefixes[0] = h
    for i in range(n):
        h = h * MULTIPLIER + np.uint64(cps[i])
        prefixes[i + 1] = h


@helper
def prefix_span_hash(prefixes, powers, start, end):
    return mixed(prefixes[end] - prefixes[start] * powers[end - start] + np.uint64(end - start))


@helper
def _same_bytes(text, a, b, length):
    k = 0
    while k + 8 <= length:
        if load64(text, a + k) != load64(text, b + k):
            return False
        k += 8
    return k == length or low_bytes(load64(text, a + k) ^ load64(text, b + k), length - k) == 0


@helper
def same_characters(text, a, b, length):
    """Whether text[a : a + length] equals text[b : b + length]: code points, or bytes with 8 more behind them."""
    if item_bytes(text) == 1:
        return _same_bytes(text, a, b, length)
    for i in range(length):  # noqa: SIM110 (numba compiles no generator)
        if text[a + i] != text[b + i]:
            return False
    return True


@helper
def number_spans(cps, starts, ends, spans, hashes, slots, first, counts, ids):
    """Give equal spans equal ids, in order of first occurrence; returns the number of distinct spans.

    hashes[s] is any function of the characters of span s. ids[s] becomes the id of span s; first[id] its first span;
    counts[id] how many there are.
    """
    mask = slot_mask(spans)
    slots[: mask + 1] = 0
    distinct = 0
    for s in range(spans):
        start, length, h = starts[s], ends[s] - starts[s], hashes[s]
        at = np.int64(h) & mask
        while True:
            found = slots[at] - 1
            if found < 0:
                slots[at] = distinct + 1
                first[distinct] = s
                counts[distinct] = 1
                ids[s] = distinct
                distinct += 1
                break
            other = first[found]
            if (
                hashes[other] == h
                and ends[other] - starts[other] == length
                and same_characters(cps, starts[other], start, length)
            ):
                counts[found] += 1
                ids[s] = found
                break
            at = (at + 1) & mask
    return distinct


@helper
def count_marks(hashes, items, marks):
    """Count, up to two and by hash, the items in the byte map `marks`; returns the mask that finds a hash's byte.

    An item whose byte says one is alone for sure, at the cost of two memory accesses; the others need looking at.
    """
    mask = slot_mask(items * MARKS_PER_SLOT)
    marks[: mask + 1] = 0
    for k in range(items):
        at = np.int64(hashes[k]) & mask
        marks[at] += marks[at] < 2
    return mask


@helper
def seen_twice(hashes, items, marks, positions):
    """Fill `positions` with the items whose hash may occur twice; returns their number."""
    mask = count_marks(hashes, items, marks)
    m = 0
    for k in range(items):
        positions[m] = k
        m += marks[np.int64(hashes[k]) & mask] > 1
    return m


@helper
def same_words(cps, starts, ends, a, b):
    length = ends[a] - starts[a]
    return ends[b] - starts[b] == length and same_characters(cps, starts[a], starts[b], length)


@helper
def number_bigrams(cps, starts, ends, hashes, positions, m, slots, first, counts, ids):
    """As `number_spans`, for the two words at each p of positions[:m], whose hash is hashes[p]."""
    mask = slot_mask(m)
    slots[: mask + 1] = 0
    distinct = 0
    for k in range(m):
        p = positions[k]
        at = np.int64(hashes[p]) & mask
        while True:
            found = slots[at] - 1
            if found < 0:
                slots[at] = distinct + 1
                first[distinct] = p
                counts[distinct] = 1
                ids[p] = distinct
                distinct += 1
                break
            q = first[found]
            if (
                hashes[q] == hashes[p]
                and same_words(cps, starts, ends, q, p)
                and same_words(cps, starts, ends, q + 1, p + 1)
            ):
                counts[found] += 1
                ids[p] = found
                break
            at = (at + 1) & mask
    return distinct


@helper
def keep_repeated(ids, counts, positions, m):
    """Drop from positions[:m] those whose gram occurs once, in place; returns how many stay."""
    kept = 0
    for k in range(m):
        p = positions[k]
        if counts[ids[p]] > 1:
            positions[kept] = p
            kept += 1
    return kept


@helper
def lengthen_grams(ids, positions, m, slots, keys, first, counts):
    """From n-grams to (n+1)-grams; returns (positions left, distinct repeated candidates).

    In: ids[p] names the n-gram at each p of positions[:m], the ascending positions whose n-gram repeats. Out: the same
    for n+1, but positions still holds candidates that turn out to occur once (see `keep_repeated`). first[id] and
    counts[id] as in `number_spans`, over candidates. `keys` is scratch (int64).
    """
    mask = slot_mask(m)
    slots[: mask + 1] = 0
    kept = 0
    distinct = 0
    for k in range(m - 1):
        p = positions[k]
        if positions[k + 1] != p + 1:
            continue
        key = np.int64(ids[p]) << 32 | np.int64(ids[p + 1])
        at = np.int64(mixed(np.uint64(key))) & mask
        while True:
            found = slots[at] - 1
            if found < 0:
                slots[at] = distinct + 1
                keys[distinct] = key
                first[distinct] = p
                counts[distinct] = 1
                ids[p] = distinct  # ids[p + 1] still names the n-gram there, which the next step reads
                distinct += 1
                break
            if keys[found] == key:
                counts[found] += 1
                ids[p] = found
                break
            at = (at + 1) & mask
        positions[kept] = p
        kept += 1
    return kept, distinct


@helper
def most_frequent_first_met(first, counts, distinct):
    """(first position, count) of the most frequent gram, the one met first among equals; (0, 1) when none repeats.

    `collections.Counter.most_common(1)` over all grams of a text that has at least one.
    """
    position, count = np.int64(0), np.int64(1)
    for g in range(distinct):
        if counts[g] > count:
            position, count = np.int64(first[g]), np.int64(counts[g])
    return position, count


@helper
def characters_of_most_frequent(edges, n, first, counts, distinct):
    """Characters of the most frequent repeated n-gram, the longest among equals, times its count; 0 when none repeats.

    edges[w] is the number of characters in the words before word w.
    """
    best_count, best_length = 0, 0
    for g in range(distinct):
        count = counts[g]
        if count < 2 or count < best_count:
            continue
        length = edges[first[g] + n] - edges[first[g]]
        if count > best_count or length > best_length:
            best_count, best_length = count, length
    return best_count * best_length


@helper
def characters_of_all_copies(edges, n, positions, m):
    """Characters of every copy of every repeated n-gram, overlapping ones counted each."""
    total = 0
    for k in range(m):
        total += edges[positions[k] + n] - edges[positions[k]]
    return total


@helper
def characters_of_all_grams(edges, words, n):
    """Characters of every n-gram of the text, overlapping ones counted each.

    The sum of edges[w + n] - edges[w] over w telescopes to the last n edges less the first n.
    """
    if words < n:
        return 0
    total = 0
    for k in range(n):
        total += edges[words - k] - edges[k]
    return total


@helper
def characters_covered(edges, n, positions, m):
    """Characters of the words inside at least one repeated n-gram, each word once."""
    total = 0
    covered_to = 0
    for k in range(m):
        p = positions[k]
        total += edges[p + n] - edges[max(p, covered_to)]
        covered_to = p + n
    return total


class Scratch(NamedTuple):
    """Work space for documents of up to a number of words; see `ngram_scratch`."""

    slots: np.ndarray
    hashes: np.ndarray
    keys: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    ids: np.ndarray
    positions: np.ndarray
    edges: np.ndarray
    marks: np.ndarray


def ngram_scratch(words: int) -> Scratch:
    """Scratch for documents of at most `words` words; the pages of memory never written cost nothing."""
    first, counts, ids, positions = (np.empty(words + 1, np.int32) for _ in range(4))
    return Scratch(
        slots=np.empty(table_size(words), np.int32),
        hashes=np.empty(words + 1, np.uint64),
        keys=np.empty(words + 1, np.int64),
        first=first,
        counts=counts,
        ids=ids,
        positions=positions,
        edges=np.empty(words + 1, np.int64),
        marks=np.empty(table_size(words * MARKS_PER_SLOT), np.uint8),
    )


@helper
def count_ngrams(cps, starts, ends, words, longest_gram, scratch, out):
    """Fill out (longest_gram - 1, GRAM_COLUMNS) for the n-grams of one document, row n - 2 for n; see the columns.

    scratch.hashes holds a hash of each word (`hash_words`) and is overwritten; scratch.edges holds the number of
    characters in the words before each (`fill_edges`).
    """
    slots, hashes, keys, first, counts, ids, positions, edges, marks = scratch
    bigrams = max(words - 1, 0)
    for w in range(bigrams):
        hashes[w] = mixed(hashes[w] * MULTIPLIER + hashes[w + 1])
    m = seen_twice(hashes, bigrams, marks, positions)
    distinct = number_bigrams(cps, starts, ends, hashes, positions, m, slots, first, counts, ids)
    for n in range(2, longest_gram + 1):
        if words < n:
            break
        if n > 2:
            m, distinct = lengthen_grams(ids, positions, m, slots, keys, first, counts)
        row = out[n - 2]
        position, count = most_frequent_first_met(first, counts, distinct)
        row[TOP_CHARACTERS] = edges[position + n] - edges[position]
        row[TOP_COUNT] = count
        row[TOP_REPEATED] = characters_of_most_frequent(edges, n, first, counts, distinct)
        m = keep_repeated(ids, counts, positions, m)
        row[ALL_COPIES] = characters_of_all_copies(edges, n, positions, m)
        row[COVERED] = characters_covered(edges, n, positions, m)
        row[ALL_GRAMS] = characters_of_all_grams(edges, words, n)
