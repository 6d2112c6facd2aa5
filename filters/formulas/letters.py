"""What a formula is made of: identifiers, numbers, operators, words and spaces."""

import re

from gristmill.filters.formulas.nodes import Node, text_of
from gristmill.filters.formulas.rows import Write, row
from gristmill.filters.formulas.symbols import BETWEEN, FUNCTIONS, commands_of, seen, text_command, without_unseen

_VARIANTS = {
    "bold": "\\mathbf",
    "double-struck": "\\mathbb",
    "script": "\\mathcal",
    "fraktur": "\\mathfrak",
    "bold-italic": "\\boldsymbol",
    "bold-script": "\\mathcal",
    "bold-fraktur": "\\mathfrak",
    "sans-serif": "\\mathsf",
    "bold-sans-serif": "\\mathsf",
    "monospace": "\\mathtt",
}
_WORD = re.compile(r"[^\s.,;:()\[\]]")
_SPACES = re.compile(r"\s+")
_EM = re.compile(r"(\d+|\d*\.\d+)em")
_QUAD = 0.9  # em of a space from which on it is written as one


def identifier(node: Node, write: Write) -> str:
    """A letter, the name of a function, or upright letters."""
    text = seen(text_of(node))
    if name := _function(text):
        return name
    written, variant = commands_of(text), node.attribute("mathvariant")
    if command := _VARIANTS.get(variant):
        return f"{command}{{{written}}}" if written else ""
    if text.isalpha() and text.isascii() and (len(text) > 1 or variant == "normal"):
        return f"\\mathrm{{{written}}}"
    return text_command(text) if " " in text else written


def number(node: Node, write: Write) -> str:
    """Digits."""
    written, command = commands_of(seen(text_of(node))), _VARIANTS.get(node.attribute("mathvariant"))
    return f"{command}{{{written}}}" if command and written else written


def operator(node: Node, write: Write) -> str:
    """An operator, with spaces around it where it stands between two things."""
    text = seen(text_of(node))
    if name := _function(text):
        return name
    letters = text.replace(" ", "")
    if len(letters) > 1 and letters.isalpha() and letters.isascii():
        return f"\\operatorname{{{text}}}"
    written = commands_of(text)
    return f" {written} " if text in BETWEEN else written


def words(node: Node, write: Write) -> str:
    """Words, or elements of a formula among them."""
    if node.children:
        inside = [one if isinstance(one, Node) else Node(node.name, inside=[one]) for one in node.inside]
        return row(inside, write)
    text = _SPACES.sub(" ", without_unseen(text_of(node)))
    return text_command(text) if _WORD.search(text) else commands_of(text.strip()) or " "


def space(node: Node, write: Write) -> str:
    """A space, or a wide one."""
    width = _EM.fullmatch(node.attribute("width"))
    return "\\quad " if width and float(width[1]) >= _QUAD else " "


def _function(text: str) -> str:
    """The command of a function, "" where the text names none."""
    name = text.replace(" ", "")
    return "\\" + name if name in FUNCTIONS else ""
