"""Comments of LaTeX: from % to the end of a line, comment environments, and what `\\iffalse` and flags that are off hide."""

import re
from collections import Counter

_VERBATIM = re.compile(r"\\begin\{(verbatim|Verbatim|lstlisting|minted|alltt)(\*?)\}")
_PERCENT = re.compile(
    r"(\\verb\*?([^A-Za-z\s*]).{0,500}?\2|\\(?:url|href|path|nolinkurl)\s*\{[^{}\n]{0,2000}\})|"
    r"(?<!\\)((?:\\\\)*)%[^\n]*(\n[ \t]*)?"
)
_COMMENT_BEGIN = re.compile(r"\\begin\{comment\}")
_COMMENT_END = "\\end{comment}"
_CONDITIONAL = re.compile(r"\\(if[A-Za-z@]*|else|fi)(?![A-Za-z@])")
_NEW_FLAG = re.compile(r"\\newif\s*\\if([A-Za-z@]+)")
_SET_FLAG = re.compile(r"\\([A-Za-z@]+?)(true|false)(?![A-Za-z@])")


def without_comments(text: str, left_out: Counter[str]) -> str:
    """The text without comments; verbatim environments are left as they are."""
    parts, at, size = [], 0, len(text)
    never_ended: set[str] = set()
    for begin in _VERBATIM.finditer(text):
        closing = f"\\end{{{begin[1]}{begin[2]}}}"
        if begin.start() < at or closing in never_ended:
            continue
        end = text.find(closing, begin.end())
        if end < 0:
            never_ended.add(closing)
            continue
        parts += [_stripped(text[at : begin.start()]), text[begin.start() : end]]
        at = end
    clean = "".join([*parts, _stripped(text[at:])])
    clean = without_hidden(clean)
    left_out["comments"] += size - len(clean)
    return clean


def _stripped(text: str) -> str:
    text = _PERCENT.sub(lambda match: match[1] or match[3] + _kept_end(match), text)
    parts, at = [], 0
    while begin := _COMMENT_BEGIN.search(text, at):
        end = text.find(_COMMENT_END, begin.end())
        if end < 0:
            break
        parts.append(text[at : begin.start()])
        at = end + len(_COMMENT_END)
    return "".join([*parts, text[at:]])


def _kept_end(match: re.Match[str]) -> str:
    """A comment takes its line end along; one that has a line of its own leaves it, so that a blank line stays one."""
    before = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    following = match.string[match.end() : match.end() + 1]
    return "\n" if following == "\n" and before.strip() else ""


def without_hidden(text: str) -> str:
    """Without the branches that conditionals hide: `\\iffalse`, and flags of `\\newif` by how they are set last.

    Conditionals that depend on TeX itself (`\\ifx`, `\\ifnum`) keep both branches.
    """
    flags = dict.fromkeys(_NEW_FLAG.findall(text), False)
    for name, value in _SET_FLAG.findall(text):
        if name in flags:
            flags[name] = value == "true"
    text = _NEW_FLAG.sub("", text)
    out: list[str] = []
    stack: list[bool | None] = []  # of each open conditional: whether its branch is shown; None: both are
    hidden = at = 0  # how many of them hide
    for match in _CONDITIONAL.finditer(text):
        name = match[1]
        if name == "iff":
            continue
        if not hidden:
            out.append(text[at : match.start()])
        at = match.end()
        if name == "else":
            if stack and stack[-1] is not None:
                stack[-1] = not stack[-1]
                hidden += -1 if stack[-1] else 1
        elif name == "fi":
            if stack:
                hidden -= stack.pop() is False
        else:
            shown = name == "iftrue" if name in ("iffalse", "iftrue") else flags.get(name[2:])
            stack.append(shown)
            hidden += shown is False
            if shown is None and not hidden:
                out.append(match[0])  # left for what reads the text next
    if not hidden:
        out.append(text[at:])
    return "".join(out)
