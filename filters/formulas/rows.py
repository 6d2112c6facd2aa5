"""Elements of a formula side by side, and arrays with what stands around them."""

import re
from collections.abc import Callable, Sequence

from gristmill.filters.formulas.nodes import Node, text_of
from gristmill.filters.formulas.symbols import BETWEEN, commands_of, joined, seen, text_command

Write = Callable[[Node], str]  # an element as LaTeX

_SIGNS = frozenset("+-−±∓")
_BEFORE_SIGN = frozenset("([{⟨|,;:/")  # a sign behind one of them is that of a number
# What stands around a table: the environment that draws it.
_MATRICES = {
    ("(", ")"): "pmatrix",
    ("[", "]"): "bmatrix",
    ("{", "}"): "Bmatrix",
    ("{", ""): "cases",
    ("|", "|"): "vmatrix",
    ("∣", "∣"): "vmatrix",
    ("‖", "‖"): "Vmatrix",
    ("∥", "∥"): "Vmatrix",
}
_WRAPPERS = ("mrow", "mstyle", "mpadded")
_NO_LINE = re.compile(r"0+(\.0*)?[a-z%]*")


def row(children: Sequence[Node], write: Write) -> str:
    """Elements side by side."""
    parts: list[str] = []
    before: str | None = None  # the operator before, "" behind anything else, None at the start
    k = 0
    while k < len(children):
        node = children[k]
        if fenced := fenced_array(children, k, write):
            written, used = fenced
            text = ""
        else:
            text = seen(text_of(node)) if node.name == "mo" and not node.children else ""
            is_sign = text in _SIGNS and (before is None or before in _BEFORE_SIGN or before in BETWEEN)
            written, used = commands_of(text) if is_sign else write(node), 1
        parts.append(written)
        if written.strip():
            before = text
        k += used
    return joined(parts)


def group(latex: str) -> str:
    """LaTeX in braces."""
    return f"{{{latex.strip()}}}"


def unwrapped(node: Node) -> Node:
    """The only element in elements that draw nothing themselves."""
    while node.name in _WRAPPERS and len(node.children) == 1:
        node = node.children[0]
    return node


def has_no_line(fraction: Node) -> bool:
    """Whether a fraction is drawn without its line, as binomial coefficients are."""
    return _NO_LINE.fullmatch(fraction.attribute("linethickness")) is not None


def fenced_array(children: Sequence[Node], k: int, write: Write) -> tuple[str, int] | None:
    """A matrix, cases or a binomial coefficient from place k on with what stands around it, and how many elements that is."""
    if k + 1 >= len(children):
        return None
    inner = unwrapped(children[k + 1])
    if inner.name not in ("mtable", "mfrac"):
        return None
    opened, closed = _fence(children, k), _fence(children, k + 2)
    if opened is None or closed is None:
        return None
    used = min(3, len(children) - k)
    if inner.name == "mtable" and (environment := _MATRICES.get((opened, closed))):
        return array(inner, environment, write), used
    if inner.name == "mfrac" and has_no_line(inner) and len(inner.children) == 2 and (opened, closed) == ("(", ")"):
        return "\\binom" + "".join(group(write(child)) for child in inner.children), used
    return None


def _fence(children: Sequence[Node], k: int) -> str | None:
    """The operator at place k, "" behind the last or where it is empty; None where something else stands."""
    if k >= len(children):
        return ""
    node = unwrapped(children[k])
    return seen(text_of(node)) if node.name == "mo" and not node.children else None


def array(table: Node, environment: str, write: Write) -> str:
    """A table in a LaTeX environment; the label of a row stands behind it."""
    rows: list[str] = []
    for line in table.children:
        cells = line.children if line.name in ("mtr", "mlabeledtr") else [line]
        label = cells.pop(0) if line.name == "mlabeledtr" and cells else None
        written = " & ".join(write(cell).strip() for cell in cells)
        rows.append(written + (f" \\quad {text_command(seen(text_of(label)))}" if label else ""))
    return f"\\begin{{{environment}}} " + " \\\\ ".join(rows) + f" \\end{{{environment}}}"
