"""Partial results of a report and how they add up: exact, and the same in any order and any partition.

A partial result is plain JSON: `counts` are nested mappings whose leaves are integers or lists of integers and add up;
`picks` are lists of [rank, doc_id, part number, row, value], of which the smallest by (rank, doc_id) are kept;
`ranges` are [smallest, largest].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa


@dataclass
class Partial:
    counts: dict[str, Any] = field(default_factory=dict)
    picks: dict[str, list[list[Any]]] = field(default_factory=dict)
    ranges: dict[str, list[float | int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"counts": self.counts, "picks": self.picks, "ranges": self.ranges}

    def add(self, other: Mapping[str, Any], limit: int) -> None:
        """Merge another partial result (as JSON) into this one; `limit` picks of each name are kept."""
        add_counts(self.counts, other["counts"])
        for name, picks in other["picks"].items():
            merged = [*self.picks.get(name, []), *picks]
            self.picks[name] = sorted(merged, key=lambda pick: (pick[0], pick[1]))[:limit]
        for name, (low, high) in other["ranges"].items():
            known = self.ranges.setdefault(name, [low, high])
            self.ranges[name] = [min(known[0], low), max(known[1], high)]


def add_counts(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Add the leaves of `new` to those of `into`.

    >>> total = {"a": [1, 2]}
    >>> add_counts(total, {"a": [10, 20], "b": {"c": 1}})
    >>> total
    {'a': [11, 22], 'b': {'c': 1}}
    """
    for key, value in new.items():
        if isinstance(value, Mapping):
            add_counts(into.setdefault(key, {}), value)
        elif isinstance(value, list):
            into[key] = [a + b for a, b in zip(into.get(key, [0] * len(value)), value, strict=True)]
        else:
            into[key] = into.get(key, 0) + value


@dataclass(frozen=True)
class DocumentWeights:
    """Bytes and tokens of every document of a part."""

    bytes: np.ndarray
    tokens: np.ndarray

    def sum(self, mask: np.ndarray) -> list[int]:
        """[documents, bytes, tokens] where `mask` holds."""
        return [int(np.count_nonzero(mask)), int(self.bytes[mask].sum()), int(self.tokens[mask].sum())]

    def by_code(self, codes: np.ndarray, names: Sequence[str], mask: np.ndarray) -> dict[str, list[int]]:
        """Name -> [documents, bytes, tokens] of the documents with its code; names without documents are left out."""
        chosen = codes[mask]
        size = len(names)
        documents = np.bincount(chosen, minlength=size)
        # float64 sums of integers below 2**53 are exact
        sums = [np.bincount(chosen, weights[mask], minlength=size) for weights in (self.bytes, self.tokens)]
        return {
            names[i]: [int(documents[i]), int(sums[0][i]), int(sums[1][i])] for i in np.flatnonzero(documents).tolist()
        }


def encode(column: Any, if_null: str) -> tuple[np.ndarray, list[str]]:
    """A string column as codes and the strings they stand for."""
    encoded = column.cast(pa.large_string()).fill_null(if_null)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    encoded = encoded.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def smallest(rows: np.ndarray, ranks: np.ndarray, keys: np.ndarray, limit: int) -> np.ndarray:
    """Those of `rows` with the `limit` smallest (rank, key), without sorting them all; ties at the border are included.

    ranks and keys belong to `rows`, one each.
    """
    if len(rows) <= limit:
        return rows
    border = np.partition(ranks, limit - 1)[limit - 1]
    below = ranks < border
    tied = np.flatnonzero(ranks == border)
    missing = limit - int(np.count_nonzero(below))
    if len(tied) > missing:
        tied_keys = keys[tied]
        tied = tied[tied_keys <= np.partition(tied_keys, missing - 1)[missing - 1]]
    return np.concatenate([rows[below], rows[tied]])
