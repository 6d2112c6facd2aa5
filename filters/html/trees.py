# mypy: disallow-untyped-defs=False
"""Gradient-boosted trees as a plain table, and their sum for each row of features as a kernel.

The table is a text file: a line for each node, `feature<TAB>threshold<TAB>left<TAB>right` with the numbers of lines, or
`leaf<TAB>value`; a tree begins where no line leads to. A row goes left where its value is at most the threshold.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gristmill.kernels.compile import kernel

LEAF = -1


class Trees(NamedTuple):
    """feature int32 (nodes,): LEAF where a node is a leaf. value float32: the threshold, or what a leaf adds. left, right
    int32: the nodes that follow. roots int32 (trees,)."""

    feature: np.ndarray
    value: np.ndarray
    left: np.ndarray
    right: np.ndarray
    roots: np.ndarray


def table_lines(path: Path) -> list[str]:
    """The lines of a table; those that begin with `#` say where it comes from and are left out."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def parse_trees(table: Sequence[str], names: Sequence[str]) -> Trees:
    """The trees in the lines of a table over the features `names`."""
    lines = [line.split("\t") for line in table]
    numbers = {name: number for number, name in enumerate(names)} | {"leaf": LEAF}
    feature = np.array([numbers[line[0]] for line in lines], np.int32)
    children = np.array([[int(line[2]), int(line[3])] if len(line) > 2 else [0, 0] for line in lines], np.int32)
    inner = children[feature != LEAF].ravel()
    roots = np.setdiff1d(np.arange(len(lines)), inner).astype(np.int32)
    return Trees(
        feature,
        np.array([float(line[1]) for line in lines], np.float32),
        np.ascontiguousarray(children[:, 0]),
        np.ascontiguousarray(children[:, 1]),
        roots,
    )


@kernel
def sum_of_trees(rows, feature, value, left, right, roots, out):
    """Write the sum over all trees for each row (float32) to `out` (float64)."""
    out[:] = 0
    for root in roots:  # a tree stays in the cache for all rows
        for r in range(len(rows)):
            node = root
            while feature[node] >= 0:
                node = left[node] if rows[r, feature[node]] <= value[node] else right[node]
            out[r] += value[node]


def sum_of_trees_plainly(rows: np.ndarray, trees: Trees) -> list[float]:
    """What `sum_of_trees` computes, in plain Python."""
    sums = []
    for row in rows:
        total = 0.0
        for root in trees.roots:
            node = root
            while trees.feature[node] != LEAF:
                node = trees.left[node] if row[trees.feature[node]] <= trees.value[node] else trees.right[node]
            total += float(trees.value[node])
        sums.append(total)
    return sums
