"""Numbers as people write them: groups of digits and the marks between, and the shorter numbers inside a row of groups.

Digits of every script count, and every blank and dash that typesetting knows: no-break and narrow blanks, en dashes,
full-width forms, raised dots. A slash or a dash may have a blank on either side.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from gristmill.filters.pii.marks import BLANKS, DASHES

_OPEN, _CLOSE = "(\\[（［", ")\\]）］"
_PARENTHESIS = rf"[{_OPEN}][+＋]?\d{{1,5}}[{_CLOSE}]"
_JOINT = rf"(?:[{BLANKS}]?[.\u30fb\uff0e/／{DASHES}][{BLANKS}]?|[{BLANKS}]|[\u00b7\u2022\u2027\u2219\u22c5])"
_EXTENSION = rf"(?:[{BLANKS},;]{{0,2}}(?:x|ext\.?|extension|ramal|poste|interno)[{BLANKS}:.]?\d{{1,6}})"
_WRITTEN = re.compile(
    rf"(?:[+＋][{BLANKS}]?)?(?:{_PARENTHESIS}|\d+)"
    rf"(?:{_JOINT}\d+|{_JOINT}?[{BLANKS}]?{_PARENTHESIS}(?={_JOINT}?[{BLANKS}]?[{_OPEN}]?\d)|(?<=[{_CLOSE}])(?:{_JOINT}|[{BLANKS}]{{2}})?\d+)*"
    rf"(?P<extension>{_EXTENSION}(?!\w))?",
    re.IGNORECASE,
)
_PART = re.compile(rf"(?P<open>[{_OPEN}][+＋]?)?(?P<digits>\d+)[{_CLOSE}]?")
_INNER = (  # where a row of groups is cut, the widest marks first
    re.compile(rf"[{BLANKS}][/／{DASHES}]+[{BLANKS}]|[{BLANKS}](?=[+＋])"),
    re.compile(rf"[{BLANKS}]+(?=[{_OPEN}])"),
    re.compile(rf"[/／]|[{BLANKS}][{DASHES}]|[{DASHES}][{BLANKS}]"),
    re.compile(rf"[{BLANKS}]+"),
)


class Written:
    """The number text[start:end]; `core_end` is where its extension begins, or its end."""

    def __init__(self, text: str, start: int, end: int, core_end: int) -> None:
        self.text, self.start, self.end, self.core_end = text, start, end, core_end

    @cached_property
    def value(self) -> str:
        """The number without its extension, as written."""
        return self.text[self.start : self.core_end]

    @cached_property
    def groups(self) -> list[str]:
        """The groups of digits, in ASCII."""
        return [ascii_digits(match["digits"]) for match in _PART.finditer(self.value)]

    @cached_property
    def marks(self) -> list[str]:
        """What stands between the groups, each time without blanks around a mark; a blank is one space."""
        spans = [match.span("digits") for match in _PART.finditer(self.value)]
        between = [self.value[a[1] : b[0]] for a, b in pairwise(spans)]
        return [re.sub(rf"[{BLANKS}]+", " ", mark).strip() or " " for mark in between]

    @cached_property
    def digits(self) -> str:
        return "".join(self.groups)

    @cached_property
    def has_plus(self) -> bool:
        return self.value.lstrip("([（［ ")[:1] in ("+", "＋")

    @cached_property
    def has_parenthesis(self) -> bool:
        return self.value[:1] in "([（［"

    @cached_property
    def has_inner_parenthesis(self) -> bool:
        """Whether a parenthesis stands behind the first group: those of an area code stand before."""
        return any(mark in self.value[1:] for mark in "([（［")

    def shorter(self) -> list["Written"]:
        """The numbers inside, cut at the widest marks that there are; none when nothing cuts it."""
        for marks in _INNER:
            edges = [match.span() for match in marks.finditer(self.value)]
            if edges:
                starts = [0, *(end for _, end in edges)]
                ends = [*(start for start, _ in edges), len(self.value)]
                found = [(self.start + a, self.start + b) for a, b in zip(starts, ends, strict=True) if a < b]
                last = len(found) - 1
                return [Written(self.text, a, self.end if i == last else b, b) for i, (a, b) in enumerate(found)]
        return []


def written_numbers(text: str, start: int, end: int) -> Iterator[Written]:
    """The longest numbers that begin in text[start:end], in order."""
    position = start
    while position < end and (match := _WRITTEN.search(text, position)) and match.start() < end:
        core_end = match.start("extension") if match["extension"] else match.end()
        yield Written(text, match.start(), match.end(), core_end)
        position = match.end()


def ascii_digits(text: str) -> str:
    """The value of each decimal digit of any script."""
    return text if text.isascii() else "".join(str(int(character)) for character in text)
