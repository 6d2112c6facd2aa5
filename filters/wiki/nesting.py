"""Templates and links, resolved from the inside out with one stack: time is linear in the text, depth costs nothing.

What is never closed is text as it stands. Above MAX_DEPTH a template says nothing, so that what it holds is not copied
from level to level.
"""

import re
from collections.abc import Callable, Sequence

from gristmill.filters.wiki.verbatim import PIPE

MAX_DEPTH = 40  # as many levels of templates as MediaWiki itself would expand on a page
_TOKEN = re.compile(r"\{{2,}|\}{2,}|\[\[|\]\]|\|")
_ROOT, _TEMPLATE, _ARGUMENT, _LINK = range(4)
_OPENERS = ("", "{{", "{{{", "[[")

Resolve = Callable[[Sequence[str]], str | None]


class _Frame:
    """One open bracket: the arguments that have ended, and the parts of the one that has begun."""

    __slots__ = ("arguments", "kind", "parts")

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.arguments: list[str] = []
        self.parts: list[str] = []

    def separate(self) -> None:
        self.arguments.append("".join(self.parts))
        self.parts = []

    def values(self) -> list[str]:
        return [*self.arguments, "".join(self.parts)]

    def literal(self) -> list[str]:
        """What it is where nothing closes it, as parts of a text."""
        return [_OPENERS[self.kind], *(part for one in self.arguments for part in (one, "|")), *self.parts]


def resolve_nested(text: str, template: Resolve, link: Resolve) -> str:
    """The text with every template and link replaced by what it says.

    template, link: get the arguments (the name or target first), in which everything is resolved; what they return is
    text, in which bars separate nothing any more; None: the brackets are text.
    """
    stack = [_Frame(_ROOT)]
    braces = 0  # open templates and arguments
    at = 0
    for found in _TOKEN.finditer(text):
        top = stack[-1]
        if found.start() > at:
            top.parts.append(text[at : found.start()])
        at = found.end()
        token = found[0]
        if token == "|":
            if top.kind == _ROOT:
                top.parts.append("|")
            else:
                top.separate()
        elif token[0] == "{":
            kinds = [_ARGUMENT] if len(token) == 3 else [_TEMPLATE] * (len(token) // 2)
            top.parts.append("{" * (len(token) - sum(len(_OPENERS[kind]) for kind in kinds)))
            stack += map(_Frame, kinds)
            braces += len(kinds)
        elif token == "[[":
            stack.append(_Frame(_LINK))
        elif token == "]]":
            _close_link(stack, link)
        else:
            left = len(token)
            while left >= 2 and braces:
                left = _close_braces(stack, left, template)
                braces -= 1
            stack[-1].parts.append("}" * left)
    stack[-1].parts.append(text[at:])
    return "".join(part for frame in stack for part in frame.literal())


def _close_link(stack: list[_Frame], link: Resolve) -> None:
    if stack[-1].kind != _LINK:
        stack[-1].parts.append("]]")
        return
    frame = stack.pop()
    values = frame.values()
    said = None if "\n" in values[0] else link(values)
    stack[-1].parts += [*frame.literal(), "]]"] if said is None else [said.replace("|", PIPE)]


def _close_braces(stack: list[_Frame], left: int, template: Resolve) -> int:
    """Close the innermost template or argument; returns how many closing braces are left."""
    place = len(stack) - 1
    while stack[place].kind not in (_TEMPLATE, _ARGUMENT):
        place -= 1
    frame = stack[place]
    for unclosed in stack[place + 1 :]:
        frame.parts += unclosed.literal()
    del stack[place:]
    if frame.kind == _ARGUMENT and left == 2:  # "{{{!}}" is a brace and a template
        stack[-1].parts.append("{")
        frame.kind = _TEMPLATE
    if frame.kind == _TEMPLATE:
        said = template(frame.values()) if len(stack) <= MAX_DEPTH else ""
    else:
        said = frame.values()[1] if len(stack) <= MAX_DEPTH and frame.arguments else ""
    if said is None:
        stack[-1].parts += [*frame.literal(), "}}"]
    else:
        stack[-1].parts.append(said)
    return left - len(_OPENERS[frame.kind])
