"""What stands in wikitext and is no wikitext: comments, formulas, code, references, galleries.

Each piece that is text is set aside, and a mark of two control characters, which no XML can hold, stands for it until the
page is Markdown. References and galleries are left out and counted.
"""

import re
from collections import Counter
from html import unescape

from gristmill.filters.text.markdown_syntax import fenced

MARK, MARK_END, PIPE = "\x01", "\x02", "\x03"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MARKED = re.compile(f"{MARK}(\\d+){MARK_END}")

_LEFT_OUT = {
    "ref": "references",
    "references": "references",
    "gallery": "galleries",
    "timeline": "graphics",
    "imagemap": "graphics",
    "graph": "graphics",
    "mapframe": "graphics",
    "maplink": "graphics",
    "score": "graphics",
    "hiero": "graphics",
    "templatestyles": "styles",
    "templatedata": "styles",
    "style": "styles",
    "indicator": "styles",
    "inputbox": "styles",
    "categorytree": "styles",
    "includeonly": "for_other_pages",
}
_FORMULAS = ("math", "chem", "ce")
_CODE = ("syntaxhighlight", "source")
_NAMES = "|".join((*_LEFT_OUT, *_FORMULAS, *_CODE, "nowiki", "pre", "poem"))
_START = re.compile(rf"<!--|<({_NAMES})(\s[^<>]*?|)(/?)>", re.IGNORECASE)
_LANGUAGE = re.compile(r"\blang\s*=\s*[\"']?([\w+#.-]+)", re.IGNORECASE)
_INLINE = re.compile(r"(?:^|\s)inline(?:\s|=|$)", re.IGNORECASE)
_BLOCK_MATH = re.compile(r"display\s*=\s*[\"']?block", re.IGNORECASE)
_ALONE_BEFORE = re.compile(r"(?:^|\n)[:\s]*$")
_ALONE_AFTER = re.compile(r"[ \t]*[.,;:]?[ \t]*(?:\n|$)")


class Verbatim:
    """The pieces that are set aside, and how many of each kind were left out."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.blocks: set[int] = set()  # numbers of the pieces that are blocks of lines
        self.left_out: Counter[str] = Counter()

    def keep(self, text: str, *, block: bool = False) -> str:
        """Set a piece aside; returns the mark that stands for it."""
        if block:
            self.blocks.add(len(self.pieces))
        self.pieces.append(text)
        mark = f"{MARK}{len(self.pieces) - 1}{MARK_END}"
        return f"\n{mark}\n" if block else mark

    def restore(self, text: str) -> str:
        """The text with every mark replaced by its piece."""
        return _MARKED.sub(lambda found: self.pieces[int(found[1])], text) if MARK in text else text

    def block_of(self, line: str) -> str | None:
        """The block that a line stands for; None where it is another line."""
        found = _MARKED.fullmatch(line)
        return self.pieces[int(found[1])] if found and int(found[1]) in self.blocks else None


def set_aside(text: str, verbatim: Verbatim) -> str:
    """The wikitext without comments, references and galleries, with marks for what is to stay as it is."""
    text = _FORBIDDEN.sub("\ufffd", text)
    parts: list[str] = []
    ends = _Ends(text)
    at = 0
    while found := _START.search(text, at):
        parts.append(text[at : found.start()])
        at = _take(text, found, ends, parts, verbatim)
    parts.append(text[at:])
    return "".join(parts)


class _Ends:
    """Where elements end; a name that no end follows is looked for once only, so that unclosed ones cost nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._next: dict[str, re.Match[str] | None] = {}

    def after(self, name: str, place: int) -> tuple[int, int] | None:
        """(start, end) of the first end tag of this name at or after a place."""
        known = self._next.get(name)
        if name in self._next and (known is None or known.start() >= place):
            return None if known is None else known.span()
        pattern = self._patterns.setdefault(name, re.compile(rf"</{name}\s*>", re.IGNORECASE))
        found = self._next[name] = pattern.search(self._text, place)
        return None if found is None else found.span()


def _take(text: str, found: re.Match[str], ends: _Ends, parts: list[str], verbatim: Verbatim) -> int:
    """Deal with one comment or element; returns where the text goes on."""
    if found[1] is None:
        end = text.find("-->", found.end())
        end = len(text) if end < 0 else end + 3
        on_own_line = (not parts or not parts[-1] or parts[-1].endswith("\n")) and text[end : end + 1] == "\n"
        return end + 1 if on_own_line else end
    name, attributes, is_empty = found[1].lower(), found[2], bool(found[3])
    closed = None if is_empty else ends.after(name, found.end())
    if name in _LEFT_OUT:
        verbatim.left_out[_LEFT_OUT[name]] += 1
    if closed is None:  # an empty element, or one that is never closed: the tag alone is left out
        return found.end()
    content = text[found.end() : closed[0]]
    if name == "nowiki":
        parts.append(verbatim.keep(unescape(content)))
    elif name == "poem":
        parts.append("\n" + content.strip("\n").replace("\n", "<br>\n") + "\n")
    elif name in _FORMULAS:
        is_alone = bool(_ALONE_BEFORE.search("".join(parts[-3:])[-200:]) and _ALONE_AFTER.match(text, closed[1]))
        parts.append(_formula(name, attributes, content, is_alone, verbatim))
    elif name == "pre" or name in _CODE:
        code = unescape(content).strip("\n")
        if name in _CODE and _INLINE.search(attributes):
            parts.append(verbatim.keep(f"`{code.strip()}`"))
        else:
            language = _LANGUAGE.search(attributes) if name in _CODE else None
            parts.append(verbatim.keep(fenced(code, language[1] if language else ""), block=True))
    return closed[1]


def _formula(name: str, attributes: str, content: str, is_alone: bool, verbatim: Verbatim) -> str:
    tex = unescape(content).strip()
    if not tex:
        return ""
    if name != "math":
        tex = f"\\ce{{{tex}}}"
    dollars = "$$" if is_alone or _BLOCK_MATH.search(attributes) else "$"
    return verbatim.keep(f"{dollars}{tex}{dollars}")
