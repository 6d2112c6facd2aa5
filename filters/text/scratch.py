"""Scratch sizes shared by the kernels that decode one document at a time."""

import numpy as np


def longest_document_bytes(offsets: np.ndarray) -> int:
    """Bytes of the longest row; scratch of this many code points holds any row decoded."""
    return int(np.diff(offsets).max(initial=0))


def divided(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """numerators / denominators as float64, masked (null in Arrow) where the denominator is 0."""
    undefined = denominators == 0
    quotient = numerators / np.where(undefined, 1, denominators)
    return np.ma.masked_array(quotient, mask=undefined)
