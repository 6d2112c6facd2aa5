"""An article in JATS (or the NLM DTD before it) as Markdown: title, abstract, sections, formulas as LaTeX; references out."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gristmill.filters.jats.mathml import latex_of_mathml, latex_of_tex_math
from gristmill.filters.safe_xml import first_named, local_name, parse_xml, text_of
from lxml import etree

_DIGITS = re.compile("[0-9]{1,4}")
_YEAR = re.compile("[0-9]{4}")
_SPACES = re.compile(r"[ \t\r\n\u00a0]+")
_SHOWN = re.compile(r"[^#>\s-]")
_SPACE_BEFORE = re.compile(r" +([,.;:)\]])")
_CITED = "\ufdd0"  # stands where a number that cites was; no character, so that no text has it
_BRACKETED = re.compile(r" ?[\[(](?:[\s,;–\ufdd0-]|and|et al\.)*[\])]")
_SUPER = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_SUB = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_LEFT_OUT_NAMES = """
ref-list ack fn-group notes bio author-notes supplementary-material media object-id graphic inline-graphic label
permissions contrib-group aff funding-group processing-meta attrib floats-wrap
"""
_LEFT_OUT = frozenset(_LEFT_OUT_NAMES.split())
_SUB_ARTICLES = {"sub-article", "response"}
_END_MATTER = re.compile(
    r"(?:acknowledge?ments?|competing interests?|(?:declaration of )?conflicts? of interests?|authors?['’]? "
    r"contributions?|funding|"
    r"supplement(?:al|ary) (?:materials?|information|data|files?)|supporting information|pre-?publication history|"
    r"additional (?:files?|information)|data accessibility|(?:data|code) availability(?: statement)?|financial disclosure|"
    r"footnotes|references|bibliography|abbreviations used|ethics (?:statement|approval)[^.]{0,40}|publisher['’]s note)\W*$",
    re.IGNORECASE,
)
_NOTE_CHARACTERS = 500
MAX_DEPTH_SHOWN = 6
MAX_PADDED_CELLS = 1_000_000  # of a table above, rows stay as short as they are, which Markdown allows


@dataclass(frozen=True)
class ArticleChoices:
    """What of an article is kept: tables as Markdown, captions of figures and tables, and the letters of editors with the
    answers to them (sub-articles)."""

    tables: bool = False
    captions: bool = True
    sub_articles: bool = False


@dataclass
class Article:
    """text: Markdown, "" where the article has none. left_out: characters not in it, by the element that holds them."""

    text: str
    notes: dict[str, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    damage: str | None = None  # what is no XML in it, so that something may be missing


def article_of(raw: bytes, choices: ArticleChoices | None = None) -> Article | None:
    """The article in a JATS file; None for what is no article."""
    damage: list[str] = []
    root = parse_xml(raw, damage)
    elements = root.iter() if root is not None else ()
    article = next((one for one in elements if local_name(one) in ("article", "book-part-wrapper")), None)
    if article is None:
        return None
    writer = _Writer(choices or ArticleChoices())
    meta = _child(_child(article, "front"), "article-meta")
    title = first_named(meta, "article-title")
    if title is not None:
        writer.add("# " + writer.inline(title))
    for abstract in _all(meta, "abstract"):
        if abstract.get("abstract-type") in (
            "graphical",
            "toc",
            "teaser",
            "key-points",
            "executive-summary",
            "web-summary",
            "precis",
        ):
            writer.leave_out(abstract)
            continue
        heading = _child(abstract, "title")
        writer.add("## " + (writer.inline(heading) if heading is not None else "Abstract"))
        writer.blocks(abstract, 2, skip_title=True)
    for part in article:
        name = local_name(part)
        if name in ("body", "floats-group", "back"):
            writer.blocks(part, 1)
        elif name in _SUB_ARTICLES:
            writer.sub_article(part)
    return Article(writer.text(), _notes(article, meta), writer.left_out, damage[0] if damage else None)


class _Writer:
    """Paragraphs of Markdown, and what was left out of them."""

    def __init__(self, choices: ArticleChoices) -> None:
        self.choices = choices
        self.parts: list[str] = []
        self.left_out: Counter[str] = Counter()

    def add(self, text: str) -> None:
        if _SHOWN.search(text):
            self.parts.append(text)

    def text(self) -> str:
        return "\n\n".join(self.parts)

    def leave_out(self, element: etree._Element, name: str = "") -> None:
        self.left_out[name or local_name(element)] += len(text_of(element))

    def blocks(self, parent: etree._Element, level: int, *, skip_title: bool = False) -> None:
        """The block elements below one, in order; text that stands beside them is a paragraph."""
        loose: list[str] = [parent.text or ""]
        for child in parent:
            name = local_name(child)
            if name in _INLINE or not isinstance(child.tag, str):
                loose.append(self.inline_of(child) if isinstance(child.tag, str) else "")
            else:
                self._loose(loose)
                if not (skip_title and name == "title"):
                    self.block(child, name, level)
            loose.append(child.tail or "")
        self._loose(loose)

    def _loose(self, loose: list[str]) -> None:
        text = _tidy("".join(loose))
        loose.clear()
        self.add(text)

    def block(self, element: etree._Element, name: str, level: int) -> None:
        if name in _LEFT_OUT:
            self.leave_out(element)
        elif name in _SUB_ARTICLES:
            self.sub_article(element)
        elif name == "title":
            self.add("#" * min(level, MAX_DEPTH_SHOWN) + " " + self.inline(element))
        elif name in ("sec", "app", "glossary", "boxed-text"):
            self._section(element, level)
        elif name in ("disp-formula", "disp-formula-group"):
            for formula in [element] if name == "disp-formula" else _all(element, "disp-formula"):
                latex = self.formula(formula)
                self.add(f"$$\n{latex}\n$$" if latex else "")
        elif name == "list":
            self._list(element, level)
        elif name == "def-list":
            for item in _all(element, "def-item"):
                term, meaning = _child(item, "term"), _child(item, "def")
                if term is not None:
                    self.add(f"{self.inline(term)}: {self.inline(meaning) if meaning is not None else ''}".rstrip(": "))
        elif name in ("disp-quote", "speech", "statement", "verse-group"):
            self._quote(element, level)
        elif name in ("code", "preformat"):
            self.add("```\n" + text_of(element).strip("\n") + "\n```")
        elif name in ("fig", "table-wrap"):
            self._float(element, name)
        else:
            self.blocks(element, level)

    def _section(self, element: etree._Element, level: int) -> None:
        """A section; nothing of one that is end matter by its title, or has nothing but a title."""
        title = _child(element, "title")
        if title is not None and _END_MATTER.match(text_of(title).strip()):
            self.leave_out(element, "end_matter")
            return
        before = len(self.parts)
        self.blocks(element, level + 1)
        if title is not None and len(self.parts) == before + 1 and self.parts[-1].startswith("#"):
            self.parts.pop()

    def sub_article(self, element: etree._Element) -> None:
        if not self.choices.sub_articles:
            self.leave_out(element)
            return
        title = first_named(element, "article-title")
        if title is not None:
            self.add("## " + self.inline(title))
        for body in _all(element, "body"):
            self.blocks(body, 2)

    def _list(self, element: etree._Element, level: int) -> None:
        ordered = element.get("list-type") in ("order", "number", "arabic")
        items = []
        for number, item in enumerate(_all(element, "list-item"), 1):
            inner = _Writer(self.choices)
            inner.blocks(item, level)
            self.left_out += inner.left_out
            mark = f"{number}. " if ordered else "- "
            items.append(mark + inner.text().replace("\n\n", "\n").replace("\n", "\n" + " " * len(mark)))
        self.add("\n".join(item for item in items if item.strip("- .0123456789")))

    def _quote(self, element: etree._Element, level: int) -> None:
        inner = _Writer(self.choices)
        inner.blocks(element, level)
        self.left_out += inner.left_out
        prefix = "> " if local_name(element) == "disp-quote" else ""
        separator = "\n" if local_name(element) == "verse-group" else "\n\n"
        self.add("\n".join((prefix + line).rstrip() for line in inner.text().replace("\n\n", separator).split("\n")))

    def _float(self, element: etree._Element, name: str) -> None:
        caption, label = _child(element, "caption"), _child(element, "label")
        if caption is not None and self.choices.captions:
            said = [self.inline(part) for part in caption if local_name(part) in ("title", "p")]
            first = self.inline(label).rstrip(".:") + "." if label is not None else ""
            self.add(" ".join(part for part in [first, *said] if part))
        elif caption is not None:
            self.leave_out(caption, "captions")
        if name != "table-wrap":
            return
        for table in _outermost(element, "table"):
            if self.choices.tables:
                self.add(self._table(table))
            else:
                self.leave_out(table, "tables")
        for foot in _all(element, "table-wrap-foot"):
            self.leave_out(foot)

    def _table(self, table: etree._Element) -> str:
        rows: list[list[str]] = []
        for row in _outermost(table, "tr"):
            cells: list[str] = []
            for cell in (one for one in row if local_name(one) in ("td", "th")):
                cells.append(self.inline(cell).replace("|", "\\|").replace("\n", " "))
                cells += [""] * (min(_number(cell.get("colspan")), 100) - 1)
            rows.append(cells)
        width = max(map(len, rows), default=0)
        if not width:
            return ""
        pads = width * len(rows) <= MAX_PADDED_CELLS
        lines = ["| " + " | ".join(row + [""] * (width - len(row) if pads else 0)) + " |" for row in rows]
        return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])

    def inline(self, element: etree._Element) -> str:
        """The text of an element and what is in it, on one line."""
        return _tidy("".join(self._inner(element)))

    def inline_of(self, element: etree._Element) -> str:
        """An inline element as text, not tidied."""
        name = local_name(element)
        if name in ("inline-formula", "tex-math", "math"):
            latex = self.formula(element)
            return f"${latex}$" if latex else ""
        if name == "disp-formula":
            latex = self.formula(element)
            return f" $${latex}$$ " if latex else ""
        if name in ("sup", "sub"):
            return self._script(element, name)
        if name == "xref" and element.get("ref-type") == "bibr" and text_of(element).strip("[]()*†,; ").isdigit():
            return _CITED
        if name == "break":
            return " "
        if name in _LEFT_OUT or name in ("fn", "alt-text", "long-desc"):
            self.leave_out(element)
            return ""
        return "".join(self._inner(element))

    def _inner(self, element: etree._Element) -> Iterator[str]:
        yield element.text or ""
        for child in element:
            if isinstance(child.tag, str):
                block = local_name(child) in ("p", "title", "list-item", "td", "disp-quote")
                yield (" " if block else "") + self.inline_of(child) + (" " if block else "")
            yield child.tail or ""

    def _script(self, element: etree._Element, name: str) -> str:
        text = "".join(self._inner(element)).strip()
        only_references = all(local_name(child) == "xref" for child in element) and len(element) > 0
        if not text.strip(",–- " + _CITED) or (only_references and not text.strip("0123456789,–- " + _CITED)):
            return ""
        table = _SUPER if name == "sup" else _SUB
        written = text.translate(table)
        if all(ord(one) in table for one in text):
            return written
        return f"{'^' if name == 'sup' else '_'}{text if len(text) == 1 else f'{{{text}}}'}"

    def formula(self, element: etree._Element) -> str:
        """LaTeX of a formula: what it holds as such, else its MathML, else its text."""
        inside = [element, *element.iter()]
        tex = next((one for one in inside if local_name(one) == "tex-math"), None)
        if tex is not None and (latex := latex_of_tex_math(text_of(tex))):
            return latex
        math = next((one for one in inside if local_name(one) == "math"), None)
        if math is not None:
            return latex_of_mathml(math)
        return _tidy("".join(self._inner(element))) if local_name(element) not in ("tex-math", "math") else ""


_INLINE_NAMES = """
bold italic sup sub sc underline overline strike monospace roman sans-serif styled-content xref ext-link uri email
named-content inline-formula math tex-math abbrev milestone-start fn milestone-end break inline-graphic private-char
chem-struct inline-supplementary-material related-article related-object institution target term fixed-case ruby rb
rt string-name year source x hr
"""
_INLINE = frozenset(_INLINE_NAMES.split())


def _tidy(text: str) -> str:
    text = _BRACKETED.sub(lambda found: "" if _CITED in found[0] else found[0], _SPACES.sub(" ", text)).replace(
        _CITED, ""
    )
    text = _SPACES.sub(" ", text)
    return _SPACE_BEFORE.sub(r"\1", text).strip()


def _child(element: etree._Element | None, name: str) -> etree._Element | None:
    return next((one for one in element if local_name(one) == name), None) if element is not None else None


def _all(element: etree._Element | None, name: str) -> list[etree._Element]:
    return [one for one in element if local_name(one) == name] if element is not None else []


def _outermost(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The elements of a name below one, in their order, without those that lie within another of the name."""
    for child in element:
        if local_name(child) == name:
            yield child
        else:
            yield from _outermost(child, name)


def _number(text: str | None) -> int:
    return int(text) if text and _DIGITS.fullmatch(text) else 1


def _notes(article: etree._Element, meta: etree._Element | None) -> dict[str, Any]:
    """What the article says of itself."""
    notes: dict[str, Any] = {"article_type": article.get("article-type")}
    language = next((value for key, value in article.attrib.items() if str(key).endswith("}lang")), None)
    notes["declared_language"] = language
    title = first_named(meta, "article-title")
    notes["title"] = _SPACES.sub(" ", text_of(title)).strip()[:_NOTE_CHARACTERS] if title is not None else None
    for one in _all(meta, "article-id"):
        kind = one.get("pub-id-type")
        if kind in ("doi", "pmid", "pmc", "pmcid"):
            notes[kind.replace("pmcid", "pmc")] = text_of(one).strip()[:100]
    journal = first_named(_child(article, "front"), "journal-title")
    notes["journal"] = text_of(journal).strip()[:_NOTE_CHARACTERS] if journal is not None else None
    notes["licence"] = _licence(meta)
    date = next(iter(_all(meta, "pub-date")), None)
    year = _child(date, "year")
    if year is not None and _YEAR.match(said := text_of(year).strip()):
        month, day = (
            _number(text_of(one).strip()) if (one := _child(date, name)) is not None else 1 for name in ("month", "day")
        )
        notes["timestamp"] = (
            f"{int(said[:4]):04d}-{min(max(month, 1), 12):02d}-{min(max(day, 1), 28 if day > 31 else day or 1):02d}"
        )
    if notes.get("doi"):
        notes["url"] = f"https://doi.org/{notes['doi']}"
    return {name: value for name, value in notes.items() if value}


def _licence(meta: etree._Element | None) -> str | None:
    """The address of the licence, else its first words."""
    found = first_named(meta, "license")
    if found is None:
        return None
    for one in found.iter():
        for key, value in one.attrib.items():
            if str(key).endswith("href") and "creativecommons" in value:
                return str(value)[:200]
        if local_name(one) in ("license_ref", "licence_ref") and one.text:
            return one.text.strip()[:200]
    return _SPACES.sub(" ", text_of(found)).strip()[:200] or None
