"""The lines around the heading of a page that say who wrote it and when."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from gristmill.filters.html.layout import (
    BEGIN,
    ELEMENT,
    FINISH,
    FIRST_BLOCK,
    H1,
    HIDDEN,
    LAST_MARK,
    MARK_TAG,
    PARENT,
    PLACE,
    STATE,
    TAG,
    WORDS,
    A,
    Page,
)
from gristmill.filters.html.tag_attributes import attribute, mark_bytes, tag_bytes
from gristmill.filters.html.written_days import month_names, written_day

BEFORE, BEHIND = 4, 10  # blocks before and behind the heading that are looked at
MAX_WORDS = 20  # of a line that says so
MAX_LINE_BYTES = 1000  # of a line that are looked at
MAX_HEADINGS = 20
MAX_DEPTH = 4  # elements between a heading and its text
_MAX_NAME_WORDS, _MAX_NAME_CHARACTERS = 5, 60
_BY = re.compile(
    r"^(?:(?:written|posted|published|created|reported|story|words|article|text|guest post|started|asked|submitted)\s+by|by"
    r"|von|par|por|di|door|av|af|przez)\b\s*:?\s*|^(?:autor(?:in)?|auteur|autore|author|writer|автор|作者|文|記者)\s*[:：]\s*",
    re.IGNORECASE,
)
_LATER_BY = re.compile(r"(?:\d{4}|[ap]\.?m\.?|[|•·])\s+(?:written |posted )?by:?\s+", re.IGNORECASE)
_NAME_END = re.compile(
    r"\s*(?:[\n\t|•·∙⋅–—,;:(/»~<>&+]|\s-\s|-\s|\d|\s(?:on|in|at|for|and|the|last|is)\s"
    r"|\s(?:updated?|published|posted|edited|reviewed|edit)(?:\s|$))",
    re.IGNORECASE,
)
_NO_NAMES = {
    *("author", "authors", "by", "byline", "staff", "admin", "team", "experts", "anonymous", "guest"),
    *("read", "more", "share", "follow", "home", "blog", "us", "our", "you"),
}
_AUTHOR_PATH = re.compile(r"/(?:authors?|contributors?|autor(?:es|en)?|auteurs?)/[^/?#]", re.IGNORECASE)
_AUTHOR_CLASSES = {"author", "authors", "byline", "bylines", "writer", "contributor", "contributors"}
_AUTHOR_HINT = re.compile(rb"aut(?:h|or|eur)|byline|writer|contributor")  # in a tag whose attributes are worth reading
_DIGIT = re.compile(r"\d")
_CLASS_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


class PageHeading(NamedTuple):
    """A shown h1: its text, and its first block."""

    text: str
    block: int


class Line(NamedTuple):
    """A block of few words. distance: blocks between it and the heading, 0 for the heading itself. begin: of its text in
    the page's. element: the block element around it. Its marks are those from first_mark to before last_mark."""

    distance: int
    text: str
    begin: int
    element: int
    first_mark: int
    last_mark: int


def headings(page: Page) -> list[PageHeading]:
    """The first shown h1 of a page, in their order."""
    found = []
    for element in np.flatnonzero(page.elements[:, TAG] == H1)[:MAX_HEADINGS].tolist():
        block, texts = int(page.elements[element, FIRST_BLOCK]), []
        while block < len(page.blocks) and _is_in(page, block, element):
            if not page.blocks[block, STATE] & HIDDEN:
                texts += page.block_text(block).split()
            block += 1
        if texts:
            found.append(PageHeading(" ".join(texts), int(page.elements[element, FIRST_BLOCK])))
    return found


def _is_in(page: Page, block: int, element: int) -> bool:
    inner = int(page.blocks[block, ELEMENT])
    for _ in range(MAX_DEPTH):
        if inner <= element:
            return inner == element
        inner = int(page.elements[inner, PARENT])
    return False


def lines_near(page: Page, heading: int) -> list[Line]:
    """The shown lines of few words around a heading, the nearest first. heading: its first block."""
    first = max(heading - BEFORE, 0)
    rows = page.blocks[max(first - 1, 0) : heading + BEHIND + 1].tolist()
    found = []
    for place, row in enumerate(rows):
        number = max(first - 1, 0) + place
        if number >= first and row[WORDS] <= MAX_WORDS and not row[STATE] & HIDDEN:
            end = min(row[FINISH], row[BEGIN] + MAX_LINE_BYTES)
            text = page.text[row[BEGIN] : end].tobytes().decode("utf-8", "replace")
            first_mark = rows[place - 1][LAST_MARK] if place else 0
            distance = abs(number - heading)
            found.append(Line(distance, text, row[BEGIN], row[ELEMENT], first_mark, row[LAST_MARK]))
    return sorted(found, key=lambda line: line.distance)


def day_in(lines: Iterable[Line], language: str | None) -> str | None:
    """The day in the first line that names one, as YYYY-MM-DD. language: of the page as declared."""
    days = (written_day(line.text, language) for line in lines if _DIGIT.search(line.text))
    return next(filter(None, days), None)


def author_in(page: Page, lines: Iterable[Line], language: str | None) -> str | None:
    """Who wrote a page by its lines, of which the first count most; None where none says so.

    First a line that begins with "By", or has a link of rel=author or to the page of an author; where there is none, a
    line whose element is called author or byline.
    """
    months, called = month_names(language), None
    seen: dict[int, bool] = {}
    for line in lines:
        if line.distance == 0:
            continue
        links = _links(page, line)
        for start, end, tag in links:
            if _names_author(tag, is_link=True):
                name = _name(page.text[start:end].tobytes().decode("utf-8", "replace"), months)
                if name:
                    return name
        text = " ".join(line.text.split())
        by = _BY.match(text) or _LATER_BY.search(text)
        if by:
            name = _name(text[by.end() :], months)
            if name:
                return name
        elif called is None and _is_called_author(page, line.element, seen):
            start, end, _ = links[0] if len(links) == 1 else (line.begin, line.begin, b"")
            said = page.text[start:end].tobytes().decode("utf-8", "replace")
            called = _name(said or text, months)
    return called


def is_name(text: str) -> bool:
    """Whether what metas call an author may be one: it has letters and is no address."""
    is_address = "://" in text or "@" in text or text.startswith(("/", "mailto:", "www."))
    return not is_address and any(map(str.isalpha, text))


def _links(page: Page, line: Line) -> list[tuple[int, int, bytes]]:
    """(begin and end of its text, tag) of each link in a line."""
    found: list[tuple[int, int, bytes]] = []
    opened = None
    for mark in page.marks[line.first_mark : line.last_mark].tolist():
        if mark[MARK_TAG] == A:
            opened = mark
        elif mark[MARK_TAG] == -1 - A and opened is not None:
            found.append((max(opened[PLACE], line.begin), mark[PLACE], mark_bytes(page, opened)))
            opened = None
    return found


def _is_called_author(page: Page, element: int, seen: dict[int, bool]) -> bool:
    """Whether an element or the one around it says by class, itemprop or rel that an author is in it. seen: by element."""
    for one in (element, int(page.elements[element, PARENT])):
        if one > 0 and one not in seen:
            seen[one] = _names_author(tag_bytes(page, one), is_link=False)
    return seen.get(element, False) or seen.get(int(page.elements[element, PARENT]), False)


def _names_author(tag: bytes, *, is_link: bool) -> bool:
    """Whether a tag says that an author is in it: a link by its relation or address, others by class or property too."""
    if not _AUTHOR_HINT.search(tag[: tag.find(b">")].lower()):  # most tags have nothing of it
        return False
    if "author" in f"{attribute(tag, 'rel') or ''} {attribute(tag, 'itemprop') or ''}".lower().split():
        return True
    if is_link:
        return _AUTHOR_PATH.search(attribute(tag, "href") or "") is not None
    return not _AUTHOR_CLASSES.isdisjoint(word.lower() for word in _CLASS_WORD.findall(attribute(tag, "class") or ""))


def _name(text: str, months: frozenset[str]) -> str | None:
    """The name that a text begins with; None where that is none, or where its first or last word begins small."""
    end = _NAME_END.search(text.strip())
    words = text.strip()[: end.start() if end else None].strip(" .-@'\"“”").split()
    if end and end[0].strip().isdigit() and words and words[-1].casefold().rstrip(".") in months:
        words.pop()
    name = " ".join(words)
    fits = 1 <= len(words) <= _MAX_NAME_WORDS and len(name) <= _MAX_NAME_CHARACTERS
    if not fits or words[0][0].islower() or words[-1][0].islower():
        return None
    return name if sum(map(str.isalpha, name)) > 1 and not set(name.casefold().split()) <= _NO_NAMES else None
