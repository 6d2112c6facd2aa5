# mypy: disallow-untyped-defs=False
"""The n-grams of letters of a text's words: hashed many at once, their rows added in the order of the text.

The letters of one word after the other, `<` before each word and `>` behind it, wait in a block. When it is full, the
n-grams that begin at its letters are hashed side by side: one letter more at a time, and of it one byte at a time, which a
processor does for 8 or 16 letters in one instruction. An n-gram that does not lie in one word is hashed too, and not added.
"""

import numpy as np
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.vectors import set_bits

EVERY_HASH, KEPT_HASHES, NO_HASH = range(3)  # which hashes of n-grams have a row
WORDS, BUCKET, MIN_LETTERS, MAX_LETTERS, WORD_NGRAMS, LOSS, HASHES = range(7)  # places in `numbers`
FNV_START, FNV_PRIME = 2166136261, 16777619
BLOCK_LETTERS = 512
_WORD_STEP = 116049371  # of the hash of a run of words
# Of each letter of a block: its first four bytes, how many it has, how many letters the shortest and the longest n-gram have
# that begin there, and at the `<` of a word the row of the word; -1 where there is none.
BYTES, SIZE, SHORTEST, LONGEST, WORD_ROW = range(5)
LETTER_FIELDS = 5
_PACKED = 4
_BEFORE, _BEHIND = ord("<"), ord(">")


@inlined
def hashed(h, byte):
    """FNV-1a of 32 bits with one byte more, which fastText takes to be signed."""
    return np.uint32(np.uint32(h ^ np.uint32(np.int32(np.int8(byte)))) * np.uint32(FNV_PRIME))


@inlined
def kept_row(slot, entry, words):
    """The row of the n-grams hashed to slot, -1 if it is not kept; entry: that of `ranks` for it. Without a branch."""
    place = np.uint32(slot & 31)
    bits = np.uint32(entry)
    below = np.uint32(bits & np.uint32((np.uint32(1) << place) - np.uint32(1)))
    row = words + np.int32(entry >> np.uint64(32)) + np.int32(set_bits(below))
    kept = np.int32(np.uint32(bits >> place) & np.uint32(1))
    return np.int32(np.int32(row + np.int32(1)) * kept) - np.int32(1)


@helper
def add_rows(rows, found, count, mean, added):
    """Add found[:count] to the mean, and how many they are to added[0]; returns 0, how many are left."""
    fours = count - count % 4
    for n in range(0, fours, 4):
        first, second, third, fourth = found[n], found[n + 1], found[n + 2], found[n + 3]
        for d in range(len(mean)):
            mean[d] = mean[d] + rows[first, d] + rows[second, d] + rows[third, d] + rows[fourth, d]
    for n in range(fours, count):
        for d in range(len(mean)):
            mean[d] += rows[found[n], d]
    added[0] += count
    return 0


def letter_room(max_letters: int, dimension: int) -> tuple[np.ndarray, ...]:
    """Room for one caller, as `add_ngrams` names it."""
    width = BLOCK_LETTERS + max_letters  # n-grams from the last letters look that far
    return (
        np.zeros((LETTER_FIELDS, width), np.int32),  # the letters that wait
        np.zeros(width, np.int64),  # where the text has those of several bytes
        np.empty(width, np.uint32),  # hashes of the n-grams of one length,
        np.empty(width, np.uint64),  # what says which of them are kept
        np.empty((max_letters + 1, width), np.int32),  # and by length the row of each
        np.empty(width * (max_letters + 1), np.int64),  # the rows that are added next
        np.zeros(dimension, np.float32),  # the mean
        np.zeros(1, np.int64),  # of how many rows
    )


@helper
def add_runs(word_hashes, count, longest, model, room):
    """Add the rows of all runs of 2 to `longest` words."""
    numbers, ranks, rows = model
    found, mean, added = room[5], room[6], room[7]
    waiting = 0
    for first in range(count if longest > 1 else 0):
        run = np.uint64(np.int64(word_hashes[first]))
        for last in range(first + 1, min(first + longest, count)):
            run = run * np.uint64(_WORD_STEP) + np.uint64(np.int64(word_hashes[last]))
            slot = np.int32(run % np.uint64(numbers[BUCKET]))
            row = np.int32(numbers[WORDS]) + slot
            if numbers[HASHES] != EVERY_HASH:
                row = kept_row(slot, ranks[slot >> 5], np.int32(numbers[WORDS]))
            found[waiting] = row
            waiting += 1 if row >= 0 else 0
            if waiting == len(found):
                waiting = add_rows(rows, found, waiting, mean, added)
    add_rows(rows, found, waiting, mean, added)


@helper
def expect_letters(kept, numbers, room):
    """Make ready for letters behind the first `kept`: each of one byte, with n-grams of every length, and no word's first."""
    block, least, most = room[0], max(numbers[MIN_LETTERS], 1), numbers[MAX_LETTERS]
    for j in range(kept, block.shape[1]):
        block[SIZE, j], block[SHORTEST, j], block[LONGEST, j], block[WORD_ROW, j] = 1, least, most, -1


@inlined
def _put_letter(data, byte, letters, model, room):
    """Put the first byte of a letter behind those that wait, in the middle of a word; returns how many wait now."""
    if letters == BLOCK_LETTERS:
        letters = add_ngrams(data, letters, model[0][MAX_LETTERS] - 1, model, room)
    room[0][BYTES, letters] = byte
    return letters + 1


@helper
def take_row(data, row, letters, model, room):
    """Put a word of which no n-grams count behind the letters that wait; returns how many wait now."""
    if letters == BLOCK_LETTERS:
        letters = add_ngrams(data, letters, 0, model, room)
    room[0][WORD_ROW, letters], room[0][LONGEST, letters] = row, 0
    return letters + 1


@helper
def take_word(data, start, stop, row, letters, model, room):
    """Put the letters of data[start:stop] behind those that wait; returns how many wait now. row: of the word, or -1."""
    block, places, most = room[0], room[1], model[0][MAX_LETTERS]
    edge = max(model[0][MIN_LETTERS], 2)  # `<` and `>` alone are none
    if letters == BLOCK_LETTERS:
        letters = add_ngrams(data, letters, 0, model, room)
    block[BYTES, letters], block[SHORTEST, letters], block[WORD_ROW, letters] = _BEFORE, edge, row
    letters += 1
    continued = 0
    for i in range(start, stop):
        byte = np.int32(data[i])
        if byte & 0xC0 != 0x80:
            letters = _put_letter(data, byte, letters, model, room)
            continue
        continued += 1
        size = block[SIZE, letters - 1]
        if size < _PACKED:
            block[BYTES, letters - 1] |= np.int32(byte << np.int32(8 * size))
        block[SIZE, letters - 1] = size + 1
        places[letters - 1] = i - size
    letters = _put_letter(data, np.int32(_BEHIND), letters, model, room)
    block[SHORTEST, letters - 1] = edge
    for k in range(min(most - 1, stop - start - continued + 2)):
        block[LONGEST, letters - 1 - k] = k + 1
    return letters


@helper
def add_ngrams(data, letters, kept, model, room):
    """Add the words and n-grams that begin at the letters that wait, but for the last `kept`; returns how many are left."""
    numbers, ranks, rows = model
    block, places, hashes, entries, gram_rows, found, mean, added = room
    least, most = max(numbers[MIN_LETTERS], 1), numbers[MAX_LETTERS]
    begun = max(letters - kept, 0)
    _find_ngrams(data, begun, numbers, ranks, block, places, hashes, entries, gram_rows)
    lengths, count = max(most - least + 1, 0), 0
    for j in range(begun):
        found[count] = block[WORD_ROW, j]
        count += block[WORD_ROW, j] >= 0
        for k in range(lengths):
            found[count] = gram_rows[k, j]
            count += gram_rows[k, j] >= 0
    add_rows(rows, found, count, mean, added)
    for j in range(begun, letters):
        for field in range(LETTER_FIELDS):
            block[field, j - begun] = block[field, j]
        places[j - begun] = places[j]
    expect_letters(letters - begun, numbers, room)
    return letters - begun


@helper
def _find_ngrams(data, begun, numbers, ranks, block, places, hashes, entries, gram_rows):
    """Fill gram_rows (lengths x letters): the row of each n-gram, lengths from the least; -1 where there is none."""
    least, most, bucket = max(numbers[MIN_LETTERS], 1), numbers[MAX_LETTERS], np.uint32(numbers[BUCKET])
    words, every = np.int32(numbers[WORDS]), numbers[HASHES] == EVERY_HASH
    inverse = 1.0 / bucket if bucket > 0 else 0.0
    greatest = 0  # bytes of a letter
    for j in range(begun + most - 1):
        greatest = max(greatest, int(block[SIZE, j]))
    for j in range(begun):
        hashes[j] = FNV_START
    for length in range(1, most + 1):
        ahead, of_length = length - 1, max(length - least, 0)
        for b in range(min(greatest, _PACKED)):
            left, right = np.int32(24 - 8 * b), np.int32(24)
            for j in range(begun):
                byte = np.int32(np.int32(block[BYTES, j + ahead] << left) >> right)
                h = hashes[j]
                more = np.uint32(np.uint32(h ^ np.uint32(byte)) * np.uint32(FNV_PRIME))
                hashes[j] = more if block[SIZE, j + ahead] > b else h
        if greatest > _PACKED:  # bytes that are no UTF-8
            for j in range(begun):
                if length <= block[LONGEST, j]:
                    for b in range(_PACKED, block[SIZE, j + ahead]):
                        hashes[j] = hashed(hashes[j], data[places[j + ahead] + b])
        if length < least:
            continue
        for j in range(begun):  # the remainder: half a step keeps the quotient of a multiple from falling below it
            quotient = np.uint32(np.int64((np.float64(hashes[j]) + 0.5) * inverse))
            slot = np.int32(np.uint32(hashes[j] - np.uint32(quotient * bucket)))
            wanted = (block[SHORTEST, j] <= length) & (length <= block[LONGEST, j])
            gram_rows[of_length, j] = slot if wanted else -1
        if every:
            for j in range(begun):
                slot = gram_rows[of_length, j]
                gram_rows[of_length, j] = words + slot if slot >= 0 else -1
            continue
        for j in range(begun):  # apart, for what follows is done for many at once
            entries[j] = ranks[max(gram_rows[of_length, j], 0) >> 5]
        for j in range(begun):
            slot = gram_rows[of_length, j]
            row = kept_row(slot, entries[j], words)
            gram_rows[of_length, j] = row if slot >= 0 else -1
