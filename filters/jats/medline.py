"""Records of PubMed as text: title and abstract, from its XML and from the flat MEDLINE form."""

import re
from dataclasses import dataclass, field
from typing import Any

from gristmill.filters.safe_xml import local_name, parse_xml
from lxml import etree

_SPACES = re.compile(r"\s+")
_FIELD = re.compile(r"^([A-Z][A-Z0-9]{1,3})\s*- ?(.*)$")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_LABELS = re.compile(r"(?:(?<=^)|(?<=[.?!)] ))([A-Z][A-Z ,/&-]{2,60}):\s+")
_MAX_HEADINGS = 100


@dataclass
class Citation:
    """text: title and abstract; has_abstract: False where there is a title alone."""

    text: str
    has_abstract: bool
    notes: dict[str, Any] = field(default_factory=dict)


def citation_of_xml(raw: bytes) -> Citation | None:
    """The record in a PubmedArticle or PubmedBookArticle element; None for what is none."""
    root = parse_xml(raw)
    if root is None or local_name(root) not in ("PubmedArticle", "PubmedBookArticle", "MedlineCitation"):
        return None
    title = _first(root, "ArticleTitle") if _first(root, "ArticleTitle") is not None else _first(root, "BookTitle")
    abstract = _first(root, "Abstract")
    parts = []
    for one in abstract if abstract is not None else ():
        if local_name(one) == "AbstractText" and (text := _text(one)):
            label = (one.get("Label") or "").strip()
            parts.append(f"{label}: {text}" if label and label != "UNLABELLED" else text)
    year = _first(_first(root, "PubDate"), "Year")
    month = _first(_first(root, "PubDate"), "Month")
    ids = {one.get("IdType"): _text(one) for one in root.iter() if local_name(one) == "ArticleId" and _is_own(one)}
    headings = [_text(one) for one in root.iter() if local_name(one) == "DescriptorName"]
    notes = {
        "title": _text(title).strip("[]") if title is not None else None,
        "pmid": _text(_first(root, "PMID")),
        "doi": ids.get("doi"),
        "pmc": ids.get("pmc"),
        "journal": _text(_first(_first(root, "Journal"), "Title")),
        "declared_language": _text(_first(root, "Language")),
        "headings": headings[:_MAX_HEADINGS],
        "timestamp": _date(_text(year), _text(month)),
    }
    return _citation(notes, parts)


def citation_of_lines(text: str) -> Citation | None:
    """The record in the flat form, `PMID- `, `TI  - `, `AB  - ` with lines that go on below; None for what is none."""
    fields: dict[str, list[str]] = {}
    key = None
    for line in text.splitlines():
        found = _FIELD.match(line)
        if found:
            key = found[1]
            fields.setdefault(key, []).append(found[2].strip())
        elif line.startswith("      ") and key:
            fields[key][-1] += " " + line.strip()
        elif not line.strip():
            key = None
    if "PMID" not in fields:
        return None

    def first(name: str) -> str:
        return fields.get(name, [""])[0]

    dois = [one.split()[0] for one in [*fields.get("AID", []), *fields.get("LID", [])] if one.endswith("[doi]")]
    published = first("DP").split()
    notes = {
        "title": first("TI").strip("[]") or first("BTI"),
        "pmid": first("PMID"),
        "doi": dois[0] if dois else None,
        "pmc": first("PMC"),
        "journal": first("JT"),
        "declared_language": first("LA"),
        "headings": [one.lstrip("*") for one in fields.get("MH", [])][:_MAX_HEADINGS],
        "timestamp": _date(published[0] if published else "", published[1] if len(published) > 1 else ""),
    }
    abstract = first("AB")
    labelled = (
        _LABELS.sub(r"\n\1: ", abstract).strip().split("\n") if len(_LABELS.findall(abstract)) > 1 else [abstract]
    )
    return _citation(notes, [part.strip() for part in labelled if part.strip()])


def _citation(notes: dict[str, Any], abstract: list[str]) -> Citation:
    notes = {name: value for name, value in notes.items() if value}
    if notes.get("pmid"):
        notes["url"] = f"https://pubmed.ncbi.nlm.nih.gov/{notes['pmid']}/"
    return Citation("\n\n".join(part for part in [notes.get("title", ""), *abstract] if part), bool(abstract), notes)


def _is_own(element: etree._Element) -> bool:
    """Whether an identifier is the record's own, and not one of a reference's."""
    return not any(local_name(one) == "Reference" for one in element.iterancestors())


def _date(year: str, month: str) -> str | None:
    if not re.fullmatch(r"\d{4}", year):
        return None
    number = (
        _MONTHS.index(month[:3].lower()) + 1 if month[:3].lower() in _MONTHS else int(month) if month.isdigit() else 1
    )
    return f"{year}-{min(max(number, 1), 12):02d}-01"


def _first(element: etree._Element | None, name: str) -> etree._Element | None:
    return next((one for one in element.iter() if local_name(one) == name), None) if element is not None else None


def _text(element: etree._Element | None) -> str:
    return _SPACES.sub(" ", "".join(str(part) for part in element.itertext())).strip() if element is not None else ""
