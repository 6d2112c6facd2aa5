"""Environments of LaTeX: which are what, and where in a text they end."""

import re
from bisect import bisect_left

_EDGE = re.compile(r"\\(?:(begin)|end)\{([A-Za-z@]+\*?)\}")


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
