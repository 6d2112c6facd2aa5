"""Formulas of LaTeX, which stay as they stand: on one line, without labels and numbers."""

import re

from gristmill.filters.latex.tidying import MARK, one_line

MAX_MATH = 20_000  # characters of a formula
_MATH_LABELS = re.compile(r"\\(?:label|tag)\s*\{[^{}]*\}|\\(?:nonumber|notag|ensuremath|xspace)(?![A-Za-z])")


def formula_line(math: str) -> str:
    """A formula on one line, without labels and numbers."""
    return one_line(_MATH_LABELS.sub("", math))


def between_dollars(text: str, at: int) -> tuple[str, int]:
    """A formula between dollars, and where it ends; a dollar alone is itself."""
    display = text.startswith("$$", at)
    start = at + (2 if display else 1)
    end = start
    limit = min(len(text), start + MAX_MATH)
    while True:
        end = text.find("$", end, limit)
        if end < 0:
            return "$", at + 1
        if text[end - 1] != "\\" or text[end - 2 : end] == "\\\\":
            break
        end += 1
    math = formula_line(text[start:end])
    if display:
        return f"\n\n$${MARK}{math}{MARK}$$\n\n" if math else "", end + 2
    return f"${math}$" if math else "", end + 1
