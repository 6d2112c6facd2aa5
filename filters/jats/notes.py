"""What an article in JATS says of itself: title, identifiers, journal, date, licence."""

import re
from typing import Any

from gristmill.filters.safe_xml import child_named, children_named, first_named, local_name, number_of, text_of
from lxml import etree

_YEAR = re.compile("[0-9]{4}")
_SPACES = re.compile(r"[ \t\r\n\u00a0]+")
_NOTE_CHARACTERS = 500


def notes_of(article: etree._Element, meta: etree._Element | None) -> dict[str, Any]:
    """What the article says of itself."""
    notes: dict[str, Any] = {"article_type": article.get("article-type")}
    language = next((value for key, value in article.attrib.items() if str(key).endswith("}lang")), None)
    notes["declared_language"] = language
    title = first_named(meta, "article-title")
    notes["title"] = _SPACES.sub(" ", text_of(title)).strip()[:_NOTE_CHARACTERS] if title is not None else None
    for one in children_named(meta, "article-id"):
        kind = one.get("pub-id-type")
        if kind in ("doi", "pmid", "pmc", "pmcid"):
            notes[kind.replace("pmcid", "pmc")] = text_of(one).strip()[:100]
    journal = first_named(child_named(article, "front"), "journal-title")
    notes["journal"] = text_of(journal).strip()[:_NOTE_CHARACTERS] if journal is not None else None
    notes["licence"] = _licence(meta)
    date = next(iter(children_named(meta, "pub-date")), None)
    year = child_named(date, "year")
    if year is not None and _YEAR.match(said := text_of(year).strip()):
        month, day = (
            number_of(text_of(one).strip()) if (one := child_named(date, name)) is not None else 1
            for name in ("month", "day")
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
