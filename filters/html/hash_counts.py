# mypy: disallow-untyped-defs=False
"""Open-addressing tables of hashes: how often each was seen, and what was learned of it."""

import numpy as np
from gristmill.filters.html.scripts import HALF_WORD, LETTER, character_kind, utf8_length
from gristmill.kernels.compile import inlined
from gristmill.kernels.hashing import FNV_START, GOLDEN, fnv1a, splitmix64
from gristmill.kernels.memory import load64

MULTIPLIER = np.uint64(GOLDEN)


def _small_letters() -> np.ndarray:
    """Of each byte: the byte of the small letter, digit or other part of a word that it is, 0 where it is none."""
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        if byte >= 0x80 or chr(byte).isalnum():
            table[byte] = byte | 0x20 if chr(byte).isupper() and byte < 0x80 else byte
    return table


_SMALL = _small_letters()


@inlined
def count_hash(h, keys, counts):
    """Count one more of a hash (uint64) in a table whose length is a power of two; returns its place."""
    mask = len(keys) - 1
    if h == 0:
        h = np.uint64(1)
    place = np.int64(h & np.uint64(mask))
    while keys[place] != 0 and keys[place] != h:
        place = (place + 1) & mask
    keys[place] = h
    counts[place] += 1
    return place


@inlined
def find_hash(h, keys):
    """The place of a hash in a table, -1 where it is not in it."""
    mask = len(keys) - 1
    if h == 0:
        h = np.uint64(1)
    place = np.int64(h & np.uint64(mask))
    while keys[place] != 0:
        if keys[place] == h:
            return place
        place = (place + 1) & mask
    return np.int64(-1)


@inlined
def next_word(data, i, end):
    """(hash of the next word of data[i:end] in small letters, position behind it); the hash is 0 where there is none.

    In scripts without spaces every two neighbouring characters are a word, and the position is that of the second.
    """
    h, letters = FNV_START, 0
    while i < end:
        byte = data[i]
        kind = character_kind(data, i, end) if byte >= 0xC0 else LETTER
        if kind != LETTER:
            if letters:
                break
            behind = i + utf8_length(byte)
            if kind == HALF_WORD and behind < end and character_kind(data, behind, end) == HALF_WORD:
                for k in range(i, behind + utf8_length(data[behind])):
                    h = fnv1a(h, data[k])
                return splitmix64(h), behind
            i = behind
            continue
        small = _SMALL[byte]
        if small:
            h = fnv1a(h, small)
            letters += 1
        elif letters:
            break
        i += 1
    return splitmix64(h) if letters else np.uint64(0), i


@inlined
def hash_bytes(data, i, end):
    """A hash of data[i:end], eight bytes at a time."""
    h = np.uint64(end - i)
    while end - i >= 8:
        h = (h ^ load64(data, i)) * MULTIPLIER
        h ^= h >> np.uint64(32)
        i += 8
    last = np.uint64(0)
    while i < end:
        last = (last << np.uint64(8)) | np.uint64(data[i])
        i += 1
    return splitmix64((h ^ last) * MULTIPLIER)


@inlined
def label_score(label, keys, scores):
    """The score of a label (uint32) in a table of learned ones, where key 0 is empty; 0 where it was not learned."""
    mask = len(keys) - 1
    place = np.int64(label) & mask
    while keys[place] != 0:
        if keys[place] == label:
            return scores[place]
        place = (place + 1) & mask
    return np.float32(0)
