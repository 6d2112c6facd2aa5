"""A book from the bytes of a file, whatever its form: EPUB, ZIP archive of scanned pages, HTML, plain text."""

import re

from gristmill.filters.archives import ArchiveError, Zip
from gristmill.filters.books.book import Book, BookChoices, BookError
from gristmill.filters.books.epub import decoded_markup, epub_book, markup_book
from gristmill.filters.books.plain import plain_book
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode, replaced_bytes
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.encoding.labels import codec_of

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MARKUP = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml\b|<!doctype\s+html|<html\b|<head\b)", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
_MARKUP_SUFFIXES = (".xhtml", ".html", ".htm", ".opf")


def book_of(raw: bytes, max_bytes: int, encoding: str = "auto", choices: BookChoices | None = None) -> Book:
    """The book in a file. max_bytes: that an archive may unpack to. encoding: of plain text, or "auto".

    Raises BookError, its `reason` a short snake_case fact, for a file that gives no text.
    """
    if raw.startswith(_ZIP):
        return _from_archive(raw, max_bytes, encoding, choices)
    if _MARKUP.match(raw[:2000]):
        book = markup_book(decoded_markup(raw), choices)
    else:
        notes: dict[str, object] = {}
        book = plain_book(_decoded(raw, encoding, notes), choices)
        book.notes |= notes
    if not book.text.strip():
        raise BookError("no_text", f"nothing is left of {len(raw)} bytes: {dict(book.left_out)}")
    return book


def _from_archive(raw: bytes, max_bytes: int, encoding: str, choices: BookChoices | None) -> Book:
    """An EPUB, or pages of plain text, one to a file and in the order of the numbers in their names."""
    try:
        archive = Zip(raw, max_bytes)
        pages = [name for name in archive.names if name.lower().endswith(".txt")]
        if not pages or any(name.lower().endswith(_MARKUP_SUFFIXES) for name in archive.names):
            return epub_book(raw, max_bytes, choices)
        pages.sort(key=lambda name: ([int(digits[:18]) for digits in _NUMBERS.findall(name)], name))
        joined = b"\n\f\n".join(archive.read(name) for name in pages)
    except ArchiveError as error:
        raise BookError(error.reason, str(error)) from error
    notes: dict[str, object] = {"pages": len(pages)}
    book = plain_book(_decoded(joined, encoding, notes), choices)
    book.notes |= notes
    if not book.text.strip():
        raise BookError("no_text", f"{len(pages)} pages without text")
    return book


def _decoded(raw: bytes, encoding: str, notes: dict[str, object]) -> str:
    mark = mark_of(raw)
    if mark:
        raw, name = raw[len(mark[0]) :], mark[1]
    else:
        name = (codec_of(encoding) if encoding != "auto" else None) or choose_encoding(raw, [])
    if name != "utf-8":
        notes["charset"] = name
    text = decode(raw, name)
    if count := replaced_bytes(raw, text, name):
        notes["replaced_bytes"] = count
    return text
