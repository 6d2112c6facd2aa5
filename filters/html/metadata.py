"""What a page says about itself: title, date, author, address, language, licence, what robots may do."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from html import unescape
from itertools import chain
from typing import Any

from gristmill.filters.html.byline import Line, PageHeading, author_in, day_in, headings, is_name, lines_near
from gristmill.filters.html.heads import Heads
from gristmill.filters.html.layout import Page
from gristmill.filters.html.page_title import choose_title, is_site, site_names
from gristmill.filters.html.written_days import iso_day
from pydantic_core import from_json

MAX_TITLE_CHARACTERS = 500
ARTICLE = "article"
MAX_SCRIPTS = 20
MAX_AUTHORS = 20
MAX_NODES = 2000  # of linked data that are looked at
_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_COMPACT_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?!\d)")
_ADDRESS_DATE = re.compile(r"/((?:19|20)\d\d[/-]\d\d?[/-]\d\d?)(?:[/-]|$)")
_TAGS = re.compile(r"<[^>]*>")
_OPT_OUT = ("robots", "googlebot", "tdm-reservation", "tdm-policy")
_DATES = (
    *("article:published_time", "og:published_time", "datepublished", "citation_publication_date", "citation_date"),
    *("parsely-pub-date", "sailthru.date", "dc.date.issued", "dcterms.created", "dcterms.date", "dc.date"),
    *("date", "pubdate", "publishdate", "publish_date", "publication_date"),
)
_LINKED = {"author", "creator", "datePublished", "headline", "license"}
# in a script that may have one of them; keys may be written with escapes
_LINKED_HINT = re.compile(rb"author|creator|datePublished|headline|license|\\u")
_AUTHORS = (
    *("author", "article:author", "dc.creator", "dcterms.creator", "parsely-author", "sailthru.author"),
    "citation_author",
)


class Metadata:
    """What a page says about itself, each None where it does not; read when asked for.

    page_type: of the page, as far as it is known; lines of the text tell something in articles alone.
    """

    def __init__(self, page: Page, heads: Heads, page_type: str | None) -> None:
        self._page, self._heads, self._page_type = page, heads, page_type

    @cached_property
    def title(self) -> str | None:
        """The title of the page: the shown h1 that <title>, og:title or the linked data speak of, else what they say,
        without the name of the site."""
        said = (
            self._heads.first("<title>"),
            self._heads.first("og:title", "twitter:title"),
            self._linked("headline"),
        )
        titles = [title[:MAX_TITLE_CHARACTERS] for title in said if title]
        found = choose_title(titles, [heading.text[:MAX_TITLE_CHARACTERS] for heading in self._headings], self._sites)
        return found[:MAX_TITLE_CHARACTERS] if found else None

    @cached_property
    def _headings(self) -> list[PageHeading]:
        return headings(self._page)

    @cached_property
    def _lines(self) -> list[Line]:
        """The lines around the heading that is the title, else around the first heading; none of a page that is no article,
        where days and names have another meaning."""
        if self._page_type != ARTICLE:
            return []
        found = [heading for heading in self._headings if heading.text == self.title] or self._headings
        return lines_near(self._page, found[0].block) if found else []

    @cached_property
    def description(self) -> str | None:
        """og:description, else the description of the metas."""
        return self._heads.first("og:description", "description")

    @cached_property
    def date(self) -> str | None:
        """When the page was published, as YYYY-MM-DD: metas, linked data, the first <time>, its address, else in an
        article a short shown line near its heading that names a day."""
        for text in chain((self._heads.first(key) for key in _DATES if key in self._heads), self._late_dates()):
            if text and (day := _day(text)):
                return day
        return day_in(self._lines, self.language)

    def _late_dates(self) -> Iterator[str | None]:
        yield self._linked("datePublished")
        yield self._heads.first("<time>")
        found = _ADDRESS_DATE.search(self.canonical_url or "")
        yield found[1] if found else None

    @cached_property
    def author(self) -> str | None:
        """Who wrote the page, several with "; " between them: linked data, metas, else in an article a shown line near
        its heading that says so. The name of the site is the author where nobody else is."""
        metas = [self._heads.all(key) for key in _AUTHORS if key in self._heads]
        said = [self._linked_names("author"), self._linked_names("creator"), *metas]
        names = [list(dict.fromkeys(filter(is_name, one)))[:MAX_AUTHORS] for one in said]
        people = [[name for name in one if not is_site(name, self._sites)] for one in names]
        found = next(filter(None, people), None)
        if found is None:
            near = author_in(self._page, self._lines, self.language)
            found = [near] if near else next(filter(None, names), [])
        return "; ".join(found) or None

    @cached_property
    def _sites(self) -> set[str]:
        return site_names(self._heads.first("og:site_name"), self.canonical_url)

    @cached_property
    def canonical_url(self) -> str | None:
        """The address that the page gives itself."""
        return self._heads.first("canonical", "og:url")

    @cached_property
    def language(self) -> str | None:
        """The language that the page declares (`lang` of <html>, og:locale), as it is written there."""
        return self._heads.first("<html lang>", "og:locale")

    @cached_property
    def licence_url(self) -> str | None:
        """Where a link with rel=license leads, or what the metas or linked data say of it."""
        return self._heads.first("license", "dcterms.license") or self._linked("license")

    @cached_property
    def robots(self) -> str | None:
        """What metas ask of robots (noindex, noai, tdm-reservation ...), as `name: content; name: content`."""
        found = [f"{name}: {content[:200]}" for name in _OPT_OUT for content in self._heads[name] if content.strip()]
        return "; ".join(found) or None

    def as_dict(self) -> dict[str, str]:
        """What is there of date, author, canonical_url, language and licence_url."""
        names = ("date", "author", "canonical_url", "language", "licence_url")
        return {name: value[:500] for name in names if (value := getattr(self, name))}

    @cached_property
    def linked_texts(self) -> dict[str, str]:
        """The longest text of each key in the linked data that holds main text: articleBody of articles, description of
        products. Markup in it is taken out."""
        found: dict[str, str] = {}
        for node in _nodes(self._heads.scripts()[:MAX_SCRIPTS]):
            is_product = "Product" in str(node.get("@type", ""))
            for key in ("articleBody", "description") if is_product else ("articleBody",):
                value = node.get(key)
                if isinstance(value, str):
                    text = _TAGS.sub(" ", unescape(value)).strip()
                    if len(text) > len(found.get(key, "")):
                        found[key] = text
        return found

    @cached_property
    def _said(self) -> dict[str, list[Any]]:
        """The values of the keys of linked data that are looked for, those of outer objects first."""
        scripts = [script for script in self._heads.scripts()[:MAX_SCRIPTS] if _LINKED_HINT.search(script)]
        found: dict[str, list[Any]] = {}
        for node in _nodes(scripts):
            for key in _LINKED & node.keys():
                found.setdefault(key, []).append(node[key])
        return found

    def _linked(self, key: str) -> str | None:
        for value in self._said.get(key, []):
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip():
                return " ".join(value.split())
        return None

    def _linked_names(self, key: str) -> list[str]:
        """The names under a key of the first object of the linked data that has some."""
        for values in self._said.get(key, []):
            names = [
                value.get("name") if isinstance(value, dict) else value
                for value in (values if isinstance(values, list) else [values])
            ]
            found = [" ".join(name.split()) for name in names if isinstance(name, str) and name.strip()]
            if any(map(is_name, found)):
                return found
        return []


def _nodes(scripts: Sequence[bytes]) -> list[dict[str, Any]]:
    """The objects of linked data, outer ones first, at most MAX_NODES; what is no JSON is left out."""
    found: list[dict[str, Any]] = []
    for script in scripts:
        found += _objects(_parsed(script.strip().removesuffix(b";")), MAX_NODES - len(found))
    return found


def _parsed(script: bytes) -> Any:
    """The value of a text that is JSON, control characters in its strings allowed; else None."""
    try:
        return from_json(script)
    except ValueError:
        try:
            return json.loads(script.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            return None


def _objects(value: Any, most: int) -> list[dict[str, Any]]:
    """The objects in parsed JSON, level by level, at most `most`."""
    level: list[Any] = [value]
    found: list[dict[str, Any]] = []
    while level and len(found) < most:
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                found.append(one)
                below += one.values()
            elif isinstance(one, list):
                below += one
        level = [one for one in below if isinstance(one, dict | list)]
    return found[:most]


def _day(text: str) -> str | None:
    """The first day of a date such as 2024-03-05T10:00Z, 2024/3/5 or 20240305, as YYYY-MM-DD."""
    for pattern in (_DATE, _COMPACT_DATE):
        for match in pattern.finditer(text[:100]):
            if day := iso_day(*(int(part) for part in match.groups())):
                return day
    return None
