"""One page of a MediaWiki export, from its XML to Markdown, or the reason why it is no document."""

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

import pyarrow as pa
from gristmill.filters.wiki.article import is_disambiguation, is_redirect, to_markdown
from gristmill.filters.wiki.words import CANONICAL_NAMESPACES, CATEGORIES, FILES
from gristmill.pipelines.sources.readers.conversion import Converted, convert_each
from gristmill.pipelines.sources.readers.mediawiki.site import address

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_PLACES = {
    "/page/title": "title",
    "/page/ns": "ns",
    "/page/id": "page_id",
    "/page/revision/id": "revision_id",
    "/page/revision/timestamp": "timestamp",
    "/page/revision/model": "model",
    "/page/revision/text": "text",
}
_MAX_DEPTH = 20


def convert(batch: pa.RecordBatch, config: Mapping[str, Any]) -> pa.RecordBatch:
    """extract.RAW_PAGES in, extract.EXTRACTED out. config: the facts of `site_of`, and `read`: the namespaces wanted."""
    return convert_each(batch, lambda raw: convert_page(raw, config))


def convert_page(raw: bytes, config: Mapping[str, Any]) -> Converted:
    """A page's XML, with one revision, as a document; skipped where it is no prose by design."""
    notes: dict[str, Any] = {}
    try:
        page = _parse(raw)
    except expat.ExpatError as error:
        text = raw.decode("utf-8", "replace")
        repaired, count = _FORBIDDEN.subn("\ufffd", text)
        if not count and "\ufffd" not in text:
            return Converted(None, defect="invalid_xml", detail=str(error))
        try:
            page = _parse(repaired.encode())
        except expat.ExpatError:
            return Converted(None, defect="invalid_xml", detail=str(error))
        notes["replaced_bytes"] = count + text.count("\ufffd") - raw.count("\ufffd".encode())
    title = page.get("title", "").strip()
    skipped = _reason(page, title, config)
    if skipped:
        return Converted(None, skipped=skipped)
    names = config.get("namespaces", {})
    text = page["text"]
    article = to_markdown(
        text,
        title,
        files=filter(None, (names.get("6"), names.get("-2"))),
        categories=filter(None, (names.get("14"),)),
    )
    if not article.text:
        return Converted(None, skipped="no_prose")
    notes |= {name: page[name].strip() for name in ("page_id", "revision_id", "timestamp") if page.get(name)}
    notes |= {name: config[name] for name in ("wiki", "language") if config.get(name)}
    notes |= {"title": title, "url": address(config.get("base"), title), "left_out": dict(article.left_out)}
    notes["sections"] = [list(section) for section in article.sections]
    return Converted(article.text, notes)


def _reason(page: Mapping[str, str], title: str, config: Mapping[str, Any]) -> str | None:
    """Why a page is no document by design."""
    number = namespace_of(page.get("ns"), title, config.get("namespaces", {}))
    if number not in config["read"]:
        return f"namespace_{CANONICAL_NAMESPACES.get(number, number)}"
    if "redirect" in page:
        return "redirect"
    model = page.get("model", "").strip() or "wikitext"
    if model != "wikitext":
        return "model_" + _NOT_NAME.sub("_", model.lower()).strip("_")
    text = page.get("text", "")
    if not text.strip():
        return page.get("without_text", "empty_page")
    if is_redirect(text):
        return "redirect"
    if text[:1] == "{" and text.rstrip()[-1:] == "}" and text[1:2] in ('"', "\n", "\t") and '":' in text[:1000]:
        return "model_json"  # of exports that do not say what their texts are
    return "disambiguation" if is_disambiguation(text, title) else None


def namespace_of(said: str | None, title: str, names: Mapping[str, str]) -> int:
    """The number of a page's namespace: as the export says, in old exports by the prefix of the title."""
    if said is not None and said.strip().lstrip("-").isdigit():
        return int(said)
    prefix, colon, rest = title.partition(":")
    prefix = " ".join(prefix.replace("_", " ").split()).lower()
    if not colon or not rest:
        return 0
    for number, name in names.items():
        if name and name.lower() == prefix:
            return int(number)
    if prefix in FILES:
        return 6
    if prefix in CATEGORIES:
        return 14
    return next((number for number, name in CANONICAL_NAMESPACES.items() if name.replace("_", " ") == prefix), 0)


def _parse(raw: bytes) -> dict[str, str]:
    """The fields of a page. An entity beside XML's own five is an error, as no document type is ever read."""
    page: dict[str, str] = {}
    parts: dict[str, list[str]] = {}
    path: list[str] = []
    wanted: list[str] | None = None

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal wanted
        path.append(name)
        place = "/" + "/".join(path) if len(path) <= _MAX_DEPTH else ""
        field = _PLACES.get(place)
        wanted = parts.setdefault(field, []) if field else None
        if place == "/page/redirect":
            page["redirect"] = attributes.get("title", "")
        if field == "text":
            if "deleted" in attributes:
                page["without_text"] = "deleted_text"
            elif "id" in attributes or "location" in attributes or attributes.get("bytes", "0") != "0":
                page["without_text"] = "text_not_in_dump"

    def end(name: str) -> None:
        nonlocal wanted
        path.pop()
        wanted = None

    def characters(data: str) -> None:
        if wanted is not None:
            wanted.append(data)

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.Parse(raw, True)
    return page | {name: "".join(found) for name, found in parts.items()}
