"""Encoding by pre-tokens that were met before: a hash table from their bytes to their ids, as kernels.

A place of the table is four 64-bit words: key (2), value, place in the key pool. A pre-token of up to 15 bytes *is* its
key (8 bytes; 7 more and the length); a longer one has two hashes as its key and is compared byte by byte with the pool.
So a hit is never a guess. The value holds one id, or the number of ids and where they lie in the id pool.
"""

# mypy: disallow-untyped-defs=False
import numpy as np
from gristmill.kernels.compile import inlined, kernel
from gristmill.kernels.memory import load64
from gristmill.kernels.xxh64 import PRIME_1, PRIME_2, xxh64
from gristmill.pipelines.shards.encoding.fast_pretokenizer import pre_token_end
from gristmill.pipelines.shards.encoding.merges import SHORT_BYTES, merge_bytes
from numpy import uint64

MAX_BYTES = 255  # longer pre-tokens are merged each time
PADDING = 16  # bytes that must be readable behind the text
_SHORT = 15
_LOW = uint64((1 << 56) - 1)
ROW, BYTE, TOKEN, ENTRIES, KEY_END, ID_END = range(6)  # of the state of `encode_rows`


class PieceTable:
    """The arrays of a table for about `capacity` / 2 pre-tokens; capacity: a power of two."""

    def __init__(self, capacity: int) -> None:
        self.slots = np.zeros((capacity, 4), np.uint64)
        self.key_pool = np.empty(capacity * 8, np.uint8)
        self.id_pool = np.empty(capacity * 4, np.int32)

    @property
    def capacity(self) -> int:
        return len(self.slots)


@inlined
def _key(data, start, count):
    """(first word, second word) of the key of data[start : start + count]; the length is its highest byte."""
    length = uint64(count) << uint64(56)
    if count <= 8:
        return load64(data, start) & (uint64(0xFFFFFFFFFFFFFFFF) >> uint64(8 * (8 - count))), length
    if count <= _SHORT:
        return load64(data, start), length | (load64(data, start + 8) & (_LOW >> uint64(8 * (_SHORT - count))))
    return xxh64(data, start, start + count, PRIME_1), length | (xxh64(data, start, start + count, PRIME_2) & _LOW)


@inlined
def _find(data, start, count, first, second, slots, key_pool):
    """The place of a key, or of the empty place where it belongs."""
    h = (first * PRIME_1) ^ (second * PRIME_2)
    h = (h ^ (h >> uint64(32))) * PRIME_1
    place = np.int64(h >> uint64(34)) & (len(slots) - 1)
    while slots[place, 1] != 0:
        if slots[place, 1] == second and slots[place, 0] == first:
            if count <= _SHORT:
                break
            at = np.int64(slots[place, 3])
            same = 0
            while same < count and key_pool[at + same] == data[start + same]:
                same += 1
            if same == count:
                break
        place = (place + 1) & (len(slots) - 1)
    return place


@inlined
def _put(data, start, count, first, second, value, place, slots, key_pool, key_end):
    """Fill an empty place; returns the new end of the key pool."""
    slots[place, 0], slots[place, 1], slots[place, 2] = first, second, value
    if count <= _SHORT:
        return key_end
    slots[place, 3] = uint64(key_end)
    for k in range(count):
        key_pool[key_end + k] = data[start + k]
    return key_end + count


@kernel
def put_all(data, offsets, ids, slots, key_pool):
    """Fill a table with pre-tokens of one id each; of equal ones the last counts."""
    key_end = 0
    for row in range(len(ids)):
        start, count = offsets[row], offsets[row + 1] - offsets[row]
        first, second = _key(data, start, count)
        place = _find(data, start, count, first, second, slots, key_pool)
        value = (uint64(1) << uint64(56)) | uint64(ids[row])
        key_end = _put(data, start, count, first, second, value, place, slots, key_pool, key_end)


@kernel
def encode_rows(
    data,
    offsets,
    flags,
    family,
    digits,
    byte_ids,
    keys,
    values,
    words,
    slots,
    key_pool,
    id_pool,
    state,
    out,
    out_offsets,
):
    """Encode texts from `state` on; False when the table is full before the end: empty or enlarge it, and call again.

    words: (slots, key pool) of pre-tokens that are one id whatever the merges say; without any, slots of length 0.
    out: ids, room for one a byte. out_offsets: where the ids of each row begin.
    """
    word_slots, word_pool = words
    scratch = np.empty(SHORT_BYTES, np.int64)
    row, i, to = state[ROW], state[BYTE], state[TOKEN]
    while row < len(offsets) - 1:
        end = offsets[row + 1]
        while i < end:
            stop = pre_token_end(data, i, end, flags, family, digits)
            count = stop - i
            if count > MAX_BYTES:
                to += merge_bytes(data, i, stop, byte_ids, keys, values, scratch, out[to:])
                i = stop
                continue
            first, second = _key(data, i, count)
            place = _find(data, i, count, first, second, slots, key_pool)
            if slots[place, 1] != 0:
                value = slots[place, 2]
                ids = np.int64(value >> uint64(56))
                at = np.int64(value & _LOW)
                if ids == 1:
                    out[to] = at
                else:
                    for k in range(ids):
                        out[to + k] = id_pool[at + k]
                to += ids
                i = stop
                continue
            full = 2 * state[ENTRIES] >= len(slots)
            if full or state[KEY_END] + count > len(key_pool) or state[ID_END] + count > len(id_pool):
                state[ROW], state[BYTE], state[TOKEN] = row, i, to
                return False
            ids = np.int64(0)
            if len(word_slots):
                word = _find(data, i, count, first, second, word_slots, word_pool)
                if word_slots[word, 1] != 0:
                    out[to] = np.int64(word_slots[word, 2] & _LOW)
                    ids = np.int64(1)
            if ids == 0:
                ids = merge_bytes(data, i, stop, byte_ids, keys, values, scratch, out[to:])
            if ids == 1:
                value = uint64(out[to])
            else:
                value = uint64(state[ID_END])
                for k in range(ids):
                    id_pool[state[ID_END] + k] = out[to + k]
                state[ID_END] += ids
            value |= uint64(ids) << uint64(56)
            state[KEY_END] = _put(data, i, count, first, second, value, place, slots, key_pool, state[KEY_END])
            state[ENTRIES] += 1
            to += ids
            i = stop
        row += 1
        out_offsets[row] = to
    state[ROW], state[BYTE], state[TOKEN] = row, i, to
    return True


DONE, FULL, SHORT = range(3)  # how `encode_words` ends
_UNKNOWN, _LEFT = uint64(0xFFFFFFFFFFFFFFFF), uint64(0xFFFFFFFFFFFFFFFE)  # values of words without ids


@inlined
def _splits(byte):
    return byte == 0x20 or byte == 0x0A or byte == 0x09 or byte == 0x0D


@inlined
def _mark(data, i):
    """Bytes of the space or "▁" (U+2581) at i; 0 where neither is."""
    if data[i] == 0x20:
        return 1
    return 3 if data[i] == 0xE2 and data[i + 1] == 0x96 and data[i + 2] == 0x81 else 0


@inlined
def _word_end(data, i, end, led):
    """Where the word at i ends: before white space, or, when it is led by its spaces, before the next space behind them."""
    if not led:
        while i < end and not _splits(data[i]):
            i += 1
        return i
    while i < end and _mark(data, i):
        i += _mark(data, i)
    while i < end and not _mark(data, i):
        i += 1
    return i


@kernel
def encode_words(data, offsets, led, slots, key_pool, id_pool, state, missing, left, out, out_offsets):
    """Encode texts word by word; returns (how it ended, words missing).

    led: cut before spaces and "▁", which lead words; else at space, tab, line feed and carriage return, which are gone.
    missing: filled with (start, end) of each word that the table did not hold. It is entered; `answer` gives its ids,
    and the call is repeated. left: set for each text that holds a word which the table cannot hold. FULL: the table is;
    SHORT: `out` is.
    """
    to, lacking = np.int64(0), 0
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            if not led and _splits(data[i]):
                i += 1
                continue
            start = i
            i = _word_end(data, i, end, led)
            count = i - start
            if count > MAX_BYTES:
                left[row] = True
                continue
            first, second = _key(data, start, count)
            place = _find(data, start, count, first, second, slots, key_pool)
            if slots[place, 1] == 0:
                if 2 * state[ENTRIES] >= len(slots) or state[KEY_END] + count > len(key_pool):
                    return FULL, lacking
                value, end_of_keys = _UNKNOWN, state[KEY_END]
                state[KEY_END] = _put(data, start, count, first, second, value, place, slots, key_pool, end_of_keys)
                state[ENTRIES] += 1
                missing[lacking, 0], missing[lacking, 1] = start, i
                lacking += 1
                continue
            value = slots[place, 2]
            if value == _LEFT:
                left[row] = True
            elif value != _UNKNOWN:
                ids, at = np.int64(value >> uint64(56)), np.int64(value & _LOW)
                if to + ids > len(out):
                    return SHORT, lacking
                for k in range(ids):
                    out[to + k] = id_pool[at + k]
                to += ids
        out_offsets[row + 1] = to
    return DONE, lacking


@kernel
def answer(data, words, id_offsets, id_start, slots, key_pool):
    """Enter where in the id pool the ids of words lie: those of word w from id_start + id_offsets[w] on."""
    for w in range(len(words)):
        start, count = words[w, 0], words[w, 1] - words[w, 0]
        first, second = _key(data, start, count)
        place = _find(data, start, count, first, second, slots, key_pool)
        ids = id_offsets[w + 1] - id_offsets[w]
        slots[place, 2] = (uint64(ids) << uint64(56)) | uint64(id_start + id_offsets[w]) if ids < 255 else _LEFT
