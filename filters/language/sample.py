# mypy: disallow-untyped-defs=False
"""What the detectors read of a document: all of a short one, evenly spaced windows of a long one.

A text of more than windows * window_bytes bytes is read at `windows` positions from its head to its tail, each window
moved inward to whole characters. Controls, line ends and non-characters become spaces (CLD2 refuses a text with them,
fastText ends at a line end), windows are separated by one, and each sample ends in the line feed fastText expects.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.memory import copy_bytes
from gristmill.kernels.vectors import LANES, equal_mask, lowest_bit, range_mask


@inlined
def _unfit_masks(data, i):
    """uint32: which of the 32 bytes from data[i] on are controls, or begin a character that may be unfit."""
    controls = range_mask(data, i, 0, 0x20) | equal_mask(data, i, 0x7F)
    other = equal_mask(data, i, 0xC2) | equal_mask(data, i, 0xEF) | range_mask(data, i, 0xF0, 0x10)
    return np.uint32(controls | other)


@helper
def _copy(data, start, end, out, at):
    """Copy data[start:end], what is no text as spaces; returns the position behind it in out, which has LANES bytes more."""
    i = start
    while i < end:
        if i + LANES <= end:
            copy_bytes(out, at, data, i, LANES)
            mask = _unfit_masks(data, i)
            fit = lowest_bit(mask)  # bytes that are copied as they are, perhaps from the middle of a character
            at += fit
            i += fit
            if mask == 0:
                continue
        b = data[i]
        if b < 0xC0:
            out[at] = b if b >= 0x20 and b != 0x7F else 0x20
            at += 1
            i += 1
            continue
        size = 2 if b < 0xE0 else (3 if b < 0xF0 else 4)
        unfit = b == 0xC2 and data[i + 1] < 0xA0
        if b == 0xEF:
            second, third = data[i + 1], data[i + 2]
            unfit = (second == 0xB7 and 0x90 <= third <= 0xAF) or (second == 0xBF and third >= 0xBE)
        elif size == 4:
            unfit = data[i + 1] & 0x0F == 0x0F and data[i + 2] == 0xBF and data[i + 3] >= 0xBE
        if unfit:
            out[at] = 0x20
            at += 1
        else:
            for k in range(size):
                out[at + k] = data[i + k]
            at += size
        i += size
    return at


@kernel
def _sample_batch(data, offsets, windows, window_bytes, out, out_offsets):
    at = 0
    for row in range(len(offsets) - 1):
        base, end = offsets[row], offsets[row + 1]
        size = end - base
        if size <= windows * window_bytes:
            at = _copy(data, base, end, out, at)
        else:
            for w in range(windows):
                start = base + (size - window_bytes) * w // max(windows - 1, 1)
                stop = start + window_bytes
                while start < stop and data[start] & 0xC0 == 0x80:
                    start += 1
                while stop > start and stop < end and data[stop] & 0xC0 == 0x80:
                    stop -= 1
                at = _copy(data, start, stop, out, at)
                out[at] = 0x20
                at += 1
        out[at] = 0x0A
        at += 1
        out_offsets[row + 1] = at


def sample_buffers(texts: pa.Array, windows: int, window_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """(bytes uint8, offsets int64 of rows + 1) of the samples of all texts, each valid UTF-8 ending in its only line feed."""
    data, offsets = string_buffers(texts)
    room = np.minimum(np.diff(offsets), windows * (window_bytes + 1)) + windows + 1
    out = np.empty(int(room.sum()) + LANES, np.uint8)
    out_offsets = np.zeros(len(texts) + 1, np.int64)
    _sample_batch(data, offsets, windows, window_bytes, out, out_offsets)
    return out, out_offsets


def samples(texts: pa.Array, windows: int, window_bytes: int) -> list[bytes]:
    """The sample of each text as bytes of its own."""
    return separate(*sample_buffers(texts, windows, window_bytes))


def separate(data: np.ndarray, offsets: np.ndarray) -> list[bytes]:
    """The bytes between each two offsets."""
    raw, edges = data[: offsets[-1]].tobytes(), offsets.tolist()
    return [raw[a:b] for a, b in pairwise(edges)]
