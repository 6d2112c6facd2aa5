# mypy: disallow-untyped-defs=False
"""Who is dropped for whom, in memory: connected components, and the greedy star pass.

Both take verified edges as two arrays of node numbers, in any order, repeats and self-loops allowed. They are the small
case and the reference of the same rules in DataFrame rounds.
"""

import numpy as np
from gristmill.kernels.compile import kernel


@kernel
def _root(parents, node):
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@kernel
def unite(parents, left, right):
    """Join the components of each edge's nodes, in `parents`: int64, each node's own number at first."""
    for edge in range(len(left)):
        a, b = _root(parents, left[edge]), _root(parents, right[edge])
        if a < b:
            parents[b] = a
        else:
            parents[a] = b


@kernel
def settle(parents):
    """After the last edge: the parent of each node becomes the smallest member of its component."""
    for node in range(len(parents)):
        parents[node] = parents[parents[node]]  # parents are smaller than their children, so theirs are final


def connected_components(left: np.ndarray, right: np.ndarray, nodes: int) -> np.ndarray:
    """int64 label of each of `nodes` nodes: the smallest member of its component.

    >>> connected_components(np.array([3, 4]), np.array([1, 3]), 5).tolist()
    [0, 1, 2, 1, 1]
    """
    parents = np.arange(nodes, dtype=np.int64)
    unite(parents, np.asarray(left, np.int64), np.asarray(right, np.int64))
    settle(parents)
    return parents


@kernel
def _star(earlier, edges, survivors):
    for node in range(len(survivors)):
        best = node
        for i in range(edges[node], edges[node + 1]):
            other = earlier[i]
            if survivors[other] == other and other < best:
                best = other
        survivors[node] = best


def star_survivors(left: np.ndarray, right: np.ndarray, nodes: int) -> np.ndarray:
    """int64 survivor of each node, itself when kept: the greedy pass in survivor order (node numbers).

    A node is dropped if and only if it has an edge to an earlier node that is kept; its survivor is the earliest such.
    So everything dropped is verified similar to something kept, and no two kept nodes have an edge.

    >>> star_survivors(np.array([0, 1]), np.array([1, 2]), 3).tolist()  # a chain: the third is not like the first
    [0, 0, 2]
    """
    left, right = np.asarray(left, np.int64), np.asarray(right, np.int64)
    later, earlier = np.maximum(left, right), np.minimum(left, right)
    edges = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(later, minlength=nodes))))
    survivors = np.arange(nodes, dtype=np.int64)
    _star(earlier[np.argsort(later, kind="stable")], edges, survivors)
    return survivors
