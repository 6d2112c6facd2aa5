"""Environments in a text of LaTeX: where they end, the tables and items in them."""

import re
from bisect import bisect_left

from gristmill.filters.latex.groups import bracket

_EDGE = re.compile(r"\\(?:(begin)|end)\{([A-Za-z@]+\*?)\}")
_TABULAR = re.compile(r"\\(?:(begin)|end)\{tabular[xy*]?\}")
_ITEM = re.compile(
    r"\\(?:(item)(?![A-Za-z])|(begin|end)\{(?:itemize|enumerate|description|compactitem|compactenum|list|trivlist)\})"
)


class EnvironmentEnds:
    """Where the environments of a text end, from one pass over it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._begins: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        self._unended: set[str] = set()
        for edge in _EDGE.finditer(text):
            (self._begins if edge[1] else self._ends).setdefault(edge[2], []).append(edge.start())

    def of(self, name: str, start: int) -> tuple[int, int]:
        """(where the content that begins at `start` ends, where what follows begins).

        Both are `start` for an environment without an end, and for all of its name after it: their content is read on as
        it stands.
        """
        begins, ends = self._begins.get(name, []), self._ends.get(name, [])
        first, opened = bisect_left(ends, start), bisect_left(begins, start)
        for number in range(first, len(ends) if name not in self._unended else 0):
            end = ends[number]
            if bisect_left(begins, end) - opened <= number - first:
                return end, end + len(name) + len("\\end{}")
        self._unended.add(name)
        return start, start


def tables_within(inner: str) -> list[str]:
    """The tables in a float, as LaTeX."""
    found, start = [], None
    for edge in _TABULAR.finditer(inner):
        if edge[1]:
            start = edge.start() if start is None else start
        elif start is not None:
            found.append(inner[start : edge.end()])
            start = None
    return found


def list_items(inner: str) -> list[tuple[str, str]]:
    """(label, content) of the items of a list, those of lists within it left in their items."""
    starts, depth = [], 0
    for found in _ITEM.finditer(inner):
        if found[1]:
            if not depth:
                starts.append((found.start(), found.end()))
        else:
            depth = max(depth + (1 if found[2] == "begin" else -1), 0)
    items: list[tuple[str, str]] = []
    if not starts:
        return [("", inner)]
    for (_, after), (until, _) in zip(starts, [*starts[1:], (len(inner), 0)], strict=True):
        label = bracket(inner, after)
        items.append((label[0], inner[label[1] : until]) if label and label[1] <= until else ("", inner[after:until]))
    return items
