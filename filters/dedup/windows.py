# mypy: disallow-untyped-defs=False
"""Duplicate substrings, defined: which bytes of which documents repeat content seen elsewhere.

A window is `length` bytes inside one document, starting at a multiple of `unit` bytes from its start (unit 1: bytes;
2 or 4: the bytes of 16- or 32-bit tokens). Documents are given in survivor order, so the order of windows is
(document number, offset).

- remove-all: every window whose content occurs at two positions or more is marked.
- keep-first: a window is marked when the first window of the same content lies in another document, or ends at or
  before the start of this one. A first copy can still be partly cut, where a shifted window of it occurs earlier.

The answer is the union of the marked windows, one bool a byte. `mask_by_definition` says the same in plain Python; the
suffix array and the minimiser partitions give the same mask.

Source: Lee et al., "Deduplicating Training Data Makes Language Models Better" (ACL 2022), section 4.1, which removes
all copies; the order of first copies and the units are ours.
"""

from typing import Literal, get_args

import numpy as np
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.memory import load64
from gristmill.schemas.errors import RecipeError

Policy = Literal["remove-all", "keep-first"]
DEFAULT_LENGTH = 100


def check_windows(offsets: np.ndarray, length: int, policy: str, unit: int) -> None:
    """RecipeError when these windows cannot be."""
    if policy not in get_args(Policy):
        raise RecipeError(f"substring policy {policy!r}", expected=" or ".join(get_args(Policy)))
    if unit not in (1, 2, 4) or length < 1 or length % unit:
        raise RecipeError(f"windows of {length} bytes in units of {unit}", expected="units of 1, 2 or 4, whole windows")
    if unit > 1 and (np.diff(offsets) % unit).any():
        raise RecipeError("a document that is no whole number of tokens", expected=f"a multiple of {unit} bytes")


def mask_by_definition(
    data: np.ndarray, offsets: np.ndarray, length: int = DEFAULT_LENGTH, policy: Policy = "keep-first", unit: int = 1
) -> np.ndarray:
    """The mask in plain Python, straight from the definition: slow, and what the fast routes are tested against."""
    check_windows(offsets, length, policy, unit)
    windows: dict[bytes, list[tuple[int, int]]] = {}
    for document in range(len(offsets) - 1):
        for start in range(offsets[document], offsets[document + 1] - length + 1, unit):
            windows.setdefault(data[start : start + length].tobytes(), []).append((document, start))
    mask = np.zeros(int(offsets[-1]), bool)
    for copies in windows.values():
        first_document, first_start = copies[0]
        for document, start in copies:
            elsewhere = document != first_document or first_start + length <= start
            if elsewhere if policy == "keep-first" else len(copies) > 1:
                mask[start : start + length] = True
    return mask


@helper
def same_window(data, p, q, length):
    """Whether data[p : p + length] equals data[q : q + length]; compares eight bytes at a time."""
    i = 0
    while i + 8 <= length:
        if load64(data, p + i) != load64(data, q + i):
            return False
        i += 8
    while i < length:
        if data[p + i] != data[q + i]:
            return False
        i += 1
    return True


@kernel
def cover_windows(mask, offsets, length):
    """Turn a mask of marked window starts into the union of the windows, in place."""
    for document in range(len(offsets) - 1):
        covered_to = offsets[document]
        for i in range(offsets[document], offsets[document + 1]):
            if mask[i]:
                covered_to = i + length
            mask[i] = i < covered_to
