"""The body of a paper as Markdown: sections, lists, quotes and code as such, formulas as they stand, all else
without markup."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gristmill.filters.latex.environments import EnvironmentEnds
from gristmill.filters.latex.groups import after_brackets, after_spaces, bracket, group_end
from gristmill.filters.latex.symbols import ACCENTS, CHARACTERS, ESCAPED, WITHOUT_TEXT, accented

MAX_DEPTH = 120
MAX_MATH = 20_000


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
_MATH = {
    "equation",
    "eqnarray",
    "align",
    "alignat",
    "gather",
    "multline",
    "flalign",
    "displaymath",
    "math",
    "dmath",
    "IEEEeqnarray",
    "subequations",
    "xalignat",
    "aligned",
    "equationarray",
    "darray",
}
_FLOATS = {
    "figure",
    "table",
    "wrapfigure",
    "wraptable",
    "sidewaysfigure",
    "sidewaystable",
    "subfigure",
    "SCfigure",
    "longtable",
    "teaserfigure",
}
_OUT = {
    "tikzpicture": "pictures", "picture": "pictures", "pgfpicture": "pictures", "pspicture": "pictures",
    "asy": "pictures", "thebibliography": "references", "references": "references", "bibliography": "references",
    "filecontents": "files", "CCSXML": "keywords", "keywords": "keywords", "IEEEkeywords": "keywords",
    "keyword": "keywords", "tabular": "tables", "tabularx": "tables", "array": "tables", "deluxetable": "tables",
    "tabulary": "tables", "xy": "pictures", "comment": "comments", "acknowledgments": "acknowledgements",
    "acknowledgements": "acknowledgements", "ack": "acknowledgements", "theindex": "index",
}  # fmt: skip
_CODE = {"verbatim", "Verbatim", "lstlisting", "minted", "alltt", "code"}
_LISTS = {"itemize", "enumerate", "description", "compactitem", "compactenum", "inparaenum", "list", "trivlist"}
_QUOTES = {"quote", "quotation", "verse", "displayquote"}
_CALLED = [
    "Theorem",
    "Lemma",
    "Proposition",
    "Corollary",
    "Definition",
    "Proof",
    "Remark",
    "Example",
    "Conjecture",
    "Claim",
    "Fact",
]
_THEOREMS = {
    **{name.lower(): name for name in _CALLED},
    "thm": "Theorem", "lem": "Lemma", "prop": "Proposition", "cor": "Corollary", "defn": "Definition", "rem": "Remark",
    "pf": "Proof",
}  # fmt: skip
_END_SECTIONS = re.compile(r"^(?:acknowledge?ments?|references|bibliography)\.?$", re.IGNORECASE)
_LENGTH = re.compile(r"\*?(?:\s{0,20}\[\s*+-?[\d.]*+\s*+\\?[A-Za-z]{2,20}\s*+\])?")
_MATH_LABELS = re.compile(r"\\(?:label|tag)\s*\{[^{}]*\}|\\(?:nonumber|notag|ensuremath|xspace)(?![A-Za-z])")
_BLANKS = re.compile(r"[ \t\n]+")
_GAPS = re.compile(r"\n{3,}")
_BARE = re.compile(r"[ \t]+([,.;:)\]])")
_CITED = "\ufdd0"  # stands where a citation or reference was
_BRACKETED = re.compile(r" ?[(\[](?:[\s,;\ufdd0]|and|see|e\.g\.|cf\.)*[)\]]")
_MARK = "\ufdd1"  # stands for a line end that is kept, while text is gathered
_SPACE, _TAB = "\ufdd2", "\ufdd3"  # spaces that are kept
_MARKS = str.maketrans({_MARK: "\n", _SPACE: " ", _TAB: "\t"})


class Writer:
    """Converts one paper. title: as it says; left_out: gets the characters that are not in the text."""

    def __init__(self, choices: LatexChoices, theorems: Mapping[str, str], left_out: Counter[str]) -> None:
        self.choices, self.left_out = choices, left_out
        self.theorems = {**_THEOREMS, **theorems}
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
                        self._tidy(self._parse(source[start + 1 : end - 1], 0)).replace("^[", " [").split()
                    )[:500]
        text = self._tidy(self._parse(body, 0))
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

    def _tidy(self, text: str) -> str:
        """Paragraphs on one line each; what is marked keeps its lines."""
        paragraphs = []
        for paragraph in re.split(r"\n\s*\n", text):
            line = _BLANKS.sub(" ", paragraph).strip()
            if _MARK in line:
                line = re.sub(rf" ?{_MARK} ?", _MARK, line).strip(_MARK + " ")
            line = _BRACKETED.sub(lambda found: "" if _CITED in found[0] else found[0], line).replace(_CITED, "")
            line = _BLANKS.sub(" ", _BARE.sub(r"\1", line)).strip()
            if line:
                paragraphs.append(line)
        return _GAPS.sub("\n\n", "\n\n".join(paragraphs)).translate(_MARKS)

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
                piece, at = self._dollars(text, found.start())
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

    def _dollars(self, text: str, at: int) -> tuple[str, int]:
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
        math = _formula(text[start:end])
        if display:
            return f"\n\n$${_MARK}{math}{_MARK}$$\n\n" if math else "", end + 2
        return f"${math}$" if math else "", end + 1

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
            return f"\n\n{'#' * _LEVELS[name]} {' '.join(self._tidy(inner).split())}\n\n", after
        if name in ("verb", "lstinline", "mintinline"):
            return self._verb(text, at + 1 + len(name))
        if _CITE.match(name):
            return _CITED, self._skipped(text, after, 1)
        if name in WITHOUT_TEXT:
            mark = _CITED if "ref" in name else ""
            return mark, self._skipped(text, after, WITHOUT_TEXT[name])
        if name in ("footnote", "footnotetext"):
            inner, after = self._argument(text, (bracket(text, after) or ("", after))[1], depth)
            return f"^[{' '.join(self._tidy(inner).split())}]", after
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
        if name in ("textcolor", "colorbox", "parbox", "raisebox", "scalebox", "resizebox", "multicolumn", "multirow"):
            return "", self._skipped(text, after, 2 if name in ("multicolumn", "multirow", "resizebox") else 1)
        if name in ("textsuperscript", "textsubscript"):
            inner, after = self._argument(text, after, depth)
            return f"{'^' if 'super' in name else '_'}{{{inner.strip()}}}", after
        if name in ACCENTS:
            return self._accent(text, name, after)
        if name in CHARACTERS:
            return CHARACTERS[name], after
        if name == "ensuremath":
            end = group_end(text, after)
            return (f"${_formula(text[after + 1 : end - 1])}$", end) if end is not None else ("", after)
        after = after_brackets(text, after)
        spaced = " " if text[after - 1 : after].isspace() and text[after : after + 1] != "{" else ""
        return spaced, after

    def _single(self, text: str, single: str, after: int) -> tuple[str, int]:
        if single in "([":
            closing = "\\)" if single == "(" else "\\]"
            end = text.find(closing, after, after + MAX_MATH)
            if end < 0:
                return "", after
            math = _formula(text[after:end])
            return (f"${math}$" if single == "(" else f"\n\n$${_MARK}{math}{_MARK}$$\n\n") if math else "", end + 2
        if single == "\\":
            skipped = _LENGTH.match(text, after)
            return _MARK, skipped.end() if skipped else after
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
        if text[at : at + 1] == "*":
            at += 1
        for _ in range(groups):
            while found := bracket(text, at):
                at = found[1]
            end = group_end(text, after_spaces(text, at))
            if end is None:
                return at
            at = end
        return at

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
        said = " ".join(self._tidy(inner).split())
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
        if name in _MATH:
            math = _formula(inner)
            if name not in ("equation", "displaymath", "math", "subequations", "dmath"):
                math = f"\\begin{{{name}{star}}}{_MARK}{math}{_MARK}\\end{{{name}{star}}}"
            return f"\n\n$${_MARK}{math}{_MARK}$$\n\n" if math.strip() else "", after
        if name in _CODE:
            code = (inner[bracket(inner, 0)[1] :] if inner[:1] == "[" and bracket(inner, 0) else inner).strip("\n")  # type: ignore[index]
            code = re.sub(r"^\{[\w+#-]{1,30}\}\n", "", code) if name == "minted" else code
            fence = "```" if "```" not in code else "````"
            if not code.strip():
                return "\n\n", after
            return f"\n\n{fence}{_MARK}{_kept(code)}{_MARK}{fence}\n\n", after
        reason = _OUT.get(name)
        if reason == "acknowledgements" and self.choices.acknowledgements:
            reason = None
        if reason == "tables" and self.choices.tables:
            table = f"\\begin{{{name}{star}}}{inner}\\end{{{name}{star}}}"
            return f"\n\n{_kept(table)}\n\n", after
        if reason:
            self.left_out[reason] += len(inner)
            return "\n\n", after
        if depth >= MAX_DEPTH:
            return inner.replace("\\", ""), after
        if name in _FLOATS:
            return self._float(inner, depth), after
        if name not in self.theorems:
            inner = inner[after_brackets(inner, 0) :]
        if name in _LISTS:
            return self._list(inner, name, depth), after
        if name in _QUOTES:
            quoted = self._tidy(self._parse(inner, depth + 1))
            return "\n\n" + _kept("\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))) + "\n\n", after
        if name == "abstract":
            return f"\n\n## Abstract\n\n{self._parse(inner, depth + 1)}\n\n", after
        if name in self.theorems:
            return self._theorem(inner, name, depth), after
        if name in (
            "minipage",
            "multicols",
            "adjustwidth",
            "spacing",
            "tcolorbox_",
            "center_",
            "subfigure",
            "wrapfigure",
        ):
            inner = inner[self._skipped(inner, 0, 1) :]
        return f"\n\n{self._parse(inner, depth + 1)}\n\n", after

    def _float(self, inner: str, depth: int) -> str:
        """Captions of a figure or table, and its table where tables are kept."""
        parts = []
        for found in _CAPTION.finditer(inner):
            said, _ = self._caption(inner, self._skipped(inner, found.end(), 1) if found[1] else found.end(), depth)
            parts.append(said)
        tables = _tables(inner)
        if tables and self.choices.tables:
            parts += [f"\n\n{_kept(table)}\n\n" for table in tables]
        self.left_out["tables" if tables else "figures"] += max(len(inner) - sum(map(len, parts)), 0)
        return "".join(parts)

    def _list(self, inner: str, name: str, depth: int) -> str:
        pieces = _items(inner)
        self_text = []
        for number, (label, content) in enumerate(pieces, 1):
            text = self._tidy(self._parse(content, depth + 1)).replace("\n\n", "\n")
            said = self._tidy(self._parse(label, depth + 1)) if label else ""
            mark = f"{number}. " if "enum" in name and not said else "- "
            head = f"{said} {text}".strip() if said else text
            if head:
                self_text.append(mark + head.replace("\n", "\n" + " " * len(mark)))
        return "\n\n" + _kept("\n".join(self_text)) + "\n\n"

    def _theorem(self, inner: str, name: str, depth: int) -> str:
        note = bracket(inner, 0) if inner.lstrip()[:1] == "[" else None
        called = self.theorems[name]
        said = f" ({self._tidy(self._parse(note[0], depth + 1))})" if note else ""
        text = self._parse(inner[note[1] if note else 0 :], depth + 1).strip()
        return f"\n\n{self._tidy(self._parse(called, depth + 1))}{said}. {text}\n\n"


_CAPTION = re.compile(r"\\caption(of)?(?![A-Za-z])\*?\s*")
_TABULAR = re.compile(r"\\(?:(begin)|end)\{tabular[xy*]?\}")


def _tables(inner: str) -> list[str]:
    """The tables in a float, as LaTeX."""
    found, start = [], None
    for edge in _TABULAR.finditer(inner):
        if edge[1]:
            start = edge.start() if start is None else start
        elif start is not None:
            found.append(inner[start : edge.end()])
            start = None
    return found


_ITEM = re.compile(
    r"\\(?:(item)(?![A-Za-z])|(begin|end)\{(?:itemize|enumerate|description|compactitem|compactenum|list|trivlist)\})"
)


def _items(inner: str) -> list[tuple[str, str]]:
    """(label, content) of the items of a list, those of lists within it left in their items."""
    starts, depth = [], 0
    for found in _ITEM.finditer(inner):
        if found[1]:
            if not depth:
                starts.append((found.start(), found.end()))
        else:
            depth = max(depth + (1 if found[2] == "begin" else -1), 0)
    items: list[tuple[str, str]] = []
    if not starts:
        return [("", inner)]
    for (_, after), (until, _) in zip(starts, [*starts[1:], (len(inner), 0)], strict=True):
        label = bracket(inner, after)
        items.append((label[0], inner[label[1] : until]) if label and label[1] <= until else ("", inner[after:until]))
    return items


def _formula(math: str) -> str:
    """A formula on one line, without labels and numbers."""
    return _BLANKS.sub(" ", _MATH_LABELS.sub("", math)).strip()


def _kept(text: str) -> str:
    """Lines that stay lines, and are no paragraphs, and spaces that stay."""
    return text.replace("\n", _MARK).replace(" ", _SPACE).replace("\t", _TAB)
