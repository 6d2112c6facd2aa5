"""What stands in a formula below, above and before something: scripts, limits, accents."""

import re
from collections.abc import Callable

from gristmill.filters.formulas.nodes import Node, text_of
from gristmill.filters.formulas.rows import Write, group, row, unwrapped
from gristmill.filters.formulas.symbols import FUNCTIONS, LARGE, seen

_SIMPLE = re.compile(r".|\\[A-Za-z]+|\\[a-z]+\{[^{}]*\}", re.DOTALL)  # what takes a script without braces
_PRIMES = {"′": "'", "″": "''", "‴": "'''", "'": "'", "''": "''", "’": "'"}
_ACCENTS = {
    **dict.fromkeys("¯‾ˉ―_\u0304\u0305", ("\\bar", "\\overline")),
    **dict.fromkeys("^ˆ\u0302", ("\\hat", "\\widehat")),
    **dict.fromkeys("~˜∼\u0303", ("\\tilde", "\\widetilde")),
    **dict.fromkeys("→\u20d7", ("\\vec", "\\overrightarrow")),
    **dict.fromkeys("˙.\u0307", ("\\dot", "\\dot")),
    **dict.fromkeys("¨\u0308", ("\\ddot", "\\ddot")),
    **dict.fromkeys("ˇ\u030c", ("\\check", "\\check")),
    **dict.fromkeys("˘\u0306", ("\\breve", "\\breve")),
    "´": ("\\acute", "\\acute"),
    "`": ("\\grave", "\\grave"),
    "←": ("\\overleftarrow", "\\overleftarrow"),
    "↔": ("\\overleftrightarrow", "\\overleftrightarrow"),
    "⏞": ("\\overbrace", "\\overbrace"),
}  # over a short base, over a long one
_BELOW = {**dict.fromkeys("_¯‾ˉ―\u0332", "\\underline"), "⏟": "\\underbrace"}


def with_scripts(has_below: bool, has_above: bool) -> Callable[[Node, Write], str]:
    """The writer of a base with scripts behind it."""

    def written(node: Node, write: Write) -> str:
        children = node.children
        if len(children) != 1 + has_below + has_above:
            return row(children, write)
        below = write(children[1]) if has_below else ""
        return _base(write(children[0])) + _scripts(below, _above(children[-1], write) if has_above else "")

    return written


def prescripts(node: Node, write: Write) -> str:
    """A base with pairs of scripts behind it, and before it behind `mprescripts`."""
    children = node.children
    behind: list[str] = []
    before: list[str] = []
    side = behind
    for child in children[1:]:
        if child.name == "mprescripts":
            side = before
        else:
            side.append(write(child))
    left, right = ("".join(_scripts(*pair) for pair in _pairs(side)) for side in (before, behind))
    return ("{}" + left if left else "") + (_base(write(children[0])) if children else "") + right


def over(node: Node, write: Write) -> str:
    """Something over a base."""
    children = node.children
    return _limits(children[0], None, children[1], write) if len(children) == 2 else row(children, write)


def under(node: Node, write: Write) -> str:
    """Something under a base."""
    children = node.children
    return _limits(children[0], children[1], None, write) if len(children) == 2 else row(children, write)


def under_and_over(node: Node, write: Write) -> str:
    """Something under a base and something over it."""
    children = node.children
    return _limits(children[0], children[1], children[2], write) if len(children) == 3 else row(children, write)


def _base(latex: str) -> str:
    latex = latex.strip()
    return latex if _SIMPLE.fullmatch(latex) else f"{{{latex}}}"


def _pairs(scripts: list[str]) -> list[tuple[str, str]]:
    """(below, above) of each pair; nothing above where the last is alone."""
    return [(scripts[k], scripts[k + 1] if k + 1 < len(scripts) else "") for k in range(0, len(scripts), 2)]


def _scripts(below: str, above: str) -> str:
    """What stands below and above behind a base; primes stand without a sign of their own."""
    below, above = below.strip(), above.strip()
    low = f"_{{{below}}}" if below else ""
    if not above.strip("'"):
        return above + low
    return f"{low}^{{{above.removeprefix('^')}}}"  # the degree sign brings its own


def _above(node: Node, write: Write) -> str:
    return _PRIMES.get(seen(text_of(node)).replace(" ", ""), "") or write(node)


def _limits(base: Node, below: Node | None, above: Node | None, write: Write) -> str:
    latex = write(base).strip()
    if latex.startswith("\\mathrm{") and latex.endswith("}") and latex.count("{") == 1:
        latex = "\\operatorname*" + latex.removeprefix("\\mathrm")
    if _takes_limits(base, latex):
        return latex + _scripts(write(below) if below else "", write(above) if above else "")
    if above is not None:
        latex = _accented(latex, above, write)
    return latex if below is None else _underset(latex, below, write)


def _takes_limits(base: Node, latex: str) -> bool:
    """Whether what is put under and over an operator are its limits."""
    is_function = latex.removeprefix("\\") in FUNCTIONS or latex.startswith("\\operatorname")
    return is_function or seen(text_of(unwrapped(base))) in LARGE


def _accented(latex: str, above: Node, write: Write) -> str:
    sign = seen(text_of(above))
    if not sign:
        return latex
    if accents := _ACCENTS.get(sign):
        return accents[0 if _SIMPLE.fullmatch(latex) else 1] + group(latex)
    if latex.startswith("\\overbrace"):
        return f"{latex}^{group(write(above))}"
    return f"\\overset{group(write(above))}{group(latex)}"


def _underset(latex: str, below: Node, write: Write) -> str:
    sign = seen(text_of(below))
    if not sign:
        return latex
    if sign in _BELOW:
        return _BELOW[sign] + group(latex)
    if latex.startswith("\\underbrace"):
        return f"{latex}_{group(write(below))}"
    return f"\\underset{group(write(below))}{group(latex)}"
