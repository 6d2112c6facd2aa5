# mypy: disallow-untyped-defs=False
"""Duplicate substrings in memory: sort all suffixes, then compare neighbours.

Suffixes that share their first `length` bytes are neighbours in the suffix array of the concatenated documents. Windows
that cross a document's end are simply not counted, so no separator is needed and any bytes are allowed.

Memory per byte of text: the text 1, the suffix array 4 (8 beyond 2 GiB), the mask 1. No array of common prefixes is
stored: whether two neighbours share a window is one comparison of at most length / 8 words.
"""

import ctypes

import numpy as np
from gristmill.filters.dedup.windows import DEFAULT_LENGTH, Policy, check_windows, cover_windows, same_window
from gristmill.kernels.compile import helper, kernel

INT32_LIMIT = 2**31 - 1
_BLOCK_BITS = 8  # a lookup table of 8 bytes a block finds the document of a position


def memory_bytes(text_bytes: int) -> int:
    """Peak memory of `duplicate_mask` for so many bytes of text: 6 a byte, 10 beyond 2 GiB.

    >>> memory_bytes(10**9), memory_bytes(3 * 10**9)
    (6000000000, 30000000000)
    """
    return text_bytes * (1 + (4 if text_bytes <= INT32_LIMIT else 8) + 1)


def suffix_array(data: np.ndarray, *, wide: bool = False) -> np.ndarray:
    """Starts of all suffixes of `data` in sorted order: int32 up to 2 GiB, int64 beyond (or when `wide`)."""
    from pydivsufsort import divsufsort

    data = np.ascontiguousarray(data)
    if not data.flags.writeable:  # Arrow's buffers: the binding wants a writable array, the library only reads it
        data = np.ctypeslib.as_array((ctypes.c_uint8 * len(data)).from_address(data.ctypes.data))
    return divsufsort(data, force64=wide)


@kernel
def _documents_of_blocks(offsets):
    """Number of the document that holds the first byte of each block of 2**_BLOCK_BITS bytes."""
    blocks = np.empty((offsets[-1] >> _BLOCK_BITS) + 1, np.int64)
    document = 0
    for block in range(len(blocks)):
        while document < len(offsets) - 2 and offsets[document + 1] <= block << _BLOCK_BITS:
            document += 1
        blocks[block] = document
    return blocks


@helper
def _document_of(blocks, offsets, position):
    """Number of the document that holds the byte at `position`; no document is empty."""
    document = blocks[position >> _BLOCK_BITS]
    while offsets[document + 1] <= position:
        document += 1
    return document


@helper
def _mark_run(suffixes, first, last, blocks, offsets, length, unit, keep_first, mask):
    """Mark the starts of windows among suffixes[first:last], which all begin with the same `length` bytes.

    Overwrites that part of `suffixes` with the windows found.
    """
    windows = first
    earliest = np.int64(len(mask))
    for i in range(first, last):
        p = np.int64(suffixes[i])
        document = _document_of(blocks, offsets, p)
        if p + length <= offsets[document + 1] and (p - offsets[document]) % unit == 0:
            suffixes[windows] = p
            windows += 1
            earliest = min(earliest, p)
    if windows - first < 2:
        return
    home_end = offsets[_document_of(blocks, offsets, earliest) + 1]
    for i in range(first, windows):
        p = np.int64(suffixes[i])
        mask[p] = not keep_first or p >= home_end or earliest + length <= p


@kernel
def _mark_starts(data, suffixes, offsets, length, unit, keep_first, mask):
    """Mark window starts run by run: neighbours whose first `length` bytes are equal."""
    end = len(data)
    blocks = _documents_of_blocks(offsets)
    first = 0
    for i in range(1, len(suffixes) + 1):
        if i < len(suffixes):
            p, q = np.int64(suffixes[i - 1]), np.int64(suffixes[i])
            if p + length <= end and q + length <= end and same_window(data, p, q, length):
                continue
        if i - first > 1:
            _mark_run(suffixes, first, i, blocks, offsets, length, unit, keep_first, mask)
        first = i


def duplicate_mask(
    data: np.ndarray,
    offsets: np.ndarray,
    length: int = DEFAULT_LENGTH,
    policy: Policy = "keep-first",
    unit: int = 1,
    *,
    wide: bool = False,
) -> np.ndarray:
    """bool per byte of data: the union of the marked windows (see `windows`), documents in survivor order.

    data uint8, offsets int64 of documents + 1, the first 0 and the last len(data).
    """
    check_windows(offsets, length, policy, unit)
    mask = np.zeros(len(data), np.bool_)
    if len(data) < length:
        return mask
    offsets = offsets[np.concatenate(([True], np.diff(offsets) > 0))]  # an empty document would hide its neighbour
    _mark_starts(data, suffix_array(data, wide=wide), offsets, length, unit, policy == "keep-first", mask)
    cover_windows(mask, offsets, length)
    return mask
