# mypy: disallow-untyped-defs=False
"""Gradient-boosted trees as a plain table, and their sum for each row of features as a kernel.

The table is a text file: a line for each node, `feature<TAB>threshold<TAB>left<TAB>right` with the numbers of lines, or
`leaf<TAB>value`; a tree begins where no line leads to. A row goes left where its value is at most the threshold.

A walk from node to node is a guess of the processor at each of them, half of them wrong. So no row walks: every node of a tree
strikes out, for all rows at once, the leaves that a row cannot reach when it goes right there, and of those that remain
the first is the row's leaf. Source: Lucchese et al., "QuickScorer: a fast algorithm to rank documents with additive
ensembles of regression trees" (SIGIR 2015), rows and nodes the other way round.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gristmill.kernels.compile import inlined, kernel
from gristmill.kernels.vectors import lowest_bit

LEAF = -1
MAX_LEAVES = 32  # of a tree: the bits of a word
_TOGETHER = 16  # rows that one instruction looks at: rows of zeros behind the others spare a loop over what is left


class Trees(NamedTuple):
    """Inner nodes, tree by tree: feature int32, threshold float32, reached uint32: the leaves, from left to right, that a
    row can reach which goes right there. first, last int64 (trees,): the nodes of each tree, `last` behind them. leaves float32
    (trees, MAX_LEAVES): what each leaf adds."""

    feature: np.ndarray
    threshold: np.ndarray
    reached: np.ndarray
    first: np.ndarray
    last: np.ndarray
    leaves: np.ndarray


def table_lines(path: Path) -> list[str]:
    """The lines of a table; those that begin with `#` say where it comes from and are left out."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def parse_trees(table: Sequence[str], names: Sequence[str]) -> Trees:
    """The trees in the lines of a table over the features `names`. ValueError for a tree of more than MAX_LEAVES leaves."""
    lines = [line.split("\t") for line in table]
    numbers = {name: number for number, name in enumerate(names)}
    followers = {int(child) for line in lines if line[0] != "leaf" for child in line[2:]}
    nodes: list[tuple[int, float, int]] = []
    first, leaves = [0], []
    for root in range(len(lines)):
        if root in followers:
            continue
        values: list[float] = []
        pending = [(root, False)]
        begun: dict[int, int] = {}  # inner node -> its first leaf
        while pending:  # left to right; a node is met before and behind what is left of it
            at, has_left = pending.pop()
            line = lines[at]
            if line[0] == "leaf":
                values.append(float(line[1]))
            elif not has_left:
                begun[at] = len(values)
                pending += [(int(line[3]), False), (at, True), (int(line[2]), False)]
            else:
                struck = (1 << len(values)) - (1 << begun[at])
                nodes.append((numbers[line[0]], float(line[1]), ~struck & 0xFFFFFFFF))
        if len(values) > MAX_LEAVES:
            raise ValueError(f"a tree of {len(values)} leaves, in line {root + 1}; at most {MAX_LEAVES}")
        leaves.append(values + [0.0] * (MAX_LEAVES - len(values)))
        first.append(len(nodes))
    columns = tuple(zip(*nodes, strict=True)) or ((), (), ())
    return Trees(
        np.array(columns[0], np.int32),
        np.array(columns[1], np.float32),
        np.array(columns[2], np.uint32),
        np.array(first[:-1], np.int64),
        np.array(first[1:], np.int64),
        np.array(leaves, np.float32).reshape(-1, MAX_LEAVES),
    )


@inlined
def _kept(value, limit, reached):
    """The leaves that a node does not strike out; a missing value, which is no number, goes right."""
    return np.uint32(0xFFFFFFFF) if value <= limit else reached


@kernel
def sum_of_trees(rows, feature, threshold, reached, first, last, leaves, out):
    """Write the sums over the trees for each row (float32) to `out`, float64 (classes, rows): the trees are those of each
    class in turn."""
    count, classes = len(rows), len(out)
    whole = (count + _TOGETHER - 1) // _TOGETHER * _TOGETHER
    columns = np.zeros((rows.shape[1], whole), np.float32)
    for r in range(count):
        for f in range(rows.shape[1]):
            columns[f, r] = rows[r, f]
    possible = np.empty(whole, np.uint32)
    out[:] = 0
    for tree in range(len(leaves)):
        possible[:] = 0xFFFFFFFF
        node, end = first[tree], last[tree]
        while node + 5 <= end:  # five nodes in a pass over the rows: what can be reached is loaded and stored once
            a, b, c = columns[feature[node]], columns[feature[node + 1]], columns[feature[node + 2]]
            d, e = columns[feature[node + 3]], columns[feature[node + 4]]
            at, bt, ct = threshold[node], threshold[node + 1], threshold[node + 2]
            dt, et = threshold[node + 3], threshold[node + 4]
            am, bm, cm, dm, em = (
                reached[node],
                reached[node + 1],
                reached[node + 2],
                reached[node + 3],
                reached[node + 4],
            )
            for r in range(whole):
                left = _kept(a[r], at, am) & _kept(b[r], bt, bm) & _kept(c[r], ct, cm)
                possible[r] &= left & _kept(d[r], dt, dm) & _kept(e[r], et, em)
            node += 5
        while node < end:
            column, limit, mask = columns[feature[node]], threshold[node], reached[node]
            for r in range(whole):
                possible[r] &= _kept(column[r], limit, mask)
            node += 1
        values, sums = leaves[tree], out[tree % classes]
        for r in range(count):
            sums[r] += values[lowest_bit(possible[r])]


def sum_of_trees_plainly(
    rows: np.ndarray, table: Sequence[str], names: Sequence[str], classes: int = 1
) -> list[list[float]]:
    """What `sum_of_trees` computes of the lines of a table over the features `names`, in plain Python."""
    lines = [line.split("\t") for line in table]
    roots = set(range(len(lines))) - {int(child) for line in lines if line[0] != "leaf" for child in line[2:]}
    sums = [[0.0] * len(rows) for _ in range(classes)]
    for tree, root in enumerate(sorted(roots)):
        for r, row in enumerate(rows):
            line = lines[root]
            while line[0] != "leaf":
                line = lines[int(line[2] if row[names.index(line[0])] <= np.float32(line[1]) else line[3])]
            sums[tree % classes][r] += float(np.float32(line[1]))
    return sums
