"""MathML as LaTeX: the TeX of its annotation where it has one, else what its presentation elements draw.

Source: MathML Core and MathML 3, chapter 3 (presentation markup).
"""

import re
from collections.abc import Callable

from gristmill.filters.formulas.letters import identifier, number, operator, space, words
from gristmill.filters.formulas.nodes import Node, depth_of, text_of
from gristmill.filters.formulas.rows import Write, array, fenced_array, group, has_no_line, row
from gristmill.filters.formulas.scripts import over, prescripts, under, under_and_over, with_scripts
from gristmill.filters.formulas.symbols import commands_of, joined, seen
from gristmill.filters.formulas.tex import formula_in

MAX_DEPTH = 60
_SPACES = re.compile(r"\s+")
_DELIMITER = re.compile(
    r"[.()\[\]|/<>]|\\[{}|]|\\(?:langle|rangle|lfloor|rfloor|lceil|rceil|backslash|(?:up|down|updown|Up|Down)arrow)"
)  # what \left and \right take
_ENCLOSURES = {
    "box": "\\boxed",
    "roundedbox": "\\boxed",
    "radical": "\\sqrt",
    "top": "\\overline",
    "bottom": "\\underline",
    "updiagonalstrike": "\\cancel",
    "downdiagonalstrike": "\\cancel",
}
_LETTERS = ("mi", "mn", "mo")
_UNWRITTEN = ("annotation", "annotation-xml", "mphantom", "none", "mprescripts", "")


def latex_of_mathml(formula: Node) -> str:
    """A `math` element as LaTeX without dollars; characters that have no command stay as they are.

    Of a formula nested deeper than MAX_DEPTH elements only the characters are left.

    >>> x, two = Node("mi", inside=["x"]), Node("mn", inside=["2"])
    >>> latex_of_mathml(Node("math", inside=[Node("msup", inside=[x, two])]))
    'x^{2}'
    """
    latex = commands_of(seen(text_of(formula))) if depth_of(formula) > MAX_DEPTH else _latex(formula)
    return _SPACES.sub(" ", latex).strip()


def _latex(node: Node) -> str:
    if node.name in _LETTERS and node.children:  # KaTeX puts what it draws as one operator into an operator
        return row(node.children, _latex)
    if node.name in _WRITERS:
        return _WRITERS[node.name](node, _latex)
    if node.name in _UNWRITTEN:
        return ""
    return row(node.children, _latex) if node.children else commands_of(seen(text_of(node)))


def _fraction(node: Node, write: Write) -> str:
    parts = [write(child) for child in node.children]
    if len(parts) != 2:
        return joined(parts)
    if has_no_line(node):
        return f"{{{parts[0].strip()} \\atop {parts[1].strip()}}}"
    return f"\\frac{group(parts[0])}{group(parts[1])}"


def _square_root(node: Node, write: Write) -> str:
    return f"\\sqrt{group(row(node.children, write))}"


def _root(node: Node, write: Write) -> str:
    if len(node.children) != 2:
        return _square_root(node, write)
    base, index = (write(child).strip() for child in node.children)
    return f"\\sqrt[{index}]{group(base)}"


def _fenced(node: Node, write: Write) -> str:
    opened, closed = seen(node.attributes.get("open", "(")), seen(node.attributes.get("close", ")"))
    if len(node.children) == 1:
        sides = [Node("mo", inside=[side]) for side in (opened, closed)]
        if fenced := fenced_array([sides[0], node.children[0], sides[1]], 0, write):
            return fenced[0]
    separators = seen(node.attributes.get("separators", ",")).replace(" ", "")
    parts: list[str] = []
    for k, child in enumerate(node.children):
        if k and separators:
            parts.append(commands_of(separators[min(k, len(separators)) - 1]))
        parts.append(write(child))
    left, right = (commands_of(side) or "." for side in (opened, closed))
    if not (_DELIMITER.fullmatch(left) and _DELIMITER.fullmatch(right)):
        return joined([commands_of(opened), *parts, commands_of(closed)])
    return f"\\left{left} {joined(parts)} \\right{right}"


def _enclosed(node: Node, write: Write) -> str:
    written = row(node.children, write)
    for notation in node.attribute("notation").split():
        if command := _ENCLOSURES.get(notation):
            written = command + group(written)
    return written


def _table(node: Node, write: Write) -> str:
    return array(node, "aligned" if node.attribute("columnalign").startswith("right left") else "matrix", write)


def _semantics(node: Node, write: Write) -> str:
    for child in node.children:
        if child.name == "annotation" and "tex" in child.attribute("encoding").replace("text/", ""):
            return formula_in(text_of(child))
    return _first(node, write)


def _first(node: Node, write: Write) -> str:
    return next((write(child) for child in node.children), "")


_WRITERS: dict[str, Callable[[Node, Write], str]] = {
    "mi": identifier,
    "mn": number,
    "mo": operator,
    "mtext": words,
    "ms": words,
    "mspace": space,
    "mfrac": _fraction,
    "msqrt": _square_root,
    "mroot": _root,
    "mfenced": _fenced,
    "menclose": _enclosed,
    "msup": with_scripts(has_below=False, has_above=True),
    "msub": with_scripts(has_below=True, has_above=False),
    "msubsup": with_scripts(has_below=True, has_above=True),
    "mmultiscripts": prescripts,
    "mover": over,
    "munder": under,
    "munderover": under_and_over,
    "mtable": _table,
    "semantics": _semantics,
    "maction": _first,
}
