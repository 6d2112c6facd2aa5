"""Copying ranges of tokens."""

# mypy: disallow-untyped-defs=False
import numpy as np
from gristmill.kernels.compile import kernel


@kernel
def _copy(tokens, starts, lengths, out):
    to = 0
    for row in range(len(starts)):
        for i in range(starts[row], starts[row] + lengths[row]):
            out[to] = tokens[i]
            to += 1


def copy_ranges(tokens: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """tokens[start : start + length] of every row, one after the other."""
    out = np.empty(int(lengths.sum()), tokens.dtype)
    _copy(tokens, starts, lengths, out)
    return out
