"""Macros of a paper's own: read from its definitions, expanded where they are used, within limits of depth and size.

What TeX would compute (conditionals on values, catcodes, delimited parameters) is not: such a definition is taken off and its
uses stay as they are. Nothing is run.
"""

import re
from typing import NamedTuple

from gristmill.filters.latex.groups import after_groups, after_spaces, bracket, group_end

MAX_DEPTH = 40
MAX_GROWTH = 4
LEAST_CHARACTERS = 4 << 20
_DEFINITION = re.compile(
    r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|DeclareMathOperator|newtheorem|spnewtheorem|def|gdef|edef|xdef|let|"
    r"newenvironment|renewenvironment|newcounter|newlength|newsavebox)(\*?)(?![A-Za-z])"
)
# Definitions that change no text, with the number of their groups.
_WITHOUT_MEANING = {"newenvironment": 3, "renewenvironment": 3, "newcounter": 1, "newlength": 1, "newsavebox": 1}
_USE = re.compile(r"\\([A-Za-z@]+)|\\begin\{(?:verbatim|Verbatim|lstlisting|minted|alltt)\*?\}")
_NAME = re.compile(r"\s*(?:\{\s*\\([A-Za-z@]+|.)\s*\}|\\([A-Za-z@]+|[^A-Za-z\s]))")
_COUNT = re.compile(r"\s*\[\s*(\d)\s*\]")
_PARAMETERS = re.compile(r"((?:#\d)*)\s*(?=\{)")
_ALIAS = re.compile(r"\s*\\([A-Za-z@]+)\s*+=?\s*+(?:\\([A-Za-z@]+|.)|(.))")
_PARAMETER = re.compile(r"#(\d)")
# What the writer knows better than a paper that defines it anew does.
_KEPT_NAMES = """
section subsection subsubsection paragraph chapter part item begin end label ref cite footnote caption title author
documentclass usepackage input include maketitle includegraphics bibliography par left right
"""
_KEPT = frozenset(_KEPT_NAMES.split())


class _Macro(NamedTuple):
    """default: of the first parameter, if it may be left out."""

    parameters: int
    default: str | None
    body: str


class Macros:
    """theorems: environments made by `\\newtheorem`, with what they are called. exhausted: a limit was met."""

    def __init__(self) -> None:
        self._macros: dict[str, _Macro] = {}
        self.theorems: dict[str, str] = {}
        self.exhausted = False
        self._left = 0

    def read(self, text: str) -> str:
        """Take the definitions out of a text; returns what is left."""
        parts, at = [], 0
        for match in _DEFINITION.finditer(text):
            if match.start() < at:
                continue
            end = self._definition(match[1], text, match.end())
            if end is not None:
                parts.append(text[at : match.start()])
                at = end
        return "".join([*parts, text[at:]])

    def _definition(self, kind: str, text: str, at: int) -> int | None:
        """Read one definition; returns where it ends, or None where it is none that can be read."""
        if kind in ("newtheorem", "spnewtheorem"):
            return self._theorem(text, at)
        groups = _WITHOUT_MEANING.get(kind)
        if groups:
            end, are_all_there = after_groups(text, at, groups)
            return end if are_all_there else None
        if kind == "let":
            alias = _ALIAS.match(text, at)
            if alias and alias[2] and alias[1] not in _KEPT:
                self._macros[alias[1]] = self._macros.get(alias[2], _Macro(0, None, "\\" + alias[2]))
            return alias.end() if alias else None
        name = _NAME.match(text, at)
        if not name:
            return None
        at, called = name.end(), name[1] or name[2]
        count, default = 0, None
        if kind in ("def", "gdef", "edef", "xdef"):
            parameters = _PARAMETERS.match(text, at)
            if parameters is None:
                start = text.find("{", at, at + 200)  # delimited parameters: taken off, not expanded
                return group_end(text, start) if start >= 0 else None
            count, at = len(parameters[1]) // 2, parameters.end()
        elif (number := _COUNT.match(text, at)) is not None:
            count, at = int(number[1]), number.end()
            found = bracket(text, at)
            if found:
                default, at = found
        start = after_spaces(text, at)
        end = group_end(text, start)
        if end is None:
            return None
        body = text[start + 1 : end - 1]
        if kind == "DeclareMathOperator":
            body = f"\\operatorname{{{body}}}"
        if called not in _KEPT and f"\\{called}" not in re.findall(r"\\[A-Za-z@]+", body[:2000]):
            self._macros[called] = _Macro(count, default, body)
        return end

    def _theorem(self, text: str, at: int) -> int | None:
        start = after_spaces(text, at)
        end = group_end(text, start)
        if end is None:
            return None
        name = text[start + 1 : end - 1]
        shared = bracket(text, end)
        end = shared[1] if shared else end
        start = after_spaces(text, end)
        second = group_end(text, start)
        if second is None:
            return end
        self.theorems[name] = text[start + 1 : second - 1][:60]
        within = bracket(text, second)
        return within[1] if within else second

    def expand(self, text: str) -> str:
        """The text with the macros expanded, at most MAX_GROWTH times as long (but LEAST_CHARACTERS are allowed)."""
        self._left = max(MAX_GROWTH * len(text), LEAST_CHARACTERS)
        return self._expanded(text, 0)

    def _expanded(self, text: str, depth: int) -> str:
        parts, at = [], 0
        for match in _USE.finditer(text):
            if match.start() < at:
                continue
            if match[1] is None:
                end = text.find("\\end{" + text[match.start() + 7 : match.end()], match.end())
                if end >= 0:
                    parts.append(text[at:end])
                    at = end
                continue
            macro = self._macros.get(match[1])
            if macro is None:
                continue
            if depth >= MAX_DEPTH or self._left <= 0:
                self.exhausted = True
                break
            found = _arguments(text, match.end(), macro)
            if found is None:
                continue
            arguments, end = found
            body = _filled(macro.body, arguments)
            self._left -= len(body)
            parts.append(text[at : match.start()])
            inner = self._expanded(body, depth + 1) if self._left > 0 else body
            follows = text[end : end + 1]
            runs_on = inner[-1:].isalpha() and follows.isalpha() and re.search(r"\\[A-Za-z@]+$", inner[-50:])
            parts.append(inner + (" " if runs_on else ""))
            at = end
        return "".join([*parts, text[at:]])


def _filled(body: str, arguments: list[str]) -> str:
    """The body of a macro with its arguments in the places of `#1`, `#2`."""
    known = dict(enumerate(arguments, 1))
    return _PARAMETER.sub(lambda one: known.get(int(one[1]), ""), body)


def _arguments(text: str, at: int, macro: _Macro) -> tuple[list[str], int] | None:
    """(arguments, where they end); None where there are too few. Spaces after a macro without arguments are its own."""
    arguments = []
    count = macro.parameters
    if not count:
        following = after_spaces(text, at)
        return [], at if text[at:following].count("\n") else following if text[following : following + 1] not in (
            "",
            "\n",
        ) else at
    if macro.default is not None:
        found = bracket(text, at)
        arguments.append(found[0] if found else macro.default)
        at, count = found[1] if found else at, count - 1
    for _ in range(count):
        at = after_spaces(text, at)
        if text[at : at + 1] == "{":
            end = group_end(text, at)
            if end is None:
                return None
            arguments.append(text[at + 1 : end - 1])
        else:
            token = re.compile(r"\\(?:[A-Za-z@]+|.)|[^\s}]").match(text, at)
            if token is None:
                return None
            arguments.append(token[0])
            end = token.end()
        at = end
    return arguments, at
