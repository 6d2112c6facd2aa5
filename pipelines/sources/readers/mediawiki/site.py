"""Which wiki a dump is of, and what it calls its namespaces.

The name of the file is believed first, as dumps that were cut or copied together carry the siteinfo of another wiki; a
siteinfo of the same wiki says what its namespaces are called, and names of all languages hold beside them.
"""

import posixpath
import re
from html import unescape
from typing import Any
from urllib.parse import quote

MAX_SITE_BYTES = 1 << 18
_PROJECTS = {
    "wiki": "wikipedia",
    "wiktionary": "wiktionary",
    "wikibooks": "wikibooks",
    "wikinews": "wikinews",
    "wikiquote": "wikiquote",
    "wikisource": "wikisource",
    "wikiversity": "wikiversity",
    "wikivoyage": "wikivoyage",
}
_SHARED = ("commons", "meta", "species", "wikidata", "incubator", "mediawiki", "sources", "outreach", "foundation")
_NAME = re.compile(rf"^([a-z][a-z_]*?)({'|'.join(sorted(_PROJECTS, key=len, reverse=True))})(?=[-_.\d]|$)")
_FIELD = re.compile(r"<(sitename|dbname|base)>([^<]*)</\1>")
_NAMESPACE = re.compile(r"<namespace key=\"(-?\d+)\"[^>]*>([^<]*)</namespace>")


def site_of(path: str, head: bytes, name: str | None = None) -> dict[str, Any]:
    """Facts of a wiki: `wiki` (its database name), `language`, `base` (what its addresses begin with), `namespaces` (number
    to name). path: of the dump below its source's root. head: its first bytes. name: what the recipe says it is."""
    said = head.partition(b"<siteinfo>")[2].partition(b"</siteinfo>")[0].decode("utf-8", "replace")
    fields = {key: unescape(value).strip() for key, value in _FIELD.findall(said)}
    names = {number: unescape(value).strip() for number, value in _NAMESPACE.findall(said)}
    by_name = next(filter(None, map(_wiki_name, reversed(path.lower().split("/")))), None)
    wiki = name or by_name or fields.get("dbname")
    is_true = wiki is not None and fields.get("dbname") == wiki
    site: dict[str, Any] = {"wiki": wiki, "namespaces": names}
    parts = _NAME.match(wiki or "")
    if parts and parts[1] in _SHARED:
        site["base"] = (
            f"https://{'www' if parts[1] in ('wikidata', 'mediawiki') else parts[1]}.{_host(parts[1])}.org/wiki/"
        )
    elif parts:
        site["language"] = parts[1].replace("_", "-")
        site["base"] = f"https://{site['language']}.{_PROJECTS[parts[2]]}.org/wiki/"
    if fields.get("base") and (is_true or "base" not in site):
        site["base"] = posixpath.dirname(fields["base"]) + "/"
    if not is_true and fields.get("dbname") and wiki != fields["dbname"]:
        site["siteinfo_wiki"] = fields["dbname"]
    return site


def _wiki_name(part: str) -> str | None:
    found = _NAME.match(part)
    return found[0] if found else None


def _host(name: str) -> str:
    return name if name in ("wikidata", "mediawiki") else "wikimedia"


def address(base: str | None, title: str) -> str | None:
    """The address of a page, as MediaWiki writes it."""
    return base + quote(title.replace(" ", "_"), safe="/:@!$*(),;~'-._") if base else None
