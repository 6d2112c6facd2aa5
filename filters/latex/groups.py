"""Arguments of commands in LaTeX: groups in braces, options in brackets, and where they end."""

import re
from functools import lru_cache

MAX_ARGUMENT = 20_000  # characters of a group
MAX_OPTION = 5_000  # characters in brackets
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_MARKS = re.compile(r"\\[\\{}\]]|[{}\]]")
_SPACES = re.compile(r"[ \t]*\n?[ \t]*")
_SHORT = 500  # characters of a text that is searched each time


def after_spaces(text: str, at: int) -> int:
    """Where what follows spaces begins, and one line end at most among them."""
    return _SPACES.match(text, at).end()  # type: ignore[union-attr]


def group_end(text: str, start: int) -> int | None:
    """Where the group that begins with a brace at `start` ends; None where there is none, or it is too long."""
    if text[start : start + 1] != "{":
        return None
    if len(text) > _SHORT and start in (ends := _group_ends(text)):
        return ends[start]
    depth = 0
    for match in _BRACES.finditer(text, start, start + MAX_ARGUMENT):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if not depth:
                return match.end()
    return None


@lru_cache(maxsize=128)  # as many texts as are parsed within each other
def _group_ends(text: str) -> dict[int, int | None]:
    """Where each group of a text ends, by where it begins: one pass, however many are asked for and never end."""
    ends: dict[int, int | None] = {}
    opened: list[int] = []
    for match in _BRACES.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
            ends[match.start()] = None
        elif match[0] == "}" and opened:
            start = opened.pop()
            ends[start] = match.end() if match.end() - start <= MAX_ARGUMENT else None
    return ends


def forget_groups() -> None:
    """Let go of the texts whose groups were asked for."""
    _group_ends.cache_clear()


def bracket(text: str, at: int) -> tuple[str, int] | None:
    """(what stands in the brackets at or after `at`, where they end); None where there are none."""
    at = after_spaces(text, at)
    if text[at : at + 1] != "[":
        return None
    stop = at + MAX_OPTION
    place = at + 1
    while (match := _MARKS.search(text, place, stop)) and text.find("]", match.start(), stop) >= 0:
        if match[0] == "]":
            return text[at + 1 : match.start()], match.end()
        place = match.end()
        if match[0] == "{":
            end = group_end(text, match.start())
            if end is None or end > stop:
                return None
            place = end
    return None


def after_brackets(text: str, at: int) -> int:
    """Where the brackets that begin at `at`, one after the other, end."""
    while text[at : at + 1] == "[" and (found := bracket(text, at)):
        at = found[1]
    return at


def after_groups(text: str, at: int, count: int) -> tuple[int, bool]:
    """(where `count` groups with brackets before and between them end, or those that are there; whether all are)."""
    for _ in range(count):
        while found := bracket(text, at):
            at = found[1]
        end = group_end(text, after_spaces(text, at))
        if end is None:
            return at, False
        at = end
    return at, True
