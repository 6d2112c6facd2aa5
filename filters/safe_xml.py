"""XML from anywhere, as a tree: no document type, no entity of its own, no network, damage mended as far as it goes."""

import re
from collections.abc import Iterator
from html.entities import html5

from lxml import etree

_DOCTYPE = re.compile(rb"<!DOCTYPE\s+[^\[>]{0,4000}(\[)?", re.IGNORECASE)
_SUBSET_END = re.compile(rb"\]\s*>")
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9._-]{0,60});")
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}
_ROOT = re.compile(rb"<[A-Za-z_:]")
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_MAX_PROLOG_BYTES = 200_000
_DIGITS = re.compile("[0-9]{1,4}")


def parse_xml(raw: bytes, damage: list[str] | None = None) -> etree._Element | None:
    """The root element; None where nothing of it is XML. damage: gets the first thing in it that is no XML.

    The document type declaration is taken off, so no entity is expanded and nothing is fetched; the entities that HTML
    names (`&nbsp;`) become their characters, others stay as they stand. Elements nested deeper than libxml2 takes
    (256 levels) end the tree there.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_pis=True
    )
    try:
        root = etree.fromstring(without_doctype(raw), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    errors = [one for one in parser.error_log if one.level >= etree.ErrorLevels.FATAL]
    if errors and damage is not None:
        damage.append(f"line {errors[0].line}: {errors[0].message}"[:300])
    return root


def without_doctype(raw: bytes) -> bytes:
    """The bytes without document type declaration, with named entities of HTML as characters."""
    if wide := _WIDE.get(raw[:2]):
        raw = raw.decode(wide, "replace").encode("utf-8", "replace")
        raw = re.sub(rb"^(?:\xef\xbb\xbf)?<\?xml[^>]{0,300}\?>", b"", raw)
    root = _ROOT.search(raw, 0, _MAX_PROLOG_BYTES)
    found = _DOCTYPE.search(raw, 0, root.start() if root else _MAX_PROLOG_BYTES)  # one within is text, as in CDATA
    if found:
        end = raw.find(b">", found.end() - 1)
        if found[1]:
            closed = _SUBSET_END.search(raw, found.end())
            end = closed.end() - 1 if closed else -1
        if end >= 0:
            raw = raw[: found.start()] + raw[end + 1 :]
    return _ENTITY.sub(_character, raw)


def _character(match: re.Match[bytes]) -> bytes:
    name = match[1]
    if name in _OF_XML:
        return match[0]
    known = html5.get(name.decode() + ";")
    if known is None:
        return b"&amp;" + name + b";"
    return "".join(f"&#{ord(one)};" for one in known).encode()


def first_named(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first element of a name, the given one and all below it looked at in their order; None where there is none."""
    return next((one for one in element.iter() if local_name(one) == name), None) if element is not None else None


def text_of(element: etree._Element) -> str:
    """All text in an element."""
    return "".join(str(part) for part in element.itertext())


def local_name(element: etree._Element) -> str:
    """The tag without its namespace; "" for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def child_named(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first of an element's children of a name; None where there is none."""
    return next((one for one in element if local_name(one) == name), None) if element is not None else None


def children_named(element: etree._Element | None, name: str) -> list[etree._Element]:
    """An element's children of a name, in their order."""
    return [one for one in element if local_name(one) == name] if element is not None else []


def outermost(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The elements of a name below one, in their order, without those that lie within another of the name."""
    for child in element:
        if local_name(child) == name:
            yield child
        else:
            yield from outermost(child, name)


def number_of(text: str | None) -> int:
    """What a text of up to four digits says; 1 for any other."""
    return int(text) if text and _DIGITS.fullmatch(text) else 1
