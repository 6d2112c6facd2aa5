# mypy: disallow-untyped-defs=False
"""Duplicate substrings at any scale: windows meet in partitions by their minimiser, without sorting suffixes.

The minimiser of a window is the smallest hash of its k-grams, so equal windows have equal minimisers. Neighbouring
windows mostly share one: each maximal run of windows with the same minimiser travels as one stretch of text, a
super-k-mer (Li et al., "MSPKmerCounter", 2015; Roberts et al., "Reducing storage requirements for biological sequence
comparison", 2004). With k = length / 2 a run holds length / 4 windows on average, about six bytes shipped per byte of
text. Inside a partition windows are grouped by hash and compared byte by byte with the group's first member: no pair is
ever formed, and a phrase that occurs a million times costs a million comparisons.

The hash of k bytes is the polynomial sum of (byte + 1) * BASE**(k - 1 - i) modulo 2**64, finished by MurmurHash3's
64-bit mixer. Chance or chosen collisions change the balance of the work, never the mask.
"""

from typing import NamedTuple

import numpy as np
from gristmill.filters.dedup.windows import DEFAULT_LENGTH, Policy, check_windows, same_window
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.hashing import GOLDEN, murmur64
from gristmill.schemas.errors import RecipeError, RunError

BASE = np.uint64(GOLDEN | 1)
_ONE = np.uint64(1)
_LARGEST = np.uint64(0xFFFFFFFFFFFFFFFF)


class SuperKmers(NamedTuple):
    """Runs of windows that share a minimiser: run r is data[starts[r] : starts[r] + lengths[r]] of document docs[r].

    keys uint64: the minimiser's hash; docs, starts (from the document's start), lengths int64.
    """

    keys: np.ndarray
    docs: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


class TextSpans(NamedTuple):
    """Bytes [starts, ends) from the start of document docs, all int64."""

    docs: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def default_k(length: int, unit: int = 1) -> int:
    """About half a window, a whole number of units."""
    return max(unit, length // 2 // unit * unit)


@helper
def _power(exponent):
    result = _ONE
    for _ in range(exponent):
        result *= BASE
    return result


@inlined
def _pushed(h, byte):
    return h * BASE + np.uint64(byte) + _ONE


@inlined
def _rolled(h, byte_out, byte_in, power):
    """The hash one byte further; power is BASE**length."""
    return h * BASE + np.uint64(byte_in) + _ONE - (np.uint64(byte_out) + _ONE) * power


@kernel
def _find_runs(data, offsets, length, k, unit, ring, keys, docs, starts, lengths):
    """Write the runs as far as there is room; returns how many there are."""
    slots = len(ring)  # k-grams in a window
    power = _power(k)
    runs = 0
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        if end - begin < length:
            continue
        h = np.uint64(0)
        for i in range(begin, begin + k):
            h = _pushed(h, data[i])
        least, least_at = _LARGEST, -1
        key, run_start = np.uint64(0), np.int64(-1)
        slot = 0
        grams = (end - begin - k) // unit + 1
        for gram in range(grams):
            value = murmur64(h)
            ring[slot] = value
            if value <= least:
                least, least_at = value, gram
            elif least_at == gram - slots:  # the least has left the window: look through what is in it, oldest first
                least = _LARGEST
                for age in range(slots - 1, -1, -1):
                    at = slot - age if slot >= age else slot - age + slots
                    if ring[at] <= least:
                        least, least_at = ring[at], gram - age
            slot = slot + 1 if slot + 1 < slots else 0
            window = gram - slots + 1
            if window >= 0 and (run_start < 0 or least != key):
                if run_start >= 0:
                    if runs < len(keys):
                        keys[runs], docs[runs], starts[runs] = key, document, run_start
                        lengths[runs] = (window - 1) * unit + length - run_start
                    runs += 1
                key, run_start = least, window * unit
            if gram + 1 < grams:
                for i in range(begin + gram * unit, begin + (gram + 1) * unit):
                    h = _rolled(h, data[i], data[i + k], power)
        if runs < len(keys):
            keys[runs], docs[runs], starts[runs] = key, document, run_start
            lengths[runs] = (grams - slots) * unit + length - run_start
        runs += 1
    return runs


def super_kmers(
    data: np.ndarray, offsets: np.ndarray, length: int = DEFAULT_LENGTH, k: int | None = None, unit: int = 1
) -> SuperKmers:
    """All windows of all documents, as maximal runs that share a minimiser; every window is in exactly one run.

    data uint8, offsets int64 of documents + 1 (any first value). Documents shorter than `length` have no run.
    """
    k = default_k(length, unit) if k is None else k
    check_windows(offsets, length, "keep-first", unit)
    if not unit <= k <= length or k % unit:
        raise RecipeError(f"k-grams of {k} bytes", expected=f"a multiple of {unit} from {unit} to {length}")
    ring = np.empty((length - k) // unit + 1, np.uint64)
    room = int(offsets[-1] - offsets[0]) // (4 * unit) + len(offsets)
    while True:
        keys = np.empty(room, np.uint64)
        docs, starts, lengths = (np.empty(room, np.int64) for _ in range(3))
        runs = _find_runs(data, offsets, length, k, unit, ring, keys, docs, starts, lengths)
        if runs <= room:
            return SuperKmers(keys[:runs], docs[:runs], starts[:runs], lengths[:runs])
        room = runs


@kernel
def _copy_runs(data, begins, out, offsets):
    for run in range(len(begins)):
        size = offsets[run + 1] - offsets[run]
        out[offsets[run] : offsets[run + 1]] = data[begins[run] : begins[run] + size]


def run_bytes(data: np.ndarray, offsets: np.ndarray, runs: SuperKmers) -> tuple[np.ndarray, np.ndarray]:
    """The text of each run, as it travels: (bytes uint8, offsets int64 of runs + 1)."""
    edges = np.concatenate((np.zeros(1, np.int64), np.cumsum(runs.lengths)))
    out = np.empty(int(edges[-1]), np.uint8)
    _copy_runs(data, offsets[runs.docs] + runs.starts, out, edges)
    return out, edges


@kernel
def _salt_batch(data, offsets, length, unit, salts, keys, runs, starts, salted):
    power = _power(length)
    at = 0
    for run in range(len(offsets) - 1):
        begin, end = offsets[run], offsets[run + 1]
        h = np.uint64(0)
        for i in range(begin, begin + length):
            h = _pushed(h, data[i])
        for start in range(begin, end - length + 1, unit):
            runs[at], starts[at] = run, start - begin
            salted[at] = murmur64(keys[run] ^ murmur64((murmur64(h) % salts) + _ONE))
            at += 1
            if start + unit + length <= end:
                for i in range(start, start + unit):
                    h = _rolled(h, data[i], data[i + length], power)


def salted_windows(
    keys: np.ndarray, data: np.ndarray, offsets: np.ndarray, length: int, salts: int, unit: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread the runs of a hot key: each window alone, under one of `salts` new keys chosen by its content.

    Run r is data[offsets[r] : offsets[r + 1]] under keys[r]. Returns (run, start within the run, new key) of each
    window. Equal windows get equal keys, so the mask stays the same; each window now travels as `length` bytes.
    """
    windows = int(((np.diff(offsets) - length) // unit + 1).sum())
    runs, starts, salted = np.empty(windows, np.int64), np.empty(windows, np.int64), np.empty(windows, np.uint64)
    _salt_batch(data, offsets, length, unit, np.uint64(salts), keys, runs, starts, salted)
    return runs, starts, salted


@helper
def _group_windows(order, docs, starts, data, offsets, length, unit, power, table, hashes, places, copies, firsts, of):
    """Give each window of the runs in `order` the number of its class: the windows of the same bytes.

    table: class number by hash, open addressing, a power of two long. Of class c: hashes[c], places[c] of one member in
    `data`, copies[c], firsts[c] = (document, start) of the first. of[w]: class of window w.
    """
    table[:] = -1
    lookup = np.uint64(len(table) - 1)
    window, classes = 0, 0
    for run in order:
        begin, end = offsets[run], offsets[run + 1]
        h = np.uint64(0)
        for i in range(begin, begin + length):
            h = _pushed(h, data[i])
        for place in range(begin, end - length + 1, unit):
            hashed = murmur64(h)
            slot = hashed & lookup
            found = table[slot]
            while found >= 0 and not (hashes[found] == hashed and same_window(data, places[found], place, length)):
                slot = (slot + _ONE) & lookup
                found = table[slot]
            document, start = docs[run], starts[run] + place - begin
            if found < 0:
                found = classes
                table[slot] = found
                hashes[found], places[found], copies[found] = hashed, place, 1
                firsts[found, 0], firsts[found, 1] = document, start
                classes += 1
            else:
                copies[found] += 1
                if document < firsts[found, 0] or (document == firsts[found, 0] and start < firsts[found, 1]):
                    firsts[found, 0], firsts[found, 1] = document, start
            of[window] = found
            window += 1
            if place + unit + length <= end:
                for i in range(place, place + unit):
                    h = _rolled(h, data[i], data[i + length], power)


@helper
def _mark_group(order, docs, starts, offsets, length, unit, keep_first, copies, firsts, of, spans, at):
    """Write the union of each run's marked windows to `spans` from `at` on; returns the position after them."""
    window = 0
    for run in order:
        document, open_end = docs[run], np.int64(-1)
        for shift in range(0, offsets[run + 1] - offsets[run] - length + 1, unit):
            c = of[window]
            window += 1
            start = starts[run] + shift
            if copies[c] < 2:
                continue
            if keep_first and document == firsts[c, 0] and start < firsts[c, 1] + length:
                continue
            if open_end < start:
                spans[at, 0], spans[at, 1] = document, start
                at += 1
            open_end = start + length
            spans[at - 1, 2] = open_end
    return at


@kernel
def _largest_group(order, keys, windows):
    largest, inside = 0, 0
    for i in range(len(order)):
        if i and keys[order[i]] != keys[order[i - 1]]:
            inside = 0
        inside += windows[order[i]]
        largest = max(largest, inside)
    return largest


@kernel
def _mark_groups(order, keys, windows, docs, starts, data, offsets, length, unit, keep_first, largest, table, spans):
    power = _power(length)
    hashes, places, copies = np.empty(largest, np.uint64), np.empty(largest, np.int64), np.empty(largest, np.int64)
    firsts, of = np.empty((largest, 2), np.int64), np.empty(largest, np.int32)
    at, first = 0, 0
    while first < len(order):
        last, inside = first, 0
        while last < len(order) and keys[order[last]] == keys[order[first]]:
            inside += windows[order[last]]
            last += 1
        if inside > 1:
            size = 4
            while size < 2 * inside:
                size *= 2
            group = order[first:last]
            _group_windows(
                group,
                docs,
                starts,
                data,
                offsets,
                length,
                unit,
                power,
                table[:size],
                hashes,
                places,
                copies,
                firsts,
                of,
            )
            at = _mark_group(group, docs, starts, offsets, length, unit, keep_first, copies, firsts, of, spans, at)
        first = last
    return at


def mark_partition(
    keys: np.ndarray,
    docs: np.ndarray,
    starts: np.ndarray,
    data: np.ndarray,
    offsets: np.ndarray,
    length: int = DEFAULT_LENGTH,
    policy: Policy = "keep-first",
    unit: int = 1,
) -> TextSpans:
    """The marked bytes of a partition that holds every run of each of its keys.

    Run r has the bytes data[offsets[r] : offsets[r + 1]], which start at starts[r] of document docs[r]; documents are
    numbered in survivor order (any numbers that compare so). Spans do not overlap within a run, but may across runs.
    Memory beyond the input: 12 to 20 bytes a window of the largest group of one key, and 40 for each distinct one.
    """
    check_windows(np.zeros(1, np.int64), length, policy, unit)
    windows = (np.diff(offsets) - length) // unit + 1
    order = np.argsort(keys, kind="stable")
    largest = int(_largest_group(order, keys, windows))
    if largest >= 2**31:
        raise RunError(f"{largest} windows under one key", expected="below 2**31", next_step="salt the hot key")
    table = np.empty(4 << max(0, largest - 1).bit_length(), np.int32)
    most = int((-(-windows // (length // unit + 1))).sum())  # disjoint spans of a run start more than `length` apart
    spans = np.empty((most, 3), np.int64)
    found = _mark_groups(
        order, keys, windows, docs, starts, data, offsets, length, unit, policy == "keep-first", largest, table, spans
    )
    return TextSpans(*spans[:found].T.copy())
