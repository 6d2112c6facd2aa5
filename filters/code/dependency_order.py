"""Files of a repository after the files that they import (as DeepSeek-Coder's corpus has them, Guo et al. 2024, section 2.2).

Time and memory are linear in files and imports, but for the logarithm of a heap.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence

from gristmill.filters.code.import_targets import ImportTargets
from gristmill.filters.code.imports import FileImports


def in_dependency_order(files: Sequence[FileImports]) -> list[int]:
    """The places in `files`, each after those of the files that it imports; of those that may come next, the first by path.

    Where files import each other in a circle, the first of them by path comes first, and the others as their imports want it.
    """
    by_path = sorted(range(len(files)), key=lambda place: files[place].path)
    targets = ImportTargets([files[place] for place in by_path])
    needs = [targets.of(place) for place in range(len(by_path))] + targets.members
    return [by_path[place] for place in _after_what_they_need(needs, len(by_path))]


def _after_what_they_need(needs: Sequence[Sequence[int]], count: int) -> list[int]:
    """The numbers below `count`, each after those that it needs; numbers from `count` on stand for all that they need."""
    kept = _without_circles(needs)
    users = _reversed_edges(kept)
    waiting = [len(needed) for needed in kept]
    ready = [_rank(number, count) for number, left in enumerate(waiting) if not left]
    heapq.heapify(ready)
    order = []
    while ready:
        rank = heapq.heappop(ready)
        number = rank if rank >= 0 else count - 1 - rank
        if number < count:
            order.append(number)
        for user in users[number]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, _rank(user, count))
    return order


def _rank(number: int, count: int) -> int:
    """By which the next number is chosen: what stands for several before all others, as it holds its users up."""
    return number if number < count else count - 1 - number


def _without_circles(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """The edges but for those that close circles.

    Numbers that reach each other are a circle (Kosaraju's two walks find them). A third walk, inside each circle and from its
    lowest number, gives an order of it; edges against that order are left out.
    """
    numbers = range(len(needs))
    users = _reversed_edges(needs)
    last_first = [number for tree in _trees(needs, numbers) for number in tree][::-1]
    circle = [0] * len(needs)
    for name, tree in enumerate(_trees(users, last_first)):
        for number in tree:
            circle[number] = name
    inside = [[user for user in users[number] if circle[user] == circle[number]] for number in numbers]
    place = [0] * len(needs)
    for tree in _trees(inside, numbers):
        for at, number in enumerate(reversed(tree)):
            place[number] = at
    return [
        [one for one in needs[number] if circle[one] != circle[number] or place[one] < place[number]]
        for number in numbers
    ]


def _reversed_edges(edges: Sequence[Sequence[int]]) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in edges]
    for number, ends in enumerate(edges):
        for end in ends:
            found[end].append(number)
    return found


def _trees(edges: Sequence[Sequence[int]], roots: Iterable[int]) -> Iterator[list[int]]:
    """What a walk in depth meets first from each root, every number after those that were met from it."""
    met = bytearray(len(edges))
    for root in roots:
        if met[root]:
            continue
        met[root] = True
        tree: list[int] = []
        walk = [(root, iter(edges[root]))]
        while walk:
            number, left = walk[-1]
            step = next((end for end in left if not met[end]), None)
            if step is None:
                tree.append(number)
                walk.pop()
            else:
                met[step] = True
                walk.append((step, iter(edges[step])))
        yield tree
