# mypy: disallow-untyped-defs=False
"""How similar two documents are: the true Jaccard of their shingle sets, or the estimate of their signatures."""

import numpy as np
import pyarrow as pa
from gristmill.kernels.compile import kernel


@kernel
def shared_count(left, right):
    """Number of values in both of two sorted arrays without repeats; merges, or gallops when one is far longer."""
    if len(left) > len(right):
        left, right = right, left
    shared = 0
    if len(left) * 16 < len(right):
        at = 0
        for value in left:
            at += np.searchsorted(right[at:], value)
            if at == len(right):
                break
            shared += right[at] == value
        return shared
    i, j = 0, 0
    while i < len(left) and j < len(right):
        a, b = left[i], right[j]
        shared += a == b
        i += a <= b
        j += b <= a
    return shared


@kernel
def _similarity(a, b):
    shared = shared_count(a, b)
    union = len(a) + len(b) - shared
    return shared / union if union else 0.0


@kernel
def _jaccard(values, offsets, left, right, out):
    for pair in range(len(left)):
        a = values[offsets[left[pair]] : offsets[left[pair] + 1]]
        out[pair] = _similarity(a, values[offsets[right[pair]] : offsets[right[pair] + 1]])


def jaccard(values: np.ndarray, offsets: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64: |A and B| / |A or B| of each pair of documents (left[p], right[p]).

    values, offsets: shingle hashes as `shingle_hashes(..., unique=True)` gives them, sorted, without repeats.
    Two documents without shingles have similarity 0: there is nothing to compare.
    """
    out = np.empty(len(left), np.float64)
    _jaccard(values, offsets, np.asarray(left, np.int64), np.asarray(right, np.int64), out)
    return out


@kernel
def _jaccard_of_rows(a_values, a_offsets, b_values, b_offsets, out):
    for row in range(len(out)):
        a = a_values[a_offsets[row] : a_offsets[row + 1]]
        out[row] = _similarity(a, b_values[b_offsets[row] : b_offsets[row + 1]])


def jaccard_of_rows(left: pa.LargeListArray | pa.ListArray, right: pa.LargeListArray | pa.ListArray) -> np.ndarray:
    """float64: as `jaccard`, of the two lists of uint64 in each row of a table of joined pairs; null lists are empty."""
    out = np.empty(len(left), np.float64)
    _jaccard_of_rows(*_csr(left), *_csr(right), out)
    return out


def _csr(lists: pa.LargeListArray | pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    if lists.null_count:
        lists = lists.fill_null([])
    return lists.values.to_numpy(), lists.offsets.to_numpy().astype(np.int64)


@kernel
def _agreement(signatures, left, right, out):
    for pair in range(len(left)):
        a, b = signatures[left[pair]], signatures[right[pair]]
        same = 0
        for k in range(len(a)):
            same += a[k] == b[k]
        out[pair] = same / len(a)


def estimated_jaccard(signatures: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64: the fraction of permutations on which the signatures of each pair agree.

    Unbiased; the standard deviation at similarity J and k permutations is sqrt(J * (1 - J) / k).
    """
    out = np.empty(len(left), np.float64)
    _agreement(signatures, np.asarray(left, np.int64), np.asarray(right, np.int64), out)
    return out
