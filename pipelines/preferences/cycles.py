"""Preferences that contradict each other: pairs of one prompt in which the rejected answer leads back to the chosen one.

In: keys of prompts and answers. The pairs of a prompt are a graph from chosen to rejected answers; a pair is in a cycle if and
only if both its answers are in one strongly connected component. Cost: linear in the pairs. Source: Tarjan 1972.
"""

from collections.abc import Mapping, Sequence

import numpy as np


def pairs_in_cycles(prompts: np.ndarray, chosen: np.ndarray, rejected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(bool: in a cycle; int64: pairs of its prompt) of each pair. The keys are int64; equal answers are no cycle."""
    order = np.argsort(prompts, kind="stable")
    starts = np.flatnonzero(np.diff(prompts[order], prepend=prompts[order[:1]] - 1)) if len(order) else order
    sizes = np.diff(starts, append=len(order))
    counts = np.empty(len(prompts), np.int64)
    counts[order] = np.repeat(sizes, sizes)
    found = np.zeros(len(prompts), bool)
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        rows = order[start : start + size]
        component = components(chosen[rows].tolist(), rejected[rows].tolist())
        found[rows] = [
            a != b and component[a] == component[b]
            for a, b in zip(chosen[rows].tolist(), rejected[rows].tolist(), strict=True)
        ]
    return found, counts


def components(sources: Sequence[int], targets: Sequence[int]) -> Mapping[int, int]:
    """Node -> number of its strongly connected component, of a graph given by its edges; without recursion.

    >>> found = components([1, 2, 3, 3], [2, 3, 1, 4])
    >>> found[1] == found[2] == found[3], found[3] == found[4]
    (True, False)
    """
    following: dict[int, list[int]] = {}
    for source, target in zip(sources, targets, strict=True):
        following.setdefault(source, []).append(target)
        following.setdefault(target, [])
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    component: dict[int, int] = {}
    open_nodes: list[int] = []
    for first in following:
        if first in number:
            continue
        path = [(first, 0)]
        while path:
            node, place = path.pop()
            if place == 0:
                number[node] = lowest[node] = len(number)
                open_nodes.append(node)
            elif (child := following[node][place - 1]) not in component:
                lowest[node] = min(lowest[node], lowest[child])
            if place < len(following[node]):
                path.append((node, place + 1))
                child = following[node][place]
                if child not in number:
                    path.append((child, 0))
                continue
            if lowest[node] == number[node]:
                while True:
                    member = open_nodes.pop()
                    component[member] = number[node]
                    if member == node:
                        break
    return component
