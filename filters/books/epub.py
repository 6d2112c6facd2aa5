"""EPUB 2 and 3: chapters in the order of the spine, as Markdown; title, authors and languages from the package.

An EPUB is a ZIP archive of XHTML files and a package file that says which of them are read in what order. Nothing in it is
executed, no entity is expanded, nothing is fetched, and no more is unpacked than the limit.
"""

import posixpath
import re
from collections import Counter
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
from gristmill.filters.archives import ArchiveError, Zip
from gristmill.filters.books.apparatus import without_pictures
from gristmill.filters.books.book import Book, BookChoices, BookError
from gristmill.filters.books.gutenberg import body_of
from gristmill.filters.books.paragraphs import paragraphs_of
from gristmill.filters.books.plain import chosen_paragraphs
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.html.layout import HIDDEN, STATE
from gristmill.filters.html.line_numbers import leave_out_line_numbers
from gristmill.filters.html.markdown import to_markdown
from gristmill.filters.html.page import read_page
from gristmill.filters.safe_xml import local_name, parse_xml
from lxml import etree

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_TEXT_TYPES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_TEXT_SUFFIXES = (".xhtml", ".html", ".htm", ".xml")
_FONT_ENCRYPTION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_MAX_LISTED = 20
_CONTENTS_LINK_SHARE = 0.6
_FRONT_TYPES = {
    *(
        "cover",
        "titlepage",
        "title-page",
        "halftitlepage",
        "copyright-page",
        "copyright",
        "imprint",
        "imprimatur",
        "colophon",
    ),
    *("seriespage", "other-credits"),
}
_CONTENTS_TYPES = {"toc", "loi", "lot", "landmarks", "page-list", "index"}
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
_SELF_CLOSED = re.compile(rf"<(?!(?:{_VOID})\b)([A-Za-z][\w:.-]{{0,40}})((?:\s[^<>]{{0,2000}})?)/>", re.IGNORECASE)
_PAGE_BREAK = re.compile(
    r"<(span|a|div|p)\b(?=[^<>]{0,500}(?:epub:type\s*=\s*[\"'][^\"'<>]{0,100}\bpagebreak|role\s*=\s*[\"']doc-pagebreak|"
    r"class\s*=\s*[\"'](?:[^\"'<>]{0,100}\s)?(?:pagenum|pageno|pagebreak|pageno|x-ebookmaker-pageno)\b))"
    r"[^<>]{0,2000}>(?:[^<>]{0,40}|<a\b[^<>]{0,300}>[^<>]{0,40}</a>)</\1>",
    re.IGNORECASE,
)
_BODY_TYPE = re.compile(
    r"<(?:body|section|article|nav|div)\b[^<>]{0,1000}?\bepub:type\s*=\s*[\"']([^\"'<>]{0,200})[\"']", re.IGNORECASE
)
_LINKED = re.compile(r"<a\b[^<>]{0,1000}\bhref\b[^<>]{0,1000}>(.{0,2000}?)</a>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title\b[^<>]{0,200}>([^<]{1,500})</title>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_PACKAGE_FIELDS = {
    "title": "title",
    "creator": "authors",
    "language": "declared_languages",
    "identifier": "identifiers",
    "rights": "rights",
}


class _Item(NamedTuple):
    """One file of the manifest."""

    path: str
    media_type: str
    properties: frozenset[str]


class _Package(NamedTuple):
    notes: dict[str, Any]
    spine: list[_Item]
    guide: dict[str, str]  # path -> what the guide calls it: cover, toc, title-page


def epub_book(raw: bytes, max_bytes: int, choices: BookChoices | None = None) -> Book:
    """The book in an EPUB file.

    max_bytes: that may be unpacked. Raises BookError: damaged_archive, too_large, encrypted, no_text.
    """
    choices = choices or BookChoices()
    try:
        archive = Zip(raw, max_bytes)
        _refuse_encrypted(archive)
        package = _package(archive)
        return _book(archive, package, choices)
    except ArchiveError as error:
        raise BookError(error.reason, str(error)) from error


def _book(archive: Zip, package: _Package, choices: BookChoices) -> Book:
    left_out: Counter[str] = Counter()
    chapters, lost = [], []
    for item in package.spine:
        try:
            html = decoded_markup(archive.read(item.path))
        except ArchiveError as error:
            if error.reason == "too_large":
                raise
            lost.append(str(error))
            continue
        kind = _kind(item, html, package.guide)
        text = markup_text(html)
        if kind and not getattr(choices, kind):
            left_out[kind] += len(text)
        elif text.strip():
            chapters.append(text)
    book = _joined_chapters(chapters, choices, left_out)
    if not book.text.strip():
        detail = lost[0] if lost else f"{len(package.spine)} files in the spine"
        raise BookError("damaged_archive" if lost else "no_text", f"no text in the book: {detail}")
    book.notes |= {name: value for name, value in package.notes.items() if value}
    book.damage = f"{len(lost)} of {len(package.spine)} parts cannot be read: {lost[0]}" if lost else None
    return book


def markup_book(html: str, choices: BookChoices | None = None) -> Book:
    """The book in one HTML file, such as those of Project Gutenberg."""
    found = _TITLE.search(html[:200_000])
    book = _joined_chapters([markup_text(html)], choices or BookChoices(), Counter())
    if found and "title" not in book.notes:
        book.notes["title"] = " ".join(unescape(found[1]).split())[:500]
    return book


def _joined_chapters(chapters: list[str], choices: BookChoices, left_out: Counter[str]) -> Book:
    text = without_pictures("\n\n\n".join(chapters), left_out)
    lines = text.split("\n")
    parts = body_of(lines)
    if parts.is_gutenberg:
        left_out["licence"] += len(text) - len("\n".join(lines[parts.first : parts.last]))
        lines = lines[parts.first : parts.last]
    paragraphs = chosen_paragraphs(paragraphs_of(lines), choices, left_out)
    text = "\n\n".join("\n".join(paragraph) for paragraph in paragraphs if paragraph)
    return Book(text, parts.notes, left_out)


def _refuse_encrypted(archive: Zip) -> None:
    """BookError for books under digital rights management; fonts may be obfuscated."""
    if archive.is_encrypted:
        raise BookError("encrypted", "members of the archive are encrypted")
    if _ENCRYPTION in archive.names:
        root = parse_xml(archive.read(_ENCRYPTION))
        methods = (
            [one.get("Algorithm") for one in root.iter() if local_name(one) == "EncryptionMethod"]
            if root is not None
            else []
        )
        if any(method not in _FONT_ENCRYPTION for method in methods):
            raise BookError("encrypted", f"parts of the book are encrypted ({methods[0]})")


def _package(archive: Zip) -> _Package:
    path = _package_path(archive)
    root = parse_xml(archive.read(path)) if path else None
    folder = posixpath.dirname(path or "")
    items: dict[str, _Item] = {}
    spine_ids: list[str] = []
    guide: dict[str, str] = {}
    notes: dict[str, Any] = {}
    for element in root.iter() if root is not None else ():
        name = local_name(element)
        if name == "item" and element.get("href"):
            properties = frozenset((element.get("properties") or "").split())
            where = _joined(folder, element.get("href") or "")
            items[element.get("id") or where] = _Item(where, (element.get("media-type") or "").lower(), properties)
        elif name == "itemref" and element.get("idref"):
            spine_ids.append(element.get("idref") or "")
        elif name == "reference" and element.get("href"):
            guide[_joined(folder, element.get("href") or "")] = (element.get("type") or "").lower()
        elif name in _PACKAGE_FIELDS and "purl.org/dc" in str(element.tag):
            _note(notes, _PACKAGE_FIELDS[name], element)
    chosen = [items[one] for one in dict.fromkeys(spine_ids) if one in items]
    spine = [item for item in chosen or items.values() if _is_text(item)]
    if not items:  # no package that can be read: every file of text, by name
        names = sorted(name for name in archive.names if name.lower().endswith(_TEXT_SUFFIXES[:3]))
        spine = [_Item(name, _TEXT_TYPES[0], frozenset()) for name in names]
    return _Package(notes, spine, guide)


def _package_path(archive: Zip) -> str | None:
    if _CONTAINER in archive.names:
        root = parse_xml(archive.read(_CONTAINER))
        found = (
            [one.get("full-path") for one in root.iter() if local_name(one) == "rootfile"] if root is not None else []
        )
        for path in found:
            if path and _joined("", path) in archive.names:
                return _joined("", path)
    return next((name for name in sorted(archive.names) if name.lower().endswith(".opf")), None)


def _joined(folder: str, href: str) -> str:
    """The name in the archive that an address in the package means; none of it leaves the archive."""
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))).lstrip("/")


def _is_text(item: _Item) -> bool:
    return item.media_type in _TEXT_TYPES or item.path.lower().endswith(_TEXT_SUFFIXES[:3])


def _note(notes: dict[str, Any], name: str, element: etree._Element) -> None:
    text = " ".join("".join(str(part) for part in element.itertext()).split())[:500]
    if not text:
        return
    if name in ("title", "rights"):
        notes.setdefault(name, text)
    elif len(notes.setdefault(name, [])) < _MAX_LISTED:
        notes[name].append(text)


def _kind(item: _Item, html: str, guide: dict[str, str]) -> str:
    """ "contents" or "front_matter" for a part that is such; "" for the book itself."""
    if "nav" in item.properties:
        return "contents"
    kinds = {guide.get(item.path, "")}
    if found := _BODY_TYPE.search(html[:20_000]):
        kinds |= set(found[1].lower().replace("z3998:", "").split())
    size = len(_TAG.sub("", html).strip())
    if kinds & _CONTENTS_TYPES and _linked_share(html, size) > 0.3:
        return "contents"
    if kinds & _FRONT_TYPES and size < 5000:
        return "front_matter"
    if size < 50_000 and _linked_share(html, size) > _CONTENTS_LINK_SHARE and len(_LINKED.findall(html)) >= 5:
        return "contents"
    return ""


def _linked_share(html: str, size: int) -> float:
    """The share of a part's text that stands in links."""
    return sum(len(_TAG.sub("", text).strip()) for text in _LINKED.findall(html[:400_000])) / max(size, 1)


def decoded_markup(raw: bytes) -> str:
    """XHTML as text: UTF-8 unless it is something else."""
    mark = mark_of(raw)
    if mark:
        return decode(raw[len(mark[0]) :], mark[1])
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return decode(raw, choose_encoding(raw, [], is_html=True))


def markup_text(html: str) -> str:
    """All shown text of an XHTML file as Markdown, without marks of page breaks."""
    html = _PAGE_BREAK.sub("", html)
    html = _SELF_CLOSED.sub(r"<\1\2></\1>", html)  # HTML knows no self-closing elements, XHTML does
    page = read_page(html.encode("utf-8", "replace"))
    kept: np.ndarray = page.blocks[:, STATE] & HIDDEN == 0
    leave_out_line_numbers(page, kept)
    return to_markdown(page, kept)
