"""The body of a paper as Markdown: sections, lists, quotes and code as such, formulas as they stand, all else
without markup."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gristmill.filters.latex.environment_names import (
    CODE,
    FLOATS,
    LEFT_OUT,
    LISTS,
    MATH,
    QUOTES,
    THEOREMS,
    WITH_ARGUMENT,
)
from gristmill.filters.latex.environments import EnvironmentEnds, list_items, tables_within
from gristmill.filters.latex.formulas import MAX_MATH, between_dollars, formula_line
from gristmill.filters.latex.groups import after_brackets, after_groups, after_spaces, bracket, group_end
from gristmill.filters.latex.symbols import (
    ACCENTS,
    BEFORE_TEXT,
    CHARACTERS,
    ESCAPED,
    TEXT_AND_TOOLTIP,
    WITHOUT_TEXT,
    accented,
)
from gristmill.filters.latex.tidying import CITED, MARK, kept, tidied
from gristmill.filters.text.markdown_syntax import fenced, item

MAX_DEPTH = 120


@dataclass(frozen=True)
class LatexChoices:
    """What of a paper is kept: captions of figures and tables, tables as LaTeX, acknowledgements."""

    captions: bool = True
    tables: bool = False
    acknowledgements: bool = False


_NEXT = re.compile(r"[\\{}$~%]|``|''|---?|\n[ \t]*\n\s*|\n|&")
_COMMAND = re.compile(r"\\(?:([A-Za-z@]+)\*?[ \t]*\n?[ \t]*|([^A-Za-z@]|\n)|$)")
_BEGIN = re.compile(r"\{\s*([A-Za-z@]+)(\*?)\s*\}")
_CITE = re.compile(r"^[A-Za-z]*cite[A-Za-z]*$|^(?:bibentry|shortcite)$")
_LEVELS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
}
_END_SECTIONS = re.compile(r"^(?:acknowledge?ments?|references|bibliography)\.?$", re.IGNORECASE)
_CAPTION = re.compile(r"\\caption(of)?(?![A-Za-z])\*?\s*")
_LENGTH = re.compile(r"\*?(?:\s{0,20}\[\s*+-?[\d.]*+\s*+\\?[A-Za-z]{2,20}\s*+\])?")


class Writer:
    """Converts one paper. title: as it says; left_out: gets the characters that are not in the text."""

    def __init__(self, choices: LatexChoices, theorems: Mapping[str, str], left_out: Counter[str]) -> None:
        self.choices, self.left_out = choices, left_out
        self.theorems = {**THEOREMS, **theorems}
        self.title = ""
        self._ends: dict[int, EnvironmentEnds] = {}  # of the text that is parsed at each depth

    def convert(self, preamble: str, body: str) -> str:
        """The text of a paper."""
        for source in (preamble, body):
            found = re.search(r"\\(?:title|icmltitle|Title)\s*", source)
            if found and not self.title:
                short = bracket(source, found.end())
                start = short[1] if short else found.end()
                end = group_end(source, start)
                if end is not None:
                    self.title = " ".join(
                        tidied(self._parse(source[start + 1 : end - 1], 0)).replace("^[", " [").split()
                    )[:500]
        text = tidied(self._parse(body, 0))
        text = self._without_end_sections(text)
        return f"# {self.title}\n\n{text}".strip() if self.title else text

    def _without_end_sections(self, text: str) -> str:
        """Sections of acknowledgements and references go, up to the next section."""
        if self.choices.acknowledgements:
            return text
        kept, dropping = [], 0
        for paragraph in text.split("\n\n"):
            level = len(paragraph) - len(paragraph.lstrip("#")) if paragraph.startswith("#") else 0
            if level:
                if dropping and level > dropping:
                    self.left_out["acknowledgements"] += len(paragraph)
                    continue
                dropping = level if _END_SECTIONS.match(paragraph.lstrip("# ")) else 0
            if dropping:
                self.left_out["acknowledgements"] += len(paragraph)
            else:
                kept.append(paragraph)
        return "\n\n".join(kept)

    def _parse(self, text: str, depth: int) -> str:
        """LaTeX as text; blank lines between paragraphs, other line ends as they stand."""
        out: list[str] = []
        at = 0
        while True:
            found = _NEXT.search(text, at)
            if not found:
                out.append(text[at:])
                return "".join(out)
            out.append(text[at : found.start()])
            token = found[0]
            at = found.end()
            if token == "\\":
                piece, at = self._command(text, found.start(), depth)
                out.append(piece)
            elif token == "$":
                piece, at = between_dollars(text, found.start())
                out.append(piece)
            elif token == "{" or token == "}":
                continue
            elif token[0] == "\n":
                out.append("\n\n" if token.count("\n") > 1 else "\n")
            else:
                out.append(
                    {"~": " ", "``": "“", "''": "”", "--": "–", "---": "—", "&": " ", "%": "", "-": "-"}.get(
                        token, token
                    )
                )

    def _command(self, text: str, at: int, depth: int) -> tuple[str, int]:
        """What a command at a backslash gives, and where it and its arguments end."""
        found = _COMMAND.match(text, at)
        if not found:
            return "", at + 1
        name, single = found[1], found[2]
        after = found.end()
        if name is None:
            return self._single(text, single or "", after)
        if name == "begin":
            return self._environment(text, after, depth)
        if name in ("end", "item"):
            return ("", group_end(text, after) or after) if name == "end" else ("\n\n", after)
        if name in _LEVELS:
            short = bracket(text, after)
            inner, after = self._argument(text, short[1] if short else after, depth)
            return f"\n\n{'#' * _LEVELS[name]} {' '.join(tidied(inner).split())}\n\n", after
        if name in ("verb", "lstinline", "mintinline"):
            return self._verb(text, at + 1 + len(name))
        if _CITE.match(name):
            return CITED, self._skipped(text, after, 1)
        if name in WITHOUT_TEXT:
            mark = CITED if "ref" in name else ""
            return mark, self._skipped(text, after, WITHOUT_TEXT[name])
        if name in ("footnote", "footnotetext"):
            inner, after = self._argument(text, (bracket(text, after) or ("", after))[1], depth)
            return f"^[{' '.join(tidied(inner).split())}]", after
        if name == "href":
            end = group_end(text, after)
            return self._argument(text, end if end is not None else after, depth)
        if name in ("url", "nolinkurl", "path"):
            end = group_end(text, after)
            return (text[after + 1 : end - 1], end) if end is not None else ("", after)
        if name in ("title", "icmltitle"):
            short = bracket(text, after)
            return "", group_end(text, short[1] if short else after) or after
        if name in ("caption", "captionof"):
            return self._caption(text, self._skipped(text, after, 1) if name == "captionof" else after, depth)
        if name in BEFORE_TEXT:
            return "", self._skipped(text, after, BEFORE_TEXT[name])
        if name in TEXT_AND_TOOLTIP:
            inner, after = self._argument(text, after, depth)
            return inner, group_end(text, after_spaces(text, after)) or after
        if name in ("textsuperscript", "textsubscript"):
            inner, after = self._argument(text, after, depth)
            return f"{'^' if 'super' in name else '_'}{{{inner.strip()}}}", after
        if name in ACCENTS:
            return self._accent(text, name, after)
        if name in CHARACTERS:
            return CHARACTERS[name], after
        if name == "ensuremath":
            end = group_end(text, after)
            return (f"${formula_line(text[after + 1 : end - 1])}$", end) if end is not None else ("", after)
        after = after_brackets(text, after)
        spaced = " " if text[after - 1 : after].isspace() and text[after : after + 1] != "{" else ""
        return spaced, after

    def _single(self, text: str, single: str, after: int) -> tuple[str, int]:
        if single in "([":
            closing = "\\)" if single == "(" else "\\]"
            end = text.find(closing, after, after + MAX_MATH)
            if end < 0:
                return "", after
            math = formula_line(text[after:end])
            return (f"${math}$" if single == "(" else f"\n\n$${MARK}{math}{MARK}$$\n\n") if math else "", end + 2
        if single == "\\":
            skipped = _LENGTH.match(text, after)
            return MARK, skipped.end() if skipped else after
        if single in ACCENTS:
            return self._accent(text, single, after)
        return ESCAPED.get(single, ""), after

    def _accent(self, text: str, accent: str, after: int) -> tuple[str, int]:
        end = group_end(text, after)
        letter, after = (text[after + 1 : end - 1], end) if end is not None else (text[after : after + 1], after + 1)
        if letter == "\\":
            command = re.compile(r"([A-Za-z]+)[ \t]*").match(text, after)
            letter, after = (CHARACTERS.get(command[1], ""), command.end()) if command else ("", after)
        elif letter.startswith("\\"):
            letter = CHARACTERS.get(letter[1:].strip(), letter[1:2])
        return accented(accent, letter), after

    def _argument(self, text: str, at: int, depth: int) -> tuple[str, int]:
        """The next group as text, and where it ends."""
        while text[at : at + 1].isspace():
            at += 1
        end = group_end(text, at)
        if end is None:
            return "", at
        inner = text[at + 1 : end - 1]
        return (self._parse(inner, depth + 1) if depth < MAX_DEPTH else inner.replace("\\", "")), end

    def _skipped(self, text: str, at: int, groups: int) -> int:
        """Where `groups` groups end, with brackets and a star before and between them."""
        return after_groups(text, at + (text[at : at + 1] == "*"), groups)[0]

    def _verb(self, text: str, at: int) -> tuple[str, int]:
        at += text[at : at + 1] == "*"
        if text[at : at + 1] == "[" and (options := bracket(text, at)):
            at = options[1]
        mark = text[at : at + 1]
        end = text.find("}" if mark == "{" else mark, at + 1, at + 1000) if mark.strip() else -1
        if end < 0:
            return "", at
        code = text[at + 1 : end]
        ticks = "``" if "`" in code else "`"
        return f"{ticks}{code}{ticks}", end + 1

    def _caption(self, text: str, after: int, depth: int) -> tuple[str, int]:
        short = bracket(text, after)
        inner, end = self._argument(text, short[1] if short else after, depth)
        said = " ".join(tidied(inner).split())
        if not self.choices.captions:
            self.left_out["captions"] += len(said)
            return "", end
        return f"\n\n{said}\n\n", end

    def _environment(self, text: str, after: int, depth: int) -> tuple[str, int]:
        """What an environment gives, and where it ends."""
        found = _BEGIN.match(text, after)
        if not found:
            return "", after
        name, star, start = found[1], found[2], found.end()
        ends = self._ends.get(depth)
        if ends is None or ends.text is not text:
            ends = self._ends[depth] = EnvironmentEnds(text)
        end, after = ends.of(name + star, start)
        inner = text[start:end]
        if name in MATH:
            math = formula_line(inner)
            if name not in ("equation", "displaymath", "math", "subequations", "dmath"):
                math = f"\\begin{{{name}{star}}}{MARK}{math}{MARK}\\end{{{name}{star}}}"
            return f"\n\n$${MARK}{math}{MARK}$$\n\n" if math.strip() else "", after
        if name in CODE:
            code = (inner[bracket(inner, 0)[1] :] if inner[:1] == "[" and bracket(inner, 0) else inner).strip("\n")  # type: ignore[index]
            code = re.sub(r"^\{[\w+#-]{1,30}\}\n", "", code) if name == "minted" else code
            if not code.strip():
                return "\n\n", after
            return f"\n\n{kept(fenced(code))}\n\n", after
        reason = LEFT_OUT.get(name)
        if reason == "acknowledgements" and self.choices.acknowledgements:
            reason = None
        if reason == "tables" and self.choices.tables:
            table = f"\\begin{{{name}{star}}}{inner}\\end{{{name}{star}}}"
            return f"\n\n{kept(table)}\n\n", after
        if reason:
            self.left_out[reason] += len(inner)
            return "\n\n", after
        if depth >= MAX_DEPTH:
            return inner.replace("\\", ""), after
        if name in FLOATS:
            return self._float(inner, depth), after
        if name not in self.theorems:
            inner = inner[after_brackets(inner, 0) :]
        if name in LISTS:
            return self._list(inner, name, depth), after
        if name in QUOTES:
            quoted = tidied(self._parse(inner, depth + 1))
            return "\n\n" + kept("\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))) + "\n\n", after
        if name == "abstract":
            return f"\n\n## Abstract\n\n{self._parse(inner, depth + 1)}\n\n", after
        if name in self.theorems:
            return self._theorem(inner, name, depth), after
        if name in WITH_ARGUMENT:
            inner = inner[self._skipped(inner, 0, 1) :]
        return f"\n\n{self._parse(inner, depth + 1)}\n\n", after

    def _float(self, inner: str, depth: int) -> str:
        """Captions of a figure or table, and its table where tables are kept."""
        parts = []
        for found in _CAPTION.finditer(inner):
            said, _ = self._caption(inner, self._skipped(inner, found.end(), 1) if found[1] else found.end(), depth)
            parts.append(said)
        tables = tables_within(inner)
        if tables and self.choices.tables:
            parts += [f"\n\n{kept(table)}\n\n" for table in tables]
        self.left_out["tables" if tables else "figures"] += max(len(inner) - sum(map(len, parts)), 0)
        return "".join(parts)

    def _list(self, inner: str, name: str, depth: int) -> str:
        pieces = list_items(inner)
        self_text = []
        for number, (label, content) in enumerate(pieces, 1):
            text = tidied(self._parse(content, depth + 1), between="\n")
            said = tidied(self._parse(label, depth + 1)) if label else ""
            mark = f"{number}. " if "enum" in name and not said else "- "
            head = f"{said} {text}".strip() if said else text
            if head:
                self_text.append(item(mark, head))
        return "\n\n" + kept("\n".join(self_text)) + "\n\n"

    def _theorem(self, inner: str, name: str, depth: int) -> str:
        note = bracket(inner, 0) if inner.lstrip()[:1] == "[" else None
        called = self.theorems[name]
        said = f" ({tidied(self._parse(note[0], depth + 1))})" if note else ""
        text = self._parse(inner[note[1] if note else 0 :], depth + 1).strip()
        return f"\n\n{tidied(self._parse(called, depth + 1))}{said}. {text}\n\n"
