"""Records of PubMed as text: title and abstract, from its XML and from the flat MEDLINE form."""

import re
from dataclasses import dataclass, field
from typing import Any

from gristmill.filters.safe_xml import first_named, local_name, parse_xml, text_of
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
    title = first_named(root, "ArticleTitle")
    title = first_named(root, "BookTitle") if title is None else title
    abstract = first_named(root, "Abstract")
    parts = []
    for one in abstract if abstract is not None else ():
        if local_name(one) == "AbstractText" and (text := _text(one)):
            label = (one.get("Label") or "").strip()
            parts.append(f"{label}: {text}" if label and label != "UNLABELLED" else text)
    year = first_named(first_named(root, "PubDate"), "Year")
    month = first_named(first_named(root, "PubDate"), "Month")
    ids = {one.get("IdType"): _text(one) for one in root.iter() if local_name(one) == "ArticleId" and _is_own(one)}
    headings = [_text(one) for one in root.iter() if local_name(one) == "DescriptorName"]
    notes = {
        "title": _text(title).strip("[]") if title is not None else None,
        "pmid": _text(first_named(root, "PMID")),
        "doi": ids.get("doi"),
        "pmc": ids.get("pmc"),
        "journal": _text(first_named(first_named(root, "Journal"), "Title")),
        "declared_language": _text(first_named(root, "Language")),
        "headings": headings[:_MAX_HEADINGS],
        "timestamp": _date(_text(year), _text(month)),
    }
    return _citation(notes, parts)


def citation_of_lines(text: str) -> Citation | None:
    """The record in the flat form, `PMID- `, `TI  - `, `AB  - ` with lines that go on below; None for what is none."""
    lines: dict[str, list[list[str]]] = {}  # of each value of a field
    key = None
    for line in text.split("\n"):  # not at other marks that end lines: they may stand in an abstract
        found = _FIELD.match(line.rstrip())
        if found:
            key = found[1]
            lines.setdefault(key, []).append([found[2].strip()])
        elif not line.strip():
            key = None
        elif key:
            lines[key][-1].append(line.strip())
    fields = {name: [" ".join(value) for value in values] for name, values in lines.items()}
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
    if not re.fullmatch("[0-9]{4}", year):
        return None
    name = month[:3].lower()
    number = _MONTHS.index(name) + 1 if name in _MONTHS else int(month) if re.fullmatch("[0-9]{1,2}", month) else 1
    return f"{year}-{min(max(number, 1), 12):02d}-01"


def _text(element: etree._Element | None) -> str:
    return _SPACES.sub(" ", text_of(element)).strip() if element is not None else ""
