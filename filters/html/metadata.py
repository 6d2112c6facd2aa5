"""What a page says about itself: title, date, author, address, language, licence, what robots may do."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from html import unescape
from itertools import chain
from typing import Any

import numpy as np
from gristmill.filters.html.heads import Heads
from gristmill.filters.html.layout import ELEMENT, H1, TAG, Page

MAX_TITLE_CHARACTERS = 500
MAX_SCRIPTS = 20
MAX_NODES = 2000  # of linked data that are looked at
_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_COMPACT_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?!\d)")
_TAGS = re.compile(r"<[^>]*>")
_OPT_OUT = ("robots", "googlebot", "tdm-reservation", "tdm-policy")
_DATES = (
    *("article:published_time", "og:published_time", "datepublished", "citation_publication_date", "citation_date"),
    *("parsely-pub-date", "sailthru.date", "dc.date.issued", "dcterms.created", "dcterms.date", "dc.date"),
    *("date", "pubdate", "publishdate", "publish_date", "publication_date"),
)


class Metadata:
    """What a page says about itself, each None where it does not; read when asked for."""

    def __init__(self, page: Page, heads: Heads) -> None:
        self._page, self._heads = page, heads

    @cached_property
    def title(self) -> str | None:
        """The title of the page: <title>, else og:title, else its first h1."""
        found = self._heads.first("<title>", "og:title", "twitter:title") or self._first_heading()
        return found[:MAX_TITLE_CHARACTERS] if found else None

    def _first_heading(self) -> str | None:
        page = self._page
        rows = np.flatnonzero(page.elements[page.blocks[:, ELEMENT], TAG] == H1)
        return " ".join(page.block_text(int(rows[0])).split()) if len(rows) else None

    @cached_property
    def description(self) -> str | None:
        """og:description, else the description of the metas."""
        return self._heads.first("og:description", "description")

    @cached_property
    def date(self) -> str | None:
        """When the page was published, as YYYY-MM-DD: metas, linked data, the first <time>."""
        for text in chain(map(self._heads.first, _DATES), self._late_dates()):
            if text and (day := _day(text)):
                return day
        return None

    def _late_dates(self) -> Iterator[str | None]:
        yield self._linked("datePublished")
        yield self._heads.first("<time>")

    @cached_property
    def author(self) -> str | None:
        """Who wrote the page: metas, linked data, a link with rel=author."""
        keys = ("author", "article:author", "dc.creator", "dcterms.creator", "parsely-author", "sailthru.author")
        for text in (self._heads.first(key) for key in (*keys, "citation_author")):
            if text and "://" not in text:
                return text
        return self._linked_name("author") or self._linked_name("creator")

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
    def declared_type(self) -> str | None:
        """og:type, else the first type of the linked data."""
        return self._heads.first("og:type") or self._linked("@type")

    @cached_property
    def linked_texts(self) -> dict[str, str]:
        """The longest text of each key in the linked data that holds main text: articleBody of articles, description of
        products. Markup in it is taken out."""
        found: dict[str, str] = {}
        for node in self._nodes:
            is_product = "Product" in str(node.get("@type", ""))
            for key in ("articleBody", "description") if is_product else ("articleBody",):
                value = node.get(key)
                if isinstance(value, str):
                    text = _TAGS.sub(" ", unescape(value)).strip()
                    if len(text) > len(found.get(key, "")):
                        found[key] = text
        return found

    @cached_property
    def _nodes(self) -> list[dict[str, Any]]:
        """The objects of the linked data, outer ones first; what is no JSON is left out."""
        found: list[dict[str, Any]] = []
        for script in self._heads["<script ld+json>"][:MAX_SCRIPTS]:
            try:
                found += _objects(json.loads(script.strip().removesuffix(";"), strict=False), MAX_NODES - len(found))
            except (ValueError, RecursionError):
                continue
        return found

    def _linked(self, key: str) -> str | None:
        for node in self._nodes:
            value = node.get(key)
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip():
                return " ".join(value.split())
        return None

    def _linked_name(self, key: str) -> str | None:
        for node in self._nodes:
            values = node.get(key)
            for value in values if isinstance(values, list) else [values]:
                name = value.get("name") if isinstance(value, dict) else value
                if isinstance(name, str) and name.strip() and "://" not in name:
                    return " ".join(name.split())
        return None


def metadata_of(page: Page, heads: Heads) -> Metadata:
    """What a page that was read says about itself."""
    return Metadata(page, heads)


def _objects(value: Any, most: int) -> Iterator[dict[str, Any]]:
    """Every object in parsed JSON, level by level, at most `most`."""
    level, given = [value], 0
    while level and given < most:
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                given += 1
                if given > most:
                    return
                yield one
                below += [inner for inner in one.values() if isinstance(inner, dict | list)]
            elif isinstance(one, list):
                below += [inner for inner in one if isinstance(inner, dict | list)]
        level = below


def _day(text: str) -> str | None:
    """The first day of a date such as 2024-03-05T10:00Z, 2024/3/5 or 20240305, as YYYY-MM-DD."""
    for pattern in (_DATE, _COMPACT_DATE):
        for match in pattern.finditer(text[:100]):
            year, month, day = (int(part) for part in match.groups())
            if 1 <= month <= 12 and 1 <= day <= 31:
                return f"{year:04d}-{month:02d}-{day:02d}"
    return None
