"""Regular expressions of spaCy's splitting rules as alternatives over sets of code points.

Only what spaCy's English expressions use is rendered: sets, short sequences, one trailing repeat, fixed lookbehind and
one-character lookahead. Anything else raises instead of being guessed at.
"""

from importlib.metadata import version
from re import _parser as regex_parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np
from gristmill.filters.text.unicode_tables import ALPHA, CLASS, CODE_POINTS
from gristmill.schemas.errors import GristmillError

Ranges = tuple[tuple[int, int], ...]
Item = tuple[str, Ranges]  # kind: behind, body, repeat, ahead, not_ahead
_KINDS = ("behind", "body", "repeat", "ahead", "not_ahead")


def unsupported(found: str) -> GristmillError:
    return GristmillError(
        f"spaCy {version('spacy')}: {found}",
        expected="a rule the compiled words can render",
        next_step="pass exact=True, or install the spaCy 3.8 this release was tested with",
    )


def alternatives(pattern: str) -> list[list[Item]]:
    """The alternatives of an expression in the order the regex engine tries them, each a list of items."""
    return _expand(list(regex_parser.parse(pattern)))


def _expand(nodes: list[Any]) -> list[list[Item]]:
    expanded: list[list[Item]] = [[]]
    for node in nodes:
        choices = _node(node)
        expanded = [left + right for left in expanded for right in choices]
    return expanded


def _node(node: Any) -> list[list[Item]]:
    kind, value = str(node[0]), node[1]
    if kind == "LITERAL":
        return [[("body", ((value, value),))]]
    if kind == "IN":
        return [[("body", _ranges(value))]]
    if kind == "AT" and str(value) in ("AT_BEGINNING", "AT_END"):
        return [[]]  # every prefix is anchored at the start and every suffix at the end; the kernels do that
    if kind == "SUBPATTERN":
        return _expand(list(value[3]))
    if kind == "BRANCH":
        return [found for branch in value[1] for found in _expand(list(branch))]
    if kind == "MAX_REPEAT" and value[0] == 1 and value[1] == regex_parser.MAXREPEAT:
        ((single,),) = _expand(list(value[2]))
        return [[("repeat", single[1])]]
    if kind in ("ASSERT", "ASSERT_NOT"):
        direction, inner = value
        name = "behind" if direction < 0 else "ahead" if kind == "ASSERT" else "not_ahead"
        if kind == "ASSERT" or direction > 0:
            return [[(name, ranges) for _, ranges in found] for found in _expand(list(inner))]
    raise unsupported(f"expression with {kind}")


def _ranges(items: list[Any]) -> Ranges:
    found = []
    for kind, value in items:
        if str(kind) == "LITERAL":
            found.append((value, value))
        elif str(kind) == "RANGE":
            found.append((value[0], value[1]))
        else:
            raise unsupported(f"character set with {kind}")
    return tuple(sorted(found))


class Sets:
    """Numbers the distinct sets of code points and builds the class tables from them."""

    def __init__(self) -> None:
        self.ids: dict[Ranges, int] = {}

    def number(self, ranges: Ranges) -> int:
        return self.ids.setdefault(ranges, len(self.ids))

    def classes(self) -> tuple[np.ndarray, np.ndarray]:
        edges = sorted({0, CODE_POINTS, *(e for r in self.ids for lo, hi in r for e in (lo, hi + 1))})
        begins = np.array(edges[:-1])
        inside = np.zeros((len(begins), len(self.ids)), np.uint8)
        for ranges, column in self.ids.items():
            for low, high in ranges:
                inside[np.searchsorted(begins, low) : np.searchsorted(begins, high, "right"), column] = 1
        rows, classes = np.unique(inside, axis=0, return_inverse=True)
        lengths = np.diff(np.array(edges))
        return np.repeat(classes.reshape(-1).astype(np.uint16), lengths), np.ascontiguousarray(rows.T)


def rule_rows(found: list[list[Item]], sets: Sets, items: list[int]) -> np.ndarray:
    rows = []
    for alternative in found:
        kinds = [kind for kind, _ in alternative]
        behind = [sets.number(r) for kind, r in alternative if kind == "behind"]
        body = [sets.number(r) for kind, r in alternative if kind in ("body", "repeat")]
        ahead = [sets.number(r) for kind, r in alternative if kind.endswith("ahead")]
        in_order = kinds == sorted(kinds, key=lambda k: _KINDS.index(k))
        if not in_order or not body or len(ahead) > 1 or kinds.count("repeat") > 1 or ("repeat" in kinds and ahead):
            raise unsupported(f"alternative {kinds}")
        row = (len(items), len(behind), len(body), "repeat" in kinds, ahead[0] if ahead else -1, "not_ahead" in kinds)
        rows.append(row)
        items += behind + body
    return np.array(rows, np.int32)


def candidates(rows: np.ndarray, items: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first = member[items[rows[:, 0] + rows[:, 1]]]  # alternative x class
    begin = np.concatenate([[0], np.cumsum(first.sum(axis=0))]).astype(np.int32)
    return begin, np.concatenate([np.nonzero(first[:, c])[0] for c in range(first.shape[1])]).astype(np.int32)


def plain_classes(every: list[list[Item]], sets: Sets, atom: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Classes of which no string, however long, holds a match of any alternative (nor a dot, which URLs need).

    Each alternative is made impossible by leaving out one of the sets it needs: one without letters if it has any.
    """
    letters = np.unique(atom[(CLASS & ALPHA) != 0])
    plain = np.ones(member.shape[1], np.uint8)
    for alternative in every:
        needed = [sets.ids[r] for kind, r in alternative if kind != "not_ahead"]
        without_letters = [s for s in needed if not member[s, letters].any()]
        plain[member[(without_letters or needed)[0]] != 0] = 0
    plain[atom[ord(".")]] = 0
    return plain


def code_point_set(expression: str) -> Ranges:
    """The ranges of a character set written as `[...]`."""
    (((_, ranges),),) = alternatives(expression)
    return ranges
