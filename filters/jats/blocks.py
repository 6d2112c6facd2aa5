"""Block elements of JATS as paragraphs of Markdown: sections, lists, quotes, floats, formulas that stand alone."""

import re
from dataclasses import dataclass

from gristmill.filters.jats.inline import INLINE, LEFT_OUT, InlineWriter, tidied
from gristmill.filters.jats.tables import markdown_table
from gristmill.filters.safe_xml import child_named, children_named, first_named, local_name, outermost, text_of
from gristmill.filters.text.markdown_syntax import fenced, item
from lxml import etree

_SHOWN = re.compile(r"[^#>\s-]")
SUB_ARTICLES = {"sub-article", "response"}
_END_MATTER = re.compile(
    r"(?:acknowledge?ments?|competing interests?|(?:declaration of )?conflicts? of interests?|authors?['’]? "
    r"contributions?|funding|"
    r"supplement(?:al|ary) (?:materials?|information|data|files?)|supporting information|pre-?publication history|"
    r"additional (?:files?|information)|data accessibility|(?:data|code) availability(?: statement)?|financial disclosure|"
    r"footnotes|references|bibliography|abbreviations used|ethics (?:statement|approval)[^.]{0,40}|publisher['’]s note)\W*$",
    re.IGNORECASE,
)
MAX_DEPTH_SHOWN = 6


@dataclass(frozen=True)
class ArticleChoices:
    """What of an article is kept: tables as Markdown, captions of figures and tables, and the letters of editors with the
    answers to them (sub-articles)."""

    tables: bool = False
    captions: bool = True
    sub_articles: bool = False


class BlockWriter(InlineWriter):
    """Paragraphs of Markdown, and what was left out of them."""

    def __init__(self, choices: ArticleChoices) -> None:
        super().__init__()
        self.choices = choices
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        if _SHOWN.search(text):
            self.parts.append(text)

    def text(self) -> str:
        return "\n\n".join(self.parts)

    def blocks(self, parent: etree._Element, level: int, *, skip_title: bool = False) -> None:
        """The block elements below one, in order; text that stands beside them is a paragraph."""
        loose: list[str] = [parent.text or ""]
        for child in parent:
            name = local_name(child)
            if name in INLINE or not isinstance(child.tag, str):
                loose.append(self.inline_of(child) if isinstance(child.tag, str) else "")
            else:
                self._loose(loose)
                if not (skip_title and name == "title"):
                    self.block(child, name, level)
            loose.append(child.tail or "")
        self._loose(loose)

    def _loose(self, loose: list[str]) -> None:
        text = tidied("".join(loose))
        loose.clear()
        self.add(text)

    def block(self, element: etree._Element, name: str, level: int) -> None:
        if name in LEFT_OUT:
            self.leave_out(element)
        elif name in SUB_ARTICLES:
            self.sub_article(element)
        elif name == "title":
            self.add("#" * min(level, MAX_DEPTH_SHOWN) + " " + self.inline(element))
        elif name in ("sec", "app", "glossary", "boxed-text"):
            self._section(element, level)
        elif name in ("disp-formula", "disp-formula-group"):
            for formula in [element] if name == "disp-formula" else children_named(element, "disp-formula"):
                latex = self.formula(formula)
                self.add(f"$$\n{latex}\n$$" if latex else "")
        elif name == "list":
            self._list(element, level)
        elif name == "def-list":
            for item in children_named(element, "def-item"):
                term, meaning = child_named(item, "term"), child_named(item, "def")
                if term is not None:
                    self.add(f"{self.inline(term)}: {self.inline(meaning) if meaning is not None else ''}".rstrip(": "))
        elif name in ("disp-quote", "speech", "statement", "verse-group"):
            self._quote(element, level)
        elif name in ("code", "preformat"):
            self.add(fenced(text_of(element).strip("\n")))
        elif name in ("fig", "table-wrap"):
            self._float(element, name)
        else:
            self.blocks(element, level)

    def _section(self, element: etree._Element, level: int) -> None:
        """A section; nothing of one that is end matter by its title, or has nothing but a title."""
        title = child_named(element, "title")
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
        for body in children_named(element, "body"):
            self.blocks(body, 2)

    def _list(self, element: etree._Element, level: int) -> None:
        ordered = element.get("list-type") in ("order", "number", "arabic")
        items = []
        for number, entry in enumerate(children_named(element, "list-item"), 1):
            inner = BlockWriter(self.choices)
            inner.blocks(entry, level)
            self.left_out += inner.left_out
            mark = f"{number}. " if ordered else "- "
            items.append(item(mark, "\n".join(inner.parts)))
        self.add("\n".join(one for one in items if one.strip("- .0123456789")))

    def _quote(self, element: etree._Element, level: int) -> None:
        inner = BlockWriter(self.choices)
        inner.blocks(element, level)
        self.left_out += inner.left_out
        prefix = "> " if local_name(element) == "disp-quote" else ""
        separator = "\n" if local_name(element) == "verse-group" else "\n\n"
        self.add("\n".join((prefix + line).rstrip() for line in inner.text().replace("\n\n", separator).split("\n")))

    def _float(self, element: etree._Element, name: str) -> None:
        caption, label = child_named(element, "caption"), child_named(element, "label")
        if caption is not None and self.choices.captions:
            said = [self.inline(part) for part in caption if local_name(part) in ("title", "p")]
            first = self.inline(label).rstrip(".:") + "." if label is not None else ""
            self.add(" ".join(part for part in [first, *said] if part))
        elif caption is not None:
            self.leave_out(caption, "captions")
        if name != "table-wrap":
            return
        for table in outermost(element, "table"):
            if self.choices.tables:
                self.add(markdown_table(table, self.inline))
            else:
                self.leave_out(table, "tables")
        for foot in children_named(element, "table-wrap-foot"):
            self.leave_out(foot)
