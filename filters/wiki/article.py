"""A wiki page as Markdown, with its sections and what was left out; and whether it is a page of prose at all."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gristmill.filters.wiki.blocks import HEADING, ITEM, WikiBlock, blocks_of
from gristmill.filters.wiki.inline import lay_out_tags
from gristmill.filters.wiki.links import Links, without_last_links
from gristmill.filters.wiki.nesting import resolve_nested
from gristmill.filters.wiki.templates import template_text
from gristmill.filters.wiki.verbatim import Verbatim, set_aside
from gristmill.filters.wiki.words import (
    DISAMBIGUATION_TEMPLATES,
    DISAMBIGUATION_TITLES,
    LINK_SECTIONS,
    REDIRECTS,
)

MAX_SHORT_NAME_PAGE = 10_000  # characters of a page that a template name of two or three letters makes a disambiguation
_REDIRECT = re.compile(r"\s*#\s*([^\s\[:#]{2,40})\s*:?[^\[\n]{0,20}\[\[[^\]\n]+\]\]")
_TEMPLATE_NAME = re.compile(r"\{\{([^|{}\n]{1,100})(?=[|}\n])")
_TITLE_KIND = re.compile(r"\(([^()]+)\)\s*$")


class Section(NamedTuple):
    """A heading: the byte offset of its line in the text, its level (the title is 1), its words."""

    start: int
    level: int
    heading: str


class WikiArticle(NamedTuple):
    """text: Markdown that begins with the title. left_out: how many templates, references, ... say nothing in it."""

    text: str
    sections: list[Section]
    left_out: Mapping[str, int]


def to_markdown(
    wikitext: str, title: str = "", *, files: Iterable[str] = (), categories: Iterable[str] = ()
) -> WikiArticle:
    """A page as Markdown.

    title: of the page, which becomes the first heading; "": none. files, categories: what the wiki calls these namespaces,
    beside the names of all languages. Links are their labels; emphasis is not marked; tables of data, code and formulas stay.
    An article without text of its own has an empty text.

    >>> page = "A '''mill''' grinds [[wheat|grain]].{{cn}}<ref>A book</ref>\\n== History ==\\n* first\\n* <math>x</math>"
    >>> to_markdown(page).text
    'A mill grinds grain.\\n\\n## History\\n\\n- first\\n- $x$'
    """
    verbatim = Verbatim()
    left_out = verbatim.left_out
    links = Links(left_out, files, categories)

    def template(values: Iterable[str]) -> str:
        said = template_text(list(values), title)
        left_out["templates"] += said is None
        return said or ""

    text = set_aside(without_last_links(wikitext), verbatim)
    text = lay_out_tags(resolve_nested(text, template, links.text))
    blocks = _without_empty_sections(_without_link_sections(list(blocks_of(text, verbatim)), left_out))
    if not any(block.kind != HEADING for block in blocks):
        return WikiArticle("", [], left_out)
    head = [WikiBlock(HEADING, f"# {' '.join(title.split())}", 1)] if title else []
    return _joined([*head, *blocks], left_out)


def _without_link_sections(blocks: list[WikiBlock], left_out: dict[str, int]) -> list[WikiBlock]:
    """Without sections such as `References` that hold nothing but lists."""
    kept: list[WikiBlock] = []
    at = 0
    while at < len(blocks):
        block = blocks[at]
        end = at + 1
        if block.kind == HEADING and block.text.lstrip("# ").strip(" :").lower() in LINK_SECTIONS:
            while end < len(blocks) and not (blocks[end].kind == HEADING and blocks[end].level <= block.level):
                end += 1
            if all(one.kind in (HEADING, ITEM) for one in blocks[at:end]):
                left_out["link_sections"] += 1
                at = end
                continue
            end = at + 1
        kept += blocks[at:end]
        at = end
    return kept


def _without_empty_sections(blocks: list[WikiBlock]) -> list[WikiBlock]:
    """Without headings that nothing follows before the next one of the same level or above."""
    kept: list[WikiBlock] = []
    filled = 0  # the lowest level of a heading that what follows belongs to; 7: of every one
    for block in reversed(blocks):
        if block.kind != HEADING:
            filled = 7
        elif filled <= block.level or not block.text:
            continue
        else:
            filled = block.level
        kept.append(block)
    kept.reverse()
    return kept


def _joined(blocks: list[WikiBlock], left_out: Mapping[str, int]) -> WikiArticle:
    parts: list[str] = []
    sections: list[Section] = []
    size = 0
    for number, block in enumerate(blocks):
        if number:
            gap = "\n" if block.kind == blocks[number - 1].kind == ITEM else "\n\n"
            parts.append(gap)
            size += len(gap)
        if block.kind == HEADING:
            heading = block.text.lstrip("#")
            sections.append(Section(size, len(block.text) - len(heading), heading.strip()))
        parts.append(block.text)
        size += len(block.text.encode())
    return WikiArticle("".join(parts), sections, left_out)


def is_redirect(wikitext: str) -> bool:
    """Whether a page only leads to another one: `#REDIRECT [[...]]` in any language."""
    found = _REDIRECT.match(wikitext[:2000])
    return found is not None and found[1].lower().strip(":") in REDIRECTS


def is_disambiguation(wikitext: str, title: str) -> bool:
    """Whether a page lists what a name may mean: by its title, its magic word or its template, in any language."""
    kind = _TITLE_KIND.search(title)
    if kind is not None and kind[1].strip().lower() in DISAMBIGUATION_TITLES:
        return True
    if "__DISAMBIG__" in wikitext:
        return True
    for found in _TEMPLATE_NAME.finditer(wikitext):
        name = " ".join(found[1].replace("_", " ").split()).lower()
        if name in DISAMBIGUATION_TEMPLATES or (name.endswith(" disambiguation") and len(name) < 40):
            return len(name) > 3 or len(wikitext) < MAX_SHORT_NAME_PAGE
    return False
