"""Signals of web pages, from what a reader notes of them: type, licence, and what their publishers ask of robots.

The notes are in a document's metadata: `page` (what gristmill's extractor found) and `opt_out` (headers of the answer and
metas of the page). A licence address of Creative Commons is named as SPDX names it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from gristmill.schemas.rows.document import parsed_metadata
from gristmill.schemas.signals import Family, Signal

_NO_PAGE = "the document is no web page that gristmill's extractor read"
_NO_LICENCE = "the page names no licence by a link"
FAMILY = Family(
    name="web_page",
    version=1,
    signals=(
        Signal(
            "page_type",
            "string",
            "name",
            "article, collection, documentation, forum, listing, product or service, as the extractor judges",
            f"{_NO_PAGE}, or the page shows no text",
        ),
        Signal(
            "page_taken_fraction",
            "float",
            "fraction",
            "bytes of text taken, of those that the page shows",
            f"{_NO_PAGE}, or the page shows no text",
        ),
        Signal("page_licence_url", "string", "URL", "the link of the page's licence (rel=license)", _NO_LICENCE),
        Signal(
            "page_licence",
            "string",
            "SPDX",
            "that licence, where it is one of Creative Commons",
            f"{_NO_LICENCE}, or it is another",
        ),
        Signal(
            "robots_directives", "string", "names", "what metas and headers ask of robots, sorted", "they ask nothing"
        ),
        Signal("opted_out_of_ai", "bool", "", "the publisher asks that machines not learn from the page's text"),
        Signal("opted_out_of_index", "bool", "", "the publisher asks that the page not be indexed"),
    ),
    measure="gristmill.filters.html.page_signals:measure",
    source="robots metas and X-Robots-Tag; noai (DeviantArt, 2022); W3C TDM Reservation Protocol (2024); rel=license",
    reads=("text", "metadata"),
)
_CREATIVE_COMMONS = re.compile(
    r"^(?:https?:)?//(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/(\d\.\d)(?:/|$)", re.IGNORECASE
)
_PUBLIC_DOMAIN = {"zero": "CC0", "mark": "CC-PDM"}
_DIRECTIVE = re.compile(r"[a-z][a-z-]*")
_NO_AI = frozenset({"noai", "noml", "tdm-reservation"})
_WITH_VALUES = ("max-", "unavailable_after")
_NO_INDEX = frozenset({"noindex", "none"})


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY."""
    sizes = batch.column("text").cast(pa.large_binary())
    rows = [
        _measured(len(text) if text is not None else 0, parsed_metadata(metadata))
        for text, metadata in zip(sizes.to_pylist(), batch.column("metadata").to_pylist(), strict=True)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=FAMILY.schema)


def _measured(text_bytes: int, about: dict[str, Any]) -> dict[str, Any]:
    noted = about.get("page")
    page = noted if isinstance(noted, dict) else {}
    shown, licence = page.get("shown_bytes"), page.get("licence_url")
    directives = set(_directives(about.get("opt_out")))
    return {
        "page_type": page.get("type") if isinstance(page.get("type"), str) else None,
        "page_taken_fraction": min(1.0, text_bytes / shown) if isinstance(shown, int) and shown > 0 else None,
        "page_licence_url": licence if isinstance(licence, str) else None,
        "page_licence": creative_commons(licence) if isinstance(licence, str) else None,
        "robots_directives": ", ".join(sorted(directives)) or None,
        "opted_out_of_ai": bool(directives & _NO_AI),
        "opted_out_of_index": bool(directives & _NO_INDEX),
    }


def creative_commons(url: str) -> str | None:
    """The SPDX identifier of a licence address of Creative Commons; None for other addresses.

    >>> creative_commons("https://creativecommons.org/licenses/by-sa/4.0/deed.de")
    'CC-BY-SA-4.0'
    """
    found = _CREATIVE_COMMONS.match(url.strip())
    if found is None:
        return None
    kind, name, version = found.groups()
    if kind.lower() == "publicdomain":
        mark = _PUBLIC_DOMAIN.get(name.lower())
        return f"{mark}-{version}" if mark else None
    return f"CC-{name.upper()}-{version}"


def _directives(opt_out: Any) -> Iterator[str]:
    """The directives in the notes of a page: `robots: noindex, noai; tdm-reservation: 1`, `x-robots-tag: noai`, for any robot.

    `tdm-reservation` counts where it is 1; values of directives (`max-snippet: 50`) are left out.
    """
    if not isinstance(opt_out, dict):
        return
    for name, value in opt_out.items():
        if not isinstance(value, str):
            continue
        asked = [part.partition(":") for part in value.split(";")] if name == "meta_robots" else [(name, ":", value)]
        for key, _, content in asked:
            if key.strip().lower() == "tdm-reservation":
                if content.strip() == "1":
                    yield "tdm-reservation"
                continue
            if key.strip().lower() == "tdm-policy":
                continue
            for directive in content.lower().split(","):
                robot, colon, word = directive.rpartition(":")  # `googlebot: noindex` is for one robot
                if colon and robot.strip().startswith(_WITH_VALUES):
                    continue
                if _DIRECTIVE.fullmatch(word.strip()):
                    yield word.strip()
